"""Processes that are killed while they unpack: what they leave is swept, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sk_viz.surveys import shelf

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")

# Unpacks without an end.
UNPACKING = """
import time
from sk_viz.surveys.shelf import new_folder
with new_folder() as folder:
    (folder / "pictures").mkdir()
    (folder / "pictures" / "0.png").write_bytes(b"half")
    print(folder.name, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _own_shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path))


@contextmanager
def unpacking() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that is at it, and the name of its folder."""
    command = [sys.executable, "-c", UNPACKING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def names() -> set[str]:
    return {path.name for path in shelf.shelf_dir().iterdir()}


def long_ago(name: str) -> None:
    then = time.time() - 10 * 24 * 3600
    os.utime(shelf.shelf_dir() / name, (then, then))


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_is_at_stays():
    request = shelf.SurveyRequest("", "sknet_tiny", (1.0,), ("zoom",), None, "cpu")
    with shelf.new_folder() as folder:
        kept = shelf.keep(folder, "mine", request)
    assert names() == {kept.name}
    with unpacking() as (killed, left), unpacking() as (_, going_on):
        assert left != going_on
        for name in (left, going_on):  # however long they have been at it
            assert (shelf.shelf_dir() / name / "pictures" / "0.png").exists()
            long_ago(name)
        shelf.sweep_shelf()
        assert {left, going_on} <= names()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        shelf.sweep_shelf()
        assert names() == {kept.name, going_on, f"{going_on}.lock"}
        assert (shelf.shelf_dir() / going_on / "pictures" / "0.png").read_bytes() == b"half"
    shelf.sweep_shelf()
    assert names() == {kept.name}


def test_what_this_process_is_at_stays():
    with shelf.new_folder() as folder:
        shelf.sweep_shelf()
        assert folder.is_dir()
    assert names() == set()


def test_a_deletion_that_was_killed_is_ended():
    shelf.shelf_dir().mkdir(parents=True)
    (shelf.shelf_dir() / ".gone-mine-0123" / "survey").mkdir(parents=True)
    shelf.sweep_shelf()
    assert names() == set()


def test_a_lock_alone_goes_after_a_day():
    shelf.shelf_dir().mkdir(parents=True)
    for name in (".new-old.lock", ".new-young.lock"):
        (shelf.shelf_dir() / name).touch()
    long_ago(".new-old.lock")
    shelf.sweep_shelf()
    assert names() == {".new-young.lock"}


def test_the_first_look_at_the_surveys_sweeps():
    from sk_viz.app.survey import page as survey

    with unpacking() as (killed, left):
        killed.kill()
        killed.wait()
    assert left in names()
    survey.runs.clear()
    survey.runs()
    assert names() == set()
