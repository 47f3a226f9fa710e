"""What is computed before the first visitor is there, with a small random network."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import sk_viz
from sk_viz.app import warm_up
from sk_viz.errors import ModelError

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """How often the heap would have been frozen, which would outlast the test."""
    times: list[None] = []
    monkeypatch.setattr("gc.freeze", lambda: times.append(None))
    return times


def test_a_visitor_finds_all_of_the_first_screen_there(
    open_app: Open, calls: Any, frozen: list[None]
) -> None:
    warm_up.prepare()
    assert [call["protocol"] for call in calls.sweeps] == ["object"]
    assert [call["scale"] for call in calls.attributions] == [0.5, 1.25, 2.0]
    assert len(frozen) == 1
    app = open_app()
    assert not app.exception
    assert not app.error
    assert (len(calls.sweeps), len(calls.attributions)) == (1, 3)


def test_what_cannot_be_computed_is_left_to_the_page(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **settings: Any) -> None:
        raise ModelError("No model today: try again tomorrow.")

    monkeypatch.setattr(sk_viz, "load_model", refuse)
    warm_up.prepare()
    app = open_app()
    assert not app.exception
    assert ["No model today" in box.value for box in app.error] == [True]


def test_it_ends_when_somebody_looks_at_something_else(
    open_app: Open, calls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The visitor comes while the first attribution is being computed.
    began, attribute = Event(), sk_viz.attribute

    def slowly(*args: Any, **settings: Any) -> Any:
        began.set()
        for _ in range(600):
            settings["progress"](0, 1)
            sleep(0.05)
        return attribute(*args, **settings)

    monkeypatch.setattr(sk_viz, "attribute", slowly)
    warming = Thread(target=warm_up.prepare)
    warming.start()
    assert began.wait(60)
    app = open_app(method="none")
    warming.join(20)
    assert not warming.is_alive()
    assert not app.error
    assert calls.attributions == []
