"""The server's log: one line an event, and nothing of what anybody showed it.

A line is a time, the event's name, and values as ``name=value``: ``2026-01-31T12:00:00Z work
session=3f2a9c1b what="Sweeping the scales" outcome=done seconds=0.41 waited=0.00``. No picture,
name of a file or of a class, no path and no address is written, and a session is known by a random
word alone.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Mapping
from pathlib import PurePath

_events = logging.getLogger("sk_viz.events")


def start() -> None:
    """Write the events to the server's standard error; asked again it changes nothing."""
    if _events.handlers:
        return
    lines = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    lines.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(lines)
    _events.addHandler(handler)
    _events.setLevel(logging.INFO)
    _events.propagate = False


def event(name: str, **values: str | float) -> None:
    """Write one line.

    Args:
        name: what happened.
        values: plain words and numbers of the program's own.
    """
    _events.info(_line(name, values))


def failure(name: str, error: BaseException, **values: str | float) -> None:
    """Write a line for an exception: its kind, and the lines of code that it came through.

    What it says is left out, since a library may name in it what a user gave.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames]
    event(name, **values, error=type(error).__name__, at=" ".join(places))


def _line(name: str, values: Mapping[str, str | float]) -> str:
    return " ".join([name, *(f"{key}={_written(value)}" for key, value in values.items())])


def _written(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    return text if text.isalnum() else json.dumps(text)
