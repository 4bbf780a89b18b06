"""The Python of README and docs passes ``mypy --strict``, as in a reader's own file."""

import doctest
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.rst"))]
# What a page says in words before its snippet.
GIVEN = {
    "importing": "from typing import Any\nsample: Any\n",
    "integration": "from typing import Any\nself: Any\nplatform: Any\n",
    "design-files": "import numpy as np\nimport torch\nbn: torch.nn.BatchNorm1d\n",
    "network-training": "from torch import Tensor\nx: Tensor\nlength: Tensor\nlabel: Tensor\n",
}
# The library is checked by itself, and types of torch are not always there. An editable install of
# folders that are mapped is nothing that mypy sees.
CONFIG = f"""
[mypy]
strict = true
follow_imports = silent
mypy_path = {ROOT}
[mypy-my_layer_litex]
ignore_missing_imports = true
[mypy-torch.*]
follow_imports = skip
ignore_missing_imports = true
"""


def blocks(page):
    """Give the blocks of Python of a page."""
    text = page.read_text(encoding="utf-8")
    yield from re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    block = r"^( *)\.\. code-block:: python\n(?:\1   :.*\n)*\n((?:(?:\1   .*)?\n)+)"
    for _, code in re.findall(block, text + "\n", re.MULTILINE):
        yield textwrap.dedent(code)


def session(page):
    """Give what is typed in a page's examples, one after the other."""
    text = page.read_text(encoding="utf-8")
    setup = re.findall(r"^\.\. testsetup::\n\n((?:(?:   .*)?\n)+)", text, re.MULTILINE)
    typed = doctest.DocTestParser().get_examples(text)
    return "".join([*map(textwrap.dedent, setup), *(example.source for example in typed)])


def test_snippets_have_types(tmp_path):
    pytest.importorskip("mypy", reason="needs the extra 'test' (mypy)")
    (tmp_path / "mypy.ini").write_text(CONFIG)
    names = []
    for page in PAGES:
        name = re.sub(r"\W", "_", str(page.relative_to(ROOT).with_suffix("")))
        codes = [GIVEN.get(page.stem, "") + code for code in blocks(page)]
        for number, code in enumerate([*codes, session(page)]):
            if code:
                names.append(f"{name}_{number}.py")
                (tmp_path / names[-1]).write_text(code)
    assert len(names) > 25
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "--cache-dir=/dev/null", *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
