"""The pictures of a report, in the order in which they are looked at."""

from html import escape

from spikeloom.report.model import Report
from spikeloom.report.pictures.clock import draw_clock
from spikeloom.report.pictures.floorplan import draw_floorplan
from spikeloom.report.pictures.memories import draw_memories
from spikeloom.report.pictures.palette import Palette
from spikeloom.report.pictures.spikes import draw_spikes
from spikeloom.report.pictures.timeline import draw_activity, draw_stages
from spikeloom.report.pictures.treemap import draw_treemap

__all__ = ["pictures"]

#: Width, in CSS pixels, of a picture that has the page for itself.
_FULL = 1180


def pictures(report: Report, palette: Palette) -> str:
    """Draw what a report holds; a picture whose numbers are not known is left out."""
    left = _floorplan(report, palette) + _clock(report) + _spikes(report)
    right = _treemap(report, palette) + _memories(report, palette)
    return "\n".join([_pair(left, right), _cycles(report)])


def _pair(left: str, right: str) -> str:
    """Put two columns of cards side by side, where there is room."""
    if not left or not right:
        return left or right
    return f'<div class="pair"><div>{left}</div><div>{right}</div></div>'


def _card(title: str, body: str, caption: str = "") -> str:
    words = f'<p class="caption">{escape(caption)}</p>' if caption else ""
    return f"<section><h2>{escape(title)}</h2>{body}{words}</section>"


def _floorplan(report: Report, palette: Palette) -> str:
    if report.floorplan is None:
        return ""
    seed = next((seed for seed in report.seeds if seed.seed == report.bitstream_seed), None)
    path = None if seed is None else seed.worst
    drawn = draw_floorplan(report.floorplan, palette, path)
    caption = f"Seed {report.bitstream_seed}, that of the bitstream."
    if path is not None and path.steps:
        caption += f" In white its worst path, {path.start} to {path.end}."
    return _card("Floorplan", drawn, caption)


def _treemap(report: Report, palette: Palette) -> str:
    if not report.area.logic_cells.used:
        return ""
    key = "".join(
        f'<li><i class="{part.colour}"></i>{escape(part.label)}<b>{part.logic_cells:,}</b></li>'
        for part in sorted(palette.parts, key=lambda part: (not part.path, -part.logic_cells))
    )
    return _card(
        "Logic cells by module",
        f'{draw_treemap(report.modules, palette)}<ul class="key">{key}</ul>',
    )


def _clock(report: Report) -> str:
    if not any(seed.worst for seed in report.seeds):
        return ""
    key = (
        '<ul class="key"><li><i class="logic"></i>logic</li>'
        '<li><i class="routing"></i>routing</li></ul>'
    )
    caption = "From register to register, cell by cell and wire by wire. * Seed of the bitstream."
    return _card("Worst path of each seed", draw_clock(report) + key, caption)


def _cycles(report: Report) -> str:
    parts = []
    if report.activity is not None:
        caption = "Two inferences back to back, as simulated. A pale bin was active in part."
        parts.append(f'{draw_activity(report.activity, _FULL)}<p class="caption">{caption}</p>')
    if report.stages:
        parts.append("<h3>Layer by layer, predicted</h3>" + draw_stages(report.stages, _FULL))
    return _card("Cycles of an inference", "".join(parts)) if parts else ""


def _memories(report: Report, palette: Palette) -> str:
    if not any(memory.ebr or memory.spram for memory in report.memories):
        return ""
    ebr, spram = report.area.ebr, report.area.spram
    caption = f"{ebr.used} of {ebr.available} EBR of 4 kbit"
    if spram.available:
        caption += f", {spram.used} of {spram.available} SPRAM of 256 kbit"
    return _card(
        "Memories", draw_memories(report.memories, report.floorplan, palette), f"{caption}."
    )


def _spikes(report: Report) -> str:
    if not report.firing:
        return ""
    return _card("Spikes", draw_spikes(report.firing), f"{report.stimulus}.")
