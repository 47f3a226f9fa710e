"""The command is told to end while it works: it ends soon, and what was stored is resumed."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from test_many import SLOW
from visitors import Server, Visitor, serving
from waiting import wait_until
from wishes import drawn

from sk_viz.surveys.shelf import StoredSurvey, SurveyRequest, done_and_total, keep, new_folder
from sk_viz.surveys.store import Store

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal"),
]
SOON = 30.0  # seconds; a forward of the large network takes some of them on a busy machine
PICTURES, SCALES = 800, (1.0, 1.5, 2.0)


def commanded(folder: Path) -> AbstractContextManager[Server]:
    command = ("-m", "sk_viz", "app", "--no-browser", "--port", "PORT")
    return serving(folder, 120, *command)


def end(server: Server) -> None:
    """Tell the command to end; it does so soon, and as one that was asked to."""
    server.process.terminate()
    assert server.process.wait(SOON) == 0
    log = server.log.read_text()
    assert "Traceback" not in log, log
    assert "outcome=failed" not in log, log


def test_a_sweep_that_runs_does_not_hold_the_server(tmp_path: Path) -> None:
    with commanded(tmp_path) as server, Visitor(server, {**SLOW, "picture": "panda"}) as visitor:
        visitor.ask()
        visitor.until(lambda: any("Sweeping" in said for said in visitor.said))
        assert visitor.answered is None
        end(server)


def files(folder: Path) -> dict[str, bytes]:
    """The parts that a survey has stored, by name."""
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


@pytest.mark.long
def test_a_survey_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "pictures"
    source.mkdir()
    for number in range(PICTURES):
        (source / f"{number}.png").write_bytes(drawn(number % 7, 90, 70))
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path / "cache"))
    asked = SurveyRequest(str(source), "sknet_tiny", SCALES, ("zoom",), None, "cpu")
    with new_folder() as folder:
        kept = keep(folder, "many", asked)

    with commanded(tmp_path) as server:
        go_on(server, kept)
        wait_until(lambda: done_and_total(kept.survey)[0] > 0, "the survey comes to this")
        assert not server.events("survey"), "it is not over"
        end(server)
    stored = files(kept.survey)
    done, total = done_and_total(kept.survey)
    assert 0 < done < total == PICTURES

    with commanded(tmp_path) as server:
        go_on(server, kept)
        wait_until(lambda: bool(server.events("survey")), "the survey comes to this")
        assert server.events("survey") == ["survey outcome=done"]
        end(server)
    assert done_and_total(kept.survey) == (PICTURES, PICTURES)
    whole = files(kept.survey)
    assert {name: whole[name] for name in stored} == stored, "what was stored is not made again"
    rows = Store(kept.survey).read(["position"])
    assert len(set(rows["position"])) == PICTURES


def go_on(server: Server, kept: StoredSurvey) -> None:
    """Press the button of that survey's page."""
    with Visitor(server, {"survey": kept.name}) as visitor:
        visitor.run("survey")
        visitor.press("Resume", "survey")
        visitor.wait()
