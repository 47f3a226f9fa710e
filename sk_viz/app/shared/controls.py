"""The sidebar that all pages share: picture, model, protocol, scales, point, device.

``state.Settings`` is the truth. Each control is set to it before it is drawn and writes to it when
it is moved, so a click on a figure, a link and another page move the controls as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from sk_viz.app.components.pointer import pointer
from sk_viz.app.server import log
from sk_viz.app.shared import checkpoint, shell
from sk_viz.app.shared.say import Say, english
from sk_viz.app.state.settings import (
    DEVICES,
    LIMITS,
    MAX_COUNT,
    UPLOAD,
    Settings,
    change,
    current,
    refused_parameters,
)
from sk_viz.errors import PictureError, ScaleError
from sk_viz.pictures import (
    CENTRE,
    PROTOCOLS,
    Picture,
    check_scales,
    parse_scales,
    read_picture,
    samples,
    window,
)
from sk_viz.preprocessing import Preprocessing
from sk_viz.version import __version__

SOURCES = ("Sample", "Upload", "Paste", "Camera")
MAX_UPLOAD_MB = 20
PROTOCOL_HELP = """How the picture is rescaled.

- **zoom**: the central part, cut from the original pixels, fills the input (the paper's)
- **blur**: removes only the detail such a zoom would lose; the size stays
- **tile**: what such a zoom would show, at unchanged size, mirrored over the frame
- **window**: the whole picture enlarged, each choice made from its central part alone
- **resolution**: the whole picture on a smaller or larger input
- **object**: a cut-out drawn smaller or larger on a background
"""


def bound(key: str, value: Any, cls: type[Any], field: str) -> dict[str, Any]:
    """Arguments that tie a widget to one field of the settings."""
    st.session_state[key] = value

    def moved() -> None:
        change(cls, **{field: st.session_state[key]})

    return {"key": key, "on_change": moved}


def shared(say: Say = english) -> Settings:
    """Draw the controls; the settings as they are.

    Args:
        say: the words for what stands here in English.
    """
    shell.begin()
    settings = current(Settings)
    with st.sidebar:
        for sentence in refused_parameters():
            shell.tell(sentence)
        _picture(settings, say)
        _protocol(settings, say)
        _scales(settings, say)
        _model(settings, say)
    return settings


def version_line() -> None:
    """Which SK-Viz this is, at the foot of the sidebar."""
    st.sidebar.caption(f"SK-Viz {__version__}")


def _picture(settings: Settings, say: Say) -> None:
    # Kept apart from the widget, which is another one on each page and begins empty there.
    chosen_source = st.session_state.setdefault(
        "picture.source", "Upload" if settings.picture == UPLOAD else "Sample"
    )
    st.session_state["source"] = chosen_source
    source = st.segmented_control(
        say("Picture"),
        SOURCES,
        format_func=say,
        key="source",
        required=True,
        on_change=_source_changed,
    )
    if source == "Sample":
        offered = shell.sample_ids(settings.protocol)
        titles = {s.id: s.title for s in samples() if s.id in offered}
        chosen = settings.picture if settings.picture in titles else next(iter(titles))
        st.selectbox(
            say("Sample"),
            list(titles),
            format_func=lambda name: say(titles[name]),
            label_visibility="collapsed",
            **bound("sample", chosen, Settings, "picture"),
        )
    elif source == "Upload":
        st.file_uploader(
            say("Your picture"),
            key="uploaded",
            max_upload_size=MAX_UPLOAD_MB,
            on_change=_take,
            args=("uploaded",),
            label_visibility="collapsed",
        )
    elif source == "Paste":
        st.chat_input(
            say("Paste, then Enter"),
            key="pasted",
            accept_file=True,
            max_upload_size=MAX_UPLOAD_MB,
            on_submit=_take,
            args=("pasted",),
        )
    else:
        st.camera_input(
            say("Camera"),
            key="camera",
            on_change=_take,
            args=("camera",),
            label_visibility="collapsed",
        )
    if refused := st.session_state.pop("upload.refused", None):
        shell.tell(refused)
    elif settings.picture == UPLOAD and "upload" not in st.session_state:
        st.info(
            say("This link is about somebody's own picture: give it here to see the same view.")
        )
    try:
        shown = shell.picture(settings)
    except PictureError:
        return  # the page says so
    pointer(
        shown,
        _windows(settings, shown),
        clickable=settings.protocol == "zoom",
        on_click=_pointed,
        key="pointer",
    )
    if settings.protocol in ("zoom", "object"):
        _point(settings, say)


def _source_changed() -> None:
    source = st.session_state["picture.source"] = st.session_state["source"]
    own = "upload" in st.session_state and source != "Sample"
    change(Settings, picture=UPLOAD if own else "")


def _take(key: str) -> None:
    """Decode what was given; a picture that cannot be read leaves the one before."""
    given = st.session_state[key]
    if key == "pasted":
        given = given.files[0] if given and given.files else None
    if given is None:
        return
    try:
        st.session_state["upload"] = read_picture(given.getvalue(), given.name, isolated=True)
    except PictureError as error:
        st.session_state["upload.refused"] = str(error)
        log.event("picture", outcome="refused", bytes=given.size)
        return
    log.event("picture", outcome="taken", bytes=given.size)
    change(Settings, picture=UPLOAD, point=CENTRE)


def _windows(settings: Settings, shown: Picture) -> list[Any]:
    """What the smallest and the largest scale show, drawn on the whole picture."""
    if settings.protocol == "object":
        return []
    preprocessing = _preprocessing(settings)
    try:
        scales = settings.scale_values
        ends = (scales[0], scales[-1]) if settings.protocol == "zoom" else scales[-1:]
        return [
            window(shown, s, settings.protocol, preprocessing, point=settings.point)
            for s in dict.fromkeys(ends)
        ]
    except ScaleError:  # the page says so
        return []


def _preprocessing(settings: Settings) -> Preprocessing:
    """Of the model that is chosen, or the usual one while it cannot be loaded."""
    try:
        return shell.model(settings).preprocessing
    except ValueError:
        return Preprocessing()


def _pointed() -> None:
    clicked = st.session_state["pointer"].clicked
    change(Settings, point=(round(clicked["x"], 3), round(clicked["y"], 3)))


def _point(settings: Settings, say: Say) -> None:
    left, right = st.columns(2)

    def moved() -> None:
        change(Settings, point=(st.session_state["point.x"], st.session_state["point.y"]))

    what = say("Point of zoom" if settings.protocol == "zoom" else "Place")
    for column, name, value in zip((left, right), "xy", settings.point, strict=True):
        st.session_state[f"point.{name}"] = value
        column.slider(f"{what}, {name}", 0.0, 1.0, step=0.01, key=f"point.{name}", on_change=moved)


def _protocol(settings: Settings, say: Say) -> None:
    key = "protocol"
    st.session_state[key] = settings.protocol

    def moved() -> None:
        protocol = st.session_state[key]
        kept = settings.picture if settings.picture in ("", UPLOAD) else ""
        if settings.picture in shell.sample_ids(protocol):
            kept = settings.picture
        change(Settings, protocol=protocol, scales="", scale=0.0, point=CENTRE, picture=kept)

    st.segmented_control(
        say("Protocol"),
        PROTOCOLS,
        format_func=say,
        key=key,
        required=True,
        on_change=moved,
        help=say(PROTOCOL_HELP),
    )
    if settings.protocol == "object":
        titles = {"": "Plain"} | {s.id: s.title for s in samples("background")}
        chosen = settings.background if settings.background in titles else ""
        st.selectbox(
            say("Background"),
            list(titles),
            format_func=lambda name: say(titles[name]),
            **bound("background", chosen, Settings, "background"),
        )


def _scales(settings: Settings, say: Say) -> None:
    low, high = LIMITS[settings.protocol]
    try:
        values = check_scales(
            parse_scales(settings.scales or settings.default_scales), settings.protocol
        )
    except ScaleError:  # the page says so
        values = check_scales(parse_scales(settings.default_scales), settings.protocol)

    def clip(value: float) -> float:
        return min(max(value, low), high)

    st.session_state["range"] = (clip(min(values)), clip(max(values)))
    st.session_state["count"] = min(max(len(values), 2), MAX_COUNT)

    def moved() -> None:
        first, last = st.session_state["range"]
        scales = f"{first:g}:{last:g}:{st.session_state['count']}"
        change(Settings, scales="" if scales == settings.default_scales else scales, scale=0.0)

    st.slider(
        say("Range of scales"), low, high, step=0.25, format="%.2f×", key="range", on_change=moved
    )
    st.slider(say("Number of scales"), 2, MAX_COUNT, key="count", on_change=moved)


def _model(settings: Settings, say: Say) -> None:
    known = shell.model_ids()
    if own := checkpoint.own():
        known[UPLOAD] = own.name
    options = list(dict.fromkeys([*known, settings.model]))
    st.selectbox(
        say("Model"),
        options,
        format_func=_described(known, say),
        **bound("model", settings.model, Settings, "model"),
    )
    checkpoint.control(say)
    if sentence := checkpoint.refused():
        shell.tell(sentence)
    st.segmented_control(
        say("Device"),
        DEVICES,
        format_func=say,
        required=True,
        **bound("device", settings.device, Settings, "device"),
    )


def _described(known: dict[str, str], say: Say) -> Callable[[str], str]:
    def describe(name: str) -> str:
        if name == UPLOAD:
            return known.get(name, say("somebody's own checkpoint"))
        return f"{name} · {say(known[name])}" if name in known else name

    return describe
