"""Files that are complete or not written at all, with the modes that ``open`` would give them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from sk_viz.files import whole_file, write_atomic, write_together

posix = pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@posix
def test_a_new_file_has_the_mode_that_open_gives(tmp_path, umask):
    (tmp_path / "plain").open("w").close()
    write_atomic(tmp_path / "atomic", b"a")
    write_together({tmp_path / "one": b"1", tmp_path / "two": b"2"})
    with whole_file(tmp_path / "whole") as file:
        file.write(b"w")
    assert {_mode(path) for path in tmp_path.iterdir()} == {0o666 & ~umask}


@posix
def test_a_replaced_file_keeps_its_mode(tmp_path, umask):
    for path in (tmp_path / "a", tmp_path / "b"):
        path.write_bytes(b"old")
        path.chmod(0o640)
    write_atomic(tmp_path / "a", b"new")
    write_together({tmp_path / "b": b"new"})
    assert [_mode(tmp_path / name) for name in "ab"] == [0o640, 0o640]


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("links", [True, False])
def test_all_stay_as_they_were_when_one_cannot_be_replaced(tmp_path, monkeypatch, failing, links):
    """The first is there already, the second is new, the third is there already."""
    paths = [tmp_path / name for name in ("a", "b", "c")]
    paths[0].write_bytes(b"old a")
    paths[2].write_bytes(b"old c")
    replace, seen = Path.replace, []

    def failing_replace(self, target):
        seen.append(target)
        if len(seen) == failing + 1:
            raise OSError(errno.EACCES, "denied")
        return replace(self, target)

    def no_links(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "replace", failing_replace)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    with pytest.raises(OSError, match="denied"):
        write_together(dict.fromkeys(paths, b"new"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"old a",
        "c": b"old c",
    }
    monkeypatch.undo()
    write_together(dict.fromkeys(paths, b"new"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(
        "abc", b"new"
    )


def test_a_reader_of_the_old_file_reads_on(tmp_path):
    """The old contents are never written over, only given up."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_together({path: b"new"})
        assert reader.read() == b"old"


@pytest.mark.parametrize("name", ["x" * 255, "\u00fc" * 127, "x" * 251 + ".png"])
def test_a_name_as_long_as_the_file_system_takes(tmp_path: Path, name: str) -> None:
    write_atomic(tmp_path / name, b"a")
    write_together({tmp_path / name: b"b", tmp_path / f"y{name[1:]}": b"c"})
    assert (tmp_path / name).read_bytes() == b"b"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, f"y{name[1:]}"])
