"""The sidebar that all pages share: picture, model, protocol, scales, point, device.

``state.Settings`` is the truth. Each control is set to it before it is drawn and writes to it when
it is moved, so a click on a figure, a link and another page move the controls as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

from sk_viz.app.components.pointer import pointer
from sk_viz.app.server import log
from sk_viz.app.shared import checkpoint, classes, identity, shell, terms, uploads
from sk_viz.app.state.settings import (
    DEVICES,
    LIMITS,
    MAX_COUNT,
    UPLOAD,
    Settings,
    change,
    current,
    is_upload,
)
from sk_viz.errors import PictureError, ScaleError
from sk_viz.language import gettext as _
from sk_viz.language import mark
from sk_viz.pictures import (
    CENTRE,
    PROTOCOLS,
    Cutout,
    Picture,
    check_scales,
    parse_scales,
    read_picture,
    samples,
    window,
)
from sk_viz.preprocessing import Preprocessing
from sk_viz.version import __version__

SOURCES = {
    "Sample": mark("Sample"),
    "Upload": mark("Upload"),
    "Paste": mark("Paste"),
    "Camera": mark("Camera"),
}
MAX_UPLOAD_MB = 20


def bound(key: str, value: Any, cls: type[Any], field: str) -> dict[str, Any]:
    """Arguments that tie a widget to one field of the settings."""
    st.session_state[key] = value

    def moved() -> None:
        change(cls, **{field: st.session_state[key]})

    return {"key": key, "on_change": moved}


def shared() -> Settings:
    """Draw the controls; the settings as they are."""
    shell.begin()
    settings = current(Settings)
    with st.sidebar:
        shell.tell_refused()
        _picture(settings)
        _protocol(settings)
        _scales(settings)
        _model(settings)
    return settings


def version_line() -> None:
    """Which SK-Viz this is, at the foot of the sidebar."""
    st.sidebar.caption(f"SK-Viz {__version__}")


def _picture(settings: Settings) -> None:
    # Kept apart from the widget, which is another one on each page and begins empty there.
    chosen_source = st.session_state.setdefault(
        "picture.source", "Upload" if is_upload(settings.picture) else "Sample"
    )
    st.session_state["source"] = chosen_source
    source = st.segmented_control(
        _("Picture"),
        list(SOURCES),
        format_func=lambda name: _(SOURCES[name]),
        key="source",
        required=True,
        on_change=_source_changed,
    )
    if source == "Sample":
        offered = shell.sample_ids(settings.protocol)
        titles = {s.id: s.title for s in samples() if s.id in offered}
        chosen = settings.picture
        if chosen not in titles:
            chosen = shell.default_sample(settings.protocol)
        st.selectbox(
            _("Sample"),
            list(titles),
            format_func=lambda name: terms.sentence(titles[name]),
            label_visibility="collapsed",
            **bound("sample", chosen, Settings, "picture"),
        )
    elif source == "Upload":
        st.file_uploader(
            _("Your picture"),
            key="uploaded",
            max_upload_size=MAX_UPLOAD_MB,
            on_change=_take,
            args=("uploaded",),
            label_visibility="collapsed",
        )
    elif source == "Paste":
        st.chat_input(
            _("Paste a picture, then press Enter"),
            key="pasted",
            accept_file=True,
            max_upload_size=MAX_UPLOAD_MB,
            on_submit=_take,
            args=("pasted",),
        )
    else:
        st.camera_input(
            _("Camera"),
            key="camera",
            on_change=_take,
            args=("camera",),
            label_visibility="collapsed",
        )
    if source != "Sample":
        classes.search(settings)
    if refused := st.session_state.pop("upload.refused", None):
        shell.tell(refused)
    elif is_upload(settings.picture) and uploads.find(settings.picture) is None:
        _say_gone()
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
        _point(settings)


def _say_gone() -> None:
    """Why the picture that the address names is not shown."""
    if uploads.returned():
        st.info(
            _(
                "Your picture is no longer on the server, which keeps uploads for {minutes} "
                "minutes. Upload it again to see the same view; a sample is shown instead."
            ).format(minutes=uploads.MINUTES)
        )
    else:
        st.info(
            _(
                "This link shows somebody's own picture, which is not part of the link. Upload the "
                "picture to see the same view; a sample is shown instead."
            )
        )


def _source_changed() -> None:
    source = st.session_state["picture.source"] = st.session_state["source"]
    own = uploads.latest() if source != "Sample" else ""
    if own:
        _show_own(own, uploads.find(own))
    else:
        change(Settings, picture="")


def _take(key: str) -> None:
    """Decode what was given; a picture that cannot be read leaves the one before."""
    given = st.session_state[key]
    if key == "pasted":
        given = given.files[0] if given and given.files else None
    if given is None:
        return
    try:
        picture = read_picture(given.getvalue(), given.name, isolated=True)
    except PictureError as error:
        st.session_state["upload.refused"] = str(error)
        log.event("picture", outcome="refused", bytes=given.size)
        return
    log.event("picture", outcome="taken", bytes=given.size)
    change(Settings, point=CENTRE)
    _show_own(uploads.take(picture), picture)


def _show_own(name: str, picture: Picture | None) -> None:
    """Show a visitor's own picture; one without transparency cannot be drawn as an object."""
    if current(Settings).protocol == "object" and not isinstance(picture, Cutout):
        change(Settings, protocol="zoom", scales="", scale=0.0)
    change(Settings, picture=name)


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


