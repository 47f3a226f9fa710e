"""Which scales make sense in which protocol: the one place that decides it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np

from sk_viz.errors import ScaleError

Protocol = Literal["zoom", "blur", "tile", "window", "resolution", "object"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
# Arms of the controls. They are shown beside a zoom, to tell what in it is size.
Check = Literal[
    "centre",
    "periodic",
    "grey",
    "base+blur",
    "tile+blur",
    "periodic+blur",
    "centre+blur",
    "soft-zoom",
    "soft-tile",
]
CHECKS: tuple[Check, ...] = get_args(Check)
# Of these the gates' global means are taken over a part of the stimulus alone.
POOLED = ("window", "centre", "centre+blur")

MAX_SCALES = 101
MAX_SCALE = 64.0
MIN_RESOLUTION = 32
MAX_RESOLUTION = 1024


def parse_scales(text: str) -> tuple[float, ...]:
    """Read ``start:stop:count`` or a list with commas; what they may be is for check_scales.

    Args:
        text: such as ``"1:2:11"`` (eleven scales from 1 to 2, both included) or ``"1,1.5,2"``.

    Raises:
        ScaleError: the text is neither, or stands for more than ``MAX_SCALES`` scales.
    """
    if not text.strip():
        raise ScaleError("No scales were given: write 1:2:11 or 1,1.5,2.")
    if ":" not in text:
        return tuple(_number(part) for part in text.split(","))
    parts = text.split(":")
    if len(parts) != 3:
        raise ScaleError(f"{text!r} is not start:stop:count: write for example 1:2:11.")
    start, stop = _number(parts[0]), _number(parts[1])
    try:
        count = int(parts[2])
    except ValueError:
        raise ScaleError(f"The count {parts[2]!r} is not a whole number.") from None
    if not 2 <= count <= MAX_SCALES:
        raise ScaleError(f"{count} scales were asked for: ask for 2 to {MAX_SCALES}.")
    if not (math.isfinite(start) and math.isfinite(stop) and start < stop):
        raise ScaleError(f"{text!r} must start below its end: write for example 1:2:11.")
    # Rounded, so that the 1.2 of 1:2:11 is the 1.2 that one writes.
    return tuple(round(float(scale), 9) for scale in np.linspace(start, stop, count))


def exact(number: float) -> str:
    """The shortest text from which ``float`` makes this very number again, such as ``1.5``."""
    return repr(float(number)).removesuffix(".0")


def check_protocol(protocol: str) -> Protocol | Check:
    """The same protocol, or a ScaleError that names those there are."""
    for known in (*PROTOCOLS, *CHECKS):
        if protocol == known:
            return known
    raise ScaleError(f"There is no protocol {protocol!r}: choose {', '.join(PROTOCOLS)}.")


def check_scales(
    scales: Iterable[float], protocol: str, input_size: int | None = None
) -> tuple[float, ...]:
    """Check scales against their protocol.

    Args:
        scales: in any order, each once.
        protocol: one of ``PROTOCOLS`` or ``CHECKS``.
        input_size: side of the network's input in pixels; when given, the sides that
            ``resolution`` and ``window`` would make of it are checked too.

    Returns:
        The scales as floats, in the order given.

    Raises:
        ScaleError: unknown protocol; no scales or more than ``MAX_SCALES``; one that is not a
            finite number, stands twice, or lies outside what the protocol allows.
    """
    protocol = check_protocol(protocol)
    try:
        checked = tuple(float(scale) for scale in scales)
    except (TypeError, ValueError, OverflowError):
        raise ScaleError("The scales must be numbers, such as (1.0, 1.5, 2.0).") from None
    if not checked:
        raise ScaleError("No scales were given: give at least one, such as 1.")
    if len(checked) > MAX_SCALES:
        raise ScaleError(f"{len(checked)} scales were given: give at most {MAX_SCALES}.")
    for scale in checked:
        _check_scale(scale, protocol, input_size)
    if len(set(checked)) < len(checked):
        raise ScaleError("A scale stands there twice: give each once.")
    return checked


def check_point(point: tuple[float, float]) -> tuple[float, float]:
    """The point (x, y) as floats, or a ScaleError unless both lie in [0, 1]."""
    try:
        x, y = (float(value) for value in point)
    except (TypeError, ValueError):
        raise ScaleError("The point must be two numbers x, y, each from 0 to 1.") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ScaleError(f"The point ({x:g}, {y:g}) is outside: x and y go from 0 to 1.")
    return x, y


def resolution_side(scale: float, input_size: int) -> int:
    """Side in pixels of the input that ``resolution`` and ``window`` make at a scale."""
    return round(scale * input_size)


def _check_scale(scale: float, protocol: Protocol | Check, input_size: int | None) -> None:
    lowest = 0.0 if protocol in ("resolution", "object") else 1.0
    if math.isnan(scale):
        raise ScaleError("A scale is not a number: give such as 1, 1.5 or 2.")
    if scale > MAX_SCALE:
        raise ScaleError(f"The scale {scale:g} is too large: give at most {MAX_SCALE:g}.")
    if scale < lowest or scale == 0:
        limit = "at least 1" if lowest else "above 0"
        raise ScaleError(f"The scale {scale:g} is too small: {protocol} takes scales {limit}.")
    if input_size is not None and protocol in ("resolution", "window"):
        side = resolution_side(scale, input_size)
        if not MIN_RESOLUTION <= side <= MAX_RESOLUTION:
            raise ScaleError(
                f"At scale {scale:g} the input would be {side} pixels wide: choose scales from "
                f"{MIN_RESOLUTION / input_size:.3g} to {MAX_RESOLUTION / input_size:.4g}."
            )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ScaleError(f"{text.strip()!r} is not a number: write 1:2:11 or 1,1.5,2.") from None
