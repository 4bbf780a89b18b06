"""The cache: what it gives is whole, whatever became of it since."""

import fcntl
import os
import time

import pytest

from spikeloom.sim.cache import CacheError, cached


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """Make an entry of two files and count how often it is built."""
    monkeypatch.setenv("SPIKELOOM_CACHE", str(tmp_path / "cache"))
    built = []

    def build(folder):
        built.append(folder)
        (folder / "dut.so").write_bytes(bytes(range(256)) * 40)
        (folder / "sub").mkdir()
        (folder / "sub" / "text").write_text("whole")
        (folder / "link").symlink_to("sub/text")

    def get():
        folder = cached("kind", ("key", "2"), build)
        assert len((folder / "dut.so").read_bytes()) == 10240
        assert (folder / "link").read_text() == "whole"
        return folder

    return get, built


def test_an_entry_is_built_once(entry):
    get, built = entry
    assert get() == get()
    assert len(built) == 1
    assert {path.name for path in get().parent.iterdir()} == {get().name}


def truncate(folder):
    os.truncate(folder / "dut.so", 5000)


def zero(folder):
    (folder / "dut.so").write_bytes(bytes(10240))


def empty(folder):
    for path in (
        folder / "dut.so",
        folder / "link",
        folder / "entry.json",
        folder / "sub" / "text",
    ):
        path.unlink()


def add(folder):
    (folder / "more").write_text("")


def relink(folder):
    (folder / "link").unlink()
    (folder / "link").symlink_to("dut.so")


def spoil_list(folder):
    (folder / "entry.json").write_text("{")


def replace_by_file(folder):
    folder.rename(folder.with_name("away"))
    folder.write_text("a file")


def replace_by_link(folder):
    folder.rename(folder.with_name("away"))
    folder.symlink_to("nowhere")


@pytest.mark.parametrize(
    "damage",
    [truncate, zero, empty, add, relink, spoil_list, replace_by_file, replace_by_link],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_entry_is_built_again(entry, damage):
    get, built = entry
    folder = get()
    damage(folder)
    assert get() == folder
    assert get() == folder
    assert len(built) == 2


def test_a_build_that_fails_leaves_nothing(entry, tmp_path):
    def fail(folder):
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("kind", ("other",), fail)
    assert list((tmp_path / "cache" / "kind").iterdir()) == []


def test_what_a_killed_run_left_is_removed(entry, tmp_path):
    get, _ = entry
    kind = tmp_path / "cache" / "kind"
    dead, alive, young = kind / ".a.partial", kind / ".b.partial", kind / ".c.partial"
    for folder in (dead, alive, young):
        folder.mkdir(parents=True)
        (folder / "half").write_text("")
        if folder != young:
            os.utime(folder, (time.time() - 3600,) * 2)
    handle = os.open(alive, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        folder = get()
    finally:
        os.close(handle)
    assert set(kind.iterdir()) == {alive, young, folder}


def test_a_cache_that_cannot_be_made_is_named(entry, tmp_path):
    get, built = entry
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CacheError, match=r"^SPIKELOOM_CACHE: .*cache: must be a folder for the"):
        get()
    assert not built
