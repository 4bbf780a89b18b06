"""A stranger's folder: the wheel alone, in an environment of its own."""

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "docs", "out", "tests", "tools", "*.egg-info", "__pycache__"
)
# Those that a design names, and recorded inputs.
ARRAYS = {
    "vowels_fast/chip": {"network-weights.npz", "network-test.npz"},
    "japanese_vowels/attention-xnor-log": {"spikes-batch-xnor-log.npz"},
    "tiny-32x64-projection": {
        f"tiny-32x64-projection-{name}.npy" for name in ("weights", "bias", "thresholds")
    },
}


def run(*command, cwd, code=0, **options):
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def spikeloom(tmp_path_factory):
    """Build the wheel, install it where nothing else of this repository is; give the command."""
    pytest.importorskip("setuptools", "77", reason="needs the extra 'test' (setuptools)")
    folder = tmp_path_factory.mktemp("wheel")
    # A build leaves files where the sources are.
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=LEFT_OUT)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--no-build-isolation", "--no-index"]
    run(*pip, "wheel", *options, "--wheel-dir", folder, "./source", cwd=folder)
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(folder / "source")
    made = folder / "environment"
    venv.create(made, with_pip=False)
    python = made / "bin" / "python"
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # What it depends on is that of the tests; what their .pth files lead to is not.
    (home,) = made.glob("lib/*/site-packages")
    (home / "others.pth").write_text("\n".join(site.getsitepackages()))
    return made / "bin" / "spikeloom"


def test_it_is_the_wheel_and_nothing_else(spikeloom, tmp_path):
    code = "import spikeloom, spikeloom.hdl; print(spikeloom.__file__, spikeloom.hdl.__file__)"
    found = run(spikeloom.with_name("python"), "-c", code, cwd=tmp_path).split()
    assert all(Path(file).is_relative_to(spikeloom.parents[1]) for file in found)


@pytest.mark.synth
def test_a_folder_builds_reports_and_lints(spikeloom, tmp_path):
    tools = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    made = run(spikeloom, "init", "my-chip", cwd=tmp_path).split()
    folder = tmp_path / "my-chip"
    assert sorted(made) == sorted(
        f"my-chip/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file()
    )
    assert run(spikeloom, "lint", "my-chip.toml", cwd=folder) == ""
    # Budget and all.
    run(
        *(spikeloom, "build", "my-chip.toml", "-o", "out/build"),
        *("--seeds", "1", "--no-simulation"), cwd=folder, env=tools,
    )  # fmt: skip
    assert "logic cells" in run(spikeloom, "report", "out/build", cwd=folder)
    assert "| logic cells" in run(spikeloom, "report", "out/build", "--markdown", cwd=folder)


@pytest.mark.parametrize("example", ARRAYS)
def test_examples_are_in_the_wheel(spikeloom, example, tmp_path):
    run(spikeloom, "init", "--example", example, cwd=tmp_path)
    (design,) = tmp_path.glob("*.toml")
    assert design.stem == Path(example).name
    assert run(spikeloom, "lint", design.name, cwd=tmp_path) == ""
    arrays = {path.name for path in tmp_path.iterdir() if path.suffix in (".npy", ".npz")}
    assert arrays == ARRAYS[example]


def test_a_missing_toolchain_is_told(spikeloom, tmp_path):
    run(spikeloom, "init", cwd=tmp_path)
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'pyosys' else find(name, *rest)\n"
        "from spikeloom.cli import main; sys.exit(main(sys.argv[1:]))\n"
    )
    (design,) = tmp_path.glob("*.toml")
    done = subprocess.run(
        [spikeloom.with_name("python"), "-c", code, "generate", design.name, "-o", "out"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith("; pip install 'spikeloom[toolchain]'\n")
