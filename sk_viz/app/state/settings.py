"""What is chosen: shared by all pages, kept in the session and carried by the address."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import streamlit as st

from sk_viz.app.state.address import (
    from_address,
    in_address,
    number,
    numbers,
    one_of,
    to_address,
    word,
    write_number,
    write_numbers,
)
from sk_viz.errors import ScaleError
from sk_viz.pictures import CENTRE, PROTOCOLS, check_scales, parse_scales

DEFAULT_MODEL = os.environ.get("SK_VIZ_MODEL", "sknet_tiny")
DEFAULT_DEVICE = os.environ.get("SK_VIZ_DEVICE", "auto")
DEVICES = ("auto", "cpu", "cuda", "mps")
UPLOAD = "upload"
MAX_COUNT = 41

# Where each protocol's range starts, where it may go, and the slider's step.
RANGES: dict[str, tuple[float, float]] = {
    "zoom": (1.0, 2.0),
    "blur": (1.0, 2.0),
    "tile": (1.0, 2.0),
    "window": (1.0, 2.0),
    "resolution": (0.5, 2.0),
    "object": (0.5, 2.0),
}
LIMITS: dict[str, tuple[float, float]] = {
    "zoom": (1.0, 4.0),
    "blur": (1.0, 4.0),
    "tile": (1.0, 4.0),
    "window": (1.0, 4.0),
    "resolution": (0.5, 4.0),
    "object": (0.25, 4.0),
}


def _read_scales(text: str) -> str:
    parse_scales(text)
    return text


def _read_point(text: str) -> tuple[float, ...]:
    point = numbers(0, 1, 2)(text)
    if len(point) != 2:
        raise ValueError("give two numbers x,y from 0 to 1")
    return point


@dataclass(frozen=True)
class Settings:
    """What all pages share.

    Attributes:
        picture: a sample's id, ``UPLOAD`` for the session's own picture, or "" for the first
            sample of the kind that the protocol takes.
        model: the id of a model.
        device: one of ``DEVICES``.
        protocol: one of ``sk_viz.pictures.PROTOCOLS``.
        scales: as on the command line, ``first:last:count`` or a list with commas; "" for the
            protocol's own range.
        point: (x, y) in [0, 1].
        background: the sample under an object, or "" for the plain mean colour.
        unit: the unit that is opened, or "" for the one that moves most.
        scale: the scale that is looked at, or 0 for the first.
    """

    picture: str = in_address("", "picture", word)
    model: str = in_address(DEFAULT_MODEL, "model", word)
    device: str = in_address(DEFAULT_DEVICE, "device", one_of(*DEVICES))
    protocol: str = in_address("zoom", "protocol", one_of(*PROTOCOLS))
    scales: str = in_address("", "scales", _read_scales)
    point: tuple[float, float] = in_address(CENTRE, "point", _read_point, write_numbers)
    background: str = in_address("", "background", word)
    unit: str = in_address("", "unit", word)
    scale: float = in_address(0.0, "scale", number(0, 64), write_number)

    @property
    def scale_values(self) -> tuple[float, ...]:
        """The scales as numbers, smallest first.

        Raises:
            ScaleError: they make no sense, or not with this protocol.
        """
        values = check_scales(parse_scales(self.scales or self.default_scales), self.protocol)
        if len(values) > MAX_COUNT:
            raise ScaleError(f"{len(values)} scales were given: the page takes {MAX_COUNT}.")
        return tuple(sorted(values))

    @property
    def default_scales(self) -> str:
        """The protocol's own range, eleven scales."""
        first, last = RANGES[self.protocol]
        return f"{first:g}:{last:g}:11"


T = TypeVar("T")


def current(cls: type[T]) -> T:
    """The session's settings of one kind; at first those of the address."""
    key = f"settings.{cls.__name__}"
    if key not in st.session_state:
        settings, refused = from_address(cls, st.query_params.to_dict())
        st.session_state[key] = settings
        st.session_state.setdefault("address.refused", []).extend(refused)
    settings_now: T = st.session_state[key]
    return settings_now


def change(cls: type[Any], **changes: Any) -> None:
    """Choose something else, for this page and all others."""
    st.session_state[f"settings.{cls.__name__}"] = replace(current(cls), **changes)


def write_address(*kinds: type[Any]) -> None:
    """Let the address carry the settings of these kinds, so that a link opens the same view."""
    parameters: dict[str, str] = {}
    for cls in kinds:
        parameters |= to_address(current(cls))
    if st.query_params.to_dict() != parameters:
        st.query_params.from_dict(parameters)


def refused_parameters() -> list[str]:
    """What of the address could not be read, one sentence each; told once."""
    refused: list[str] = st.session_state.pop("address.refused", [])
    return refused
