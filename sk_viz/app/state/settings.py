"""What is chosen: shared by all pages, kept in the session and carried by the address."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from sk_viz.app.state.address import (
    from_address,
    in_address,
    number,
    numbers,
    one_of,
    switch,
    to_address,
    word,
    write_number,
    write_numbers,
    write_switch,
)
from sk_viz.errors import ScaleError
from sk_viz.pictures import CENTRE, PROTOCOLS, check_scales, parse_scales, samples

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
    protocol: str = in_address("object", "protocol", one_of(*PROTOCOLS))
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
            raise ScaleError(
                f"{len(values)} scales are too many: use at most {MAX_COUNT} on a page."
            )
        return tuple(sorted(values))

    @property
    def default_scales(self) -> str:
        """The protocol's own range, eleven scales."""
        first, last = RANGES[self.protocol]
        return f"{first:g}:{last:g}:11"


@dataclass(frozen=True)
class Look:
    """How the pages are shown, on all of them.

    Attributes:
        lang: of the words, such as ``en`` or ``zh``; "" for the browser's.
        present: large type and no sidebar, for a projector.
        tour: the step of the guided tour, 0 for none.
    """

    lang: str = in_address("", "lang", word)
    present: bool = in_address(False, "present", switch, write_switch)
    tour: int = in_address(0, "tour", lambda text: int(number(0, 9)(text)), str)


def is_upload(picture: str) -> bool:
    """Whether a picture's name in the address stands for a visitor's own."""
    return picture == UPLOAD or picture.startswith(f"{UPLOAD}.")


T = TypeVar("T")


@dataclass
class _Following:
    """A run whose address says what is chosen, and not the session.

    Attributes:
        all: after Back or Forward; else after a link to another page, which says only what it
            names and what all pages share.
        read: the settings that were read from the address in this run.
    """

    all: bool
    read: set[str] = field(default_factory=set)

    def reads(self, cls: type[Any]) -> bool:
        """Whether settings of this kind are still to be read from the address."""
        if cls.__name__ in self.read:
            return False
        self.read.add(cls.__name__)
        names = {one.metadata.get("name") for one in dataclasses.fields(cls)}
        shared = cls in (Look, Settings)
        return self.all or shared or not names.isdisjoint(st.query_params.to_dict())


def follow_address() -> None:
    """At the start of a run: after Back, and after a link to another page, read the address.

    In all other runs the session's settings are what is chosen, and the address follows them.
    """
    run = get_script_run_ctx()
    if run is None:
        return
    other_page = st.session_state.get("address.page") not in (None, run.page_script_hash)
    linked = other_page and bool(st.query_params.to_dict())
    following = run.is_history_navigation or linked
    st.session_state["address.following"] = (
        _Following(run.is_history_navigation) if following else None
    )


def stay() -> None:
    """At the end of a run: from here on the session's settings are what is chosen."""
    run = get_script_run_ctx()
    st.session_state["address.following"] = None
    st.session_state["address.page"] = run.page_script_hash if run is not None else None


def current(cls: type[T]) -> T:
    """The session's settings of one kind; those of the address where it is to be followed."""
    key = f"settings.{cls.__name__}"
    following: _Following | None = st.session_state.get("address.following")
    if key not in st.session_state or (following is not None and following.reads(cls)):
        settings, refused = from_address(cls, st.query_params.to_dict())
        if isinstance(settings, Settings):
            settings = _with_protocol(settings)  # type: ignore[assignment]
        st.session_state[key] = settings
        st.session_state.setdefault("address.refused", []).extend(refused)
    settings_now: T = st.session_state[key]
    return settings_now


def _with_protocol(settings: Settings) -> Settings:
    """A link without a protocol means the one that its picture is for."""
    if "protocol" in st.query_params:
        return settings
    return replace(settings, protocol=_protocol_for(settings.picture))


def _protocol_for(picture: str) -> str:
    """Objects are drawn smaller and larger, photographs are zoomed into."""
    cutouts = {sample.id for sample in samples("cutout")}
    return "object" if not picture or picture in cutouts else "zoom"


def change(cls: type[Any], **changes: Any) -> None:
    """Choose something else, for this page and all others."""
    st.session_state[f"settings.{cls.__name__}"] = replace(current(cls), **changes)


def write_address(*kinds: type[Any]) -> None:
    """Let the address carry the settings of these kinds, so that a link opens the same view."""
    parameters = address_of(*kinds)
    if st.query_params.to_dict() != parameters:
        st.query_params.from_dict(parameters)


def address_of(*kinds: type[Any]) -> dict[str, str]:
    """The parameters of a link to what is chosen."""
    parameters: dict[str, str] = {}
    every: tuple[type[Any], ...] = (Look, *kinds)
    for cls in every:
        parameters |= to_address(current(cls))
    if Settings in kinds:
        settings = current(Settings)
        parameters["protocol"] = settings.protocol
        if settings.protocol == _protocol_for(settings.picture):
            del parameters["protocol"]
    return parameters


def refused_parameters() -> list[str]:
    """What of the address could not be used, one sentence each; told once."""
    refused: list[str] = st.session_state.pop("address.refused", [])
    return refused


def refuse(sentence: str) -> None:
    """Tell with the page that something of the address or of the choice could not be used."""
    told: list[str] = st.session_state.setdefault("address.refused", [])
    if sentence not in told:
        told.append(sentence)
