"""What every design file says, whatever its layer computes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from spikeloom.design.errors import explain
from spikeloom.design.names import LONGEST, PATTERN, check_name, default_name
from spikeloom.design.read import DesignError, read_toml, show
from spikeloom.design.target import Budget, Target
from spikeloom.design.values import Section
from spikeloom.design.words import Words
from spikeloom.errors import nearest
from spikeloom.kinds import KINDS, part

__all__ = ["Design"]


def _without_default(schema: dict[str, Any]) -> None:
    """Leave out the default of a key that follows from more than the key."""
    schema.pop("default")


class Design(Section):
    """One layer, immutable: the base of the kinds of design files.

    A kind adds its keys, among them ``steps`` (time steps of an inference) and ``kind``, with its
    own name as the only value. Checks that span several keys raise :exc:`DesignError` from a model
    validator.
    """

    if TYPE_CHECKING:
        steps: int

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: str = Field(
        default="layer",
        pattern=PATTERN,
        max_length=LONGEST,
        description="Name of the files; the Verilog module has _ for -. Default: that of the "
        "design file.",
        json_schema_extra=_without_default,
    )
    target: Target = Field(default=Target(), description="Device, clock and stream width.")
    budget: Budget = Field(default=Budget(), description="What the layer may cost.")
    kind: str

    @model_validator(mode="before")
    @classmethod
    def _name(cls, data: object, info: ValidationInfo) -> object:
        """Name the layer after its file, or after its kind where there is none."""
        if not isinstance(data, dict) or "name" in data:
            return data
        file = (info.context or {}).get("file")
        return {**data, "name": default_name(file) if file else cls.model_fields["kind"].default}

    def model_post_init(self, context: object) -> None:
        """Refuse a name that some tool or language keeps for itself."""
        check_name(self.name)

    @classmethod
    def from_dict(
        cls, data: Mapping[str, object], *, folder: Path | str = ".", file: str = ""
    ) -> Self:
        """Validate a dictionary; files that it names are read against ``folder``.

        Of this class, makes a design of the kind that the key ``kind`` names; without it, of an
        attention layer.

        ``file`` is the design file, for messages and for the name of a layer that gives none.

        Raises :exc:`DesignError`, and nothing else, whatever the dictionary holds.
        """
        if not isinstance(data, Mapping):
            raise DesignError("", show(data), "must be a dictionary of keys and values", file)
        if cls is Design:
            made: Self = _kind(data, file).from_dict(data, folder=folder, file=file)
            return made
        try:
            return cls.model_validate(dict(data), context={"folder": Path(folder), "file": file})
        except ValidationError as error:
            raise explain(cls, error, file) from None
        except DesignError as error:
            raise DesignError(error.key, error.value, error.allowed, file) from None

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read and validate a design file, as a layer of this kind; of this class, of any.

        Raises :exc:`DesignError`, one line ``file: key: value: what is allowed``, and nothing else.
        """
        path = Path(path)
        return cls.from_dict(read_toml(path), folder=path.parent, file=str(path))

    @property
    def module(self) -> str:
        """Name of the Verilog module."""
        return self.name.replace("-", "_")

    @property
    def beat(self) -> int:
        """Bits of a beat, B."""
        return self.target.beat

    @property
    def link(self) -> int:
        """Bits of both streams at the pins: those of a beat, or fewer."""
        return self.target.link or self.target.beat

    @property
    def infers_dsp(self) -> bool:
        """Say if synthesis is to make hard multipliers of products."""
        return False

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        return (("layer", f"{self.kind}, {self.steps} time steps"),)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return ()


def _kind(data: Mapping[str, object], file: str) -> Any:
    """Find the design of the kind that a dictionary names."""
    kind = data.get("kind", KINDS[0])
    if not isinstance(kind, str) or kind not in KINDS:
        allowed = f"must be one of {', '.join(KINDS)}{nearest(kind, KINDS)}"
        raise DesignError("kind", show(kind), allowed, file)
    return part(kind, "design")
