"""Surveys that wait for each other: their order, and stopping one that waits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from sk_viz.app.survey import runs as module
from sk_viz.app.survey.runs import SurveyRuns
from sk_viz.surveys.shelf import StoredSurvey, SurveyRequest


def stored(name: str) -> StoredSurvey:
    request = SurveyRequest("somewhere", "sknet_tiny", (1.0,), ("zoom",), None, "cpu")
    return StoredSurvey(name, Path(name), request)


class Gate:
    """In place of surveys: each waits until it may go on, and says in which order they began."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.is_begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, _model: str, _source: Path, survey: Path, *_: Any, **settings: Any) -> None:
        self.begun.append(survey.parent.name)
        self.is_begun.set()
        assert self.may_end.wait(30)
        settings["progress"](None)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(module, "run_survey", gate)
    return gate


def test_first_in_first_out(gate: Gate) -> None:
    runs = SurveyRuns()
    names = [f"s{n}" for n in range(8)]
    started = [runs.start(stored(name)) for name in names]
    assert gate.is_begun.wait(30)
    assert [runs.ahead_of(run) for run in started] == list(range(8))
    gate.may_end.set()
    assert all(run.wait(30) for run in started)
    assert gate.begun == names


def test_one_that_waits_is_stopped_at_once_and_never_begins(gate: Gate) -> None:
    runs = SurveyRuns()
    first, second, third = (runs.start(stored(name)) for name in ("a", "b", "c"))
    assert gate.is_begun.wait(30)
    second.stop()
    assert second.stopped
    assert not second.running  # while the first still runs
    assert first.running
    assert runs.ahead_of(third) == 1
    again = runs.start(stored("b"))  # and may be asked for again, behind the others
    assert again is not second
    gate.may_end.set()
    assert all(run.wait(30) for run in (first, third, again))
    assert gate.begun == ["a", "c", "b"]


def test_one_that_runs_is_stopped_at_its_next_batch(gate: Gate) -> None:
    runs = SurveyRuns()
    run = runs.start(stored("a"))
    assert gate.is_begun.wait(30)
    run.stop()
    assert run.running
    gate.may_end.set()
    assert run.wait(30)
    assert run.stopped
    assert run.error == ""