def axis_names() -> tuple[str, str]:
    """The names of a point's two sliders."""
    return _("Horizontal position"), _("Vertical position")


def _point(settings: Settings) -> None:
    left, right = st.columns(2)

    def moved() -> None:
        change(Settings, point=(st.session_state["point.x"], st.session_state["point.y"]))

    for column, name, title, value in zip(
        (left, right), "xy", axis_names(), settings.point, strict=True
    ):
        st.session_state[f"point.{name}"] = value
        column.slider(title, 0.0, 1.0, step=0.01, key=f"point.{name}", on_change=moved)


def _protocol(settings: Settings) -> None:
    key = "protocol"
    st.session_state[key] = settings.protocol

    def moved() -> None:
        protocol = st.session_state[key]
        change(
            Settings,
            protocol=protocol,
            scales="",
            scale=0.0,
            point=CENTRE,
            picture=_picture_for(protocol, settings),
        )

    st.segmented_control(
        _("Scale protocol"),
        PROTOCOLS,
        format_func=terms.protocol,
        key=key,
        required=True,
        on_change=moved,
        help=terms.protocol_help(),
    )
    if settings.protocol == "object":
        titles = {"": mark("Plain colour")} | {s.id: s.title for s in samples("background")}
        chosen = settings.background if settings.background in titles else ""
        st.selectbox(
            _("Background"),
            list(titles),
            format_func=lambda name: terms.sentence(titles[name]) if name else _(titles[name]),
            **bound("background", chosen, Settings, "background"),
        )


def _picture_for(protocol: str, settings: Settings) -> str:
    """The picture under another protocol: the same, or the one that such a protocol had before."""
    had: dict[bool, str] = st.session_state.setdefault("picture.had", {})
    if settings.picture:
        had[settings.protocol == "object"] = settings.picture
    picture = settings.picture
    if is_upload(picture) or picture in shell.sample_ids(protocol):
        return picture
    return had.get(protocol == "object", "")


def _scales(settings: Settings) -> None:
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
        _("Range of scales"), low, high, step=0.25, format="%.2f×", key="range", on_change=moved
    )
    st.slider(_("Number of scales"), 2, MAX_COUNT, key="count", on_change=moved)


def _model(settings: Settings) -> None:
    known = shell.model_ids()
    if own := checkpoint.own():
        known[UPLOAD] = own.name
    options = list(dict.fromkeys([*known, settings.model]))
    st.selectbox(
        _("Model"),
        options,
        format_func=_described(known),
        help=_(
            "A network with selective kernel (SK) units. Untrained models have random weights and "
            "show structure only."
        ),
        **bound("model", settings.model, Settings, "model"),
    )
    checkpoint.control()
    if sentence := checkpoint.refused():
        shell.tell(sentence)
    offered = devices()
    if settings.device not in offered:
        offered = (*offered, settings.device)  # of a link; the page says that it is not there
    if len(offered) > 2:
        st.segmented_control(
            _("Device"),
            offered,
            format_func=lambda name: _("auto") if name == "auto" else name.upper(),
            required=True,
            **bound("device", settings.device, Settings, "device"),
        )


@cache
def devices() -> tuple[str, ...]:
    """The devices of this machine; ``auto`` and ``cpu`` always."""
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    return tuple(name for name in DEVICES if there.get(name, True))


def _described(known: dict[str, str]) -> Callable[[str], str]:
    def describe(name: str) -> str:
        if name == UPLOAD:
            return known.get(name, _("somebody's own checkpoint"))
        return f"{name} · {identity.kind(known[name])}" if name in known else name

    return describe
