"""Figures: what goes into the paper?"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

import streamlit as st

from sk_viz.app.figures.film import film
from sk_viz.app.figures.view import (
    CSS_PIXELS,
    MODEL_UNIT,
    OF_PICTURE,
    OF_SURVEY,
    PICTURE,
    RESOLUTIONS,
    SIZES,
    TYPES,
    UNITS,
    VENUES,
    FiguresView,
)
from sk_viz.app.shared import controls, identity, shell, uploads
from sk_viz.app.shared.sweeping import inputs, presentation_of
from sk_viz.app.state.settings import (
    UPLOAD,
    Settings,
    change,
    current,
    is_upload,
    write_address,
)
from sk_viz.app.survey.access import SurveyAtHand, at_hand, on_loopback, surveys_at_hand
from sk_viz.errors import ScaleError
from sk_viz.figures.paper.style import WIDTHS, width_inches
from sk_viz.language import gettext as _
from sk_viz.measures.attribution.methods import METHODS
from sk_viz.pictures import check_scales, parse_scales
from sk_viz.publish.make import FigureBundle, make_bundle
from sk_viz.publish.request import AtHand, FigureRequest
from sk_viz.surveys.store import Store
from sk_viz.types import Progress


@dataclass(frozen=True, eq=False)
class Made:
    """What the page draws.

    Attributes:
        request: of the figure.
        bundle: its files.
        stem: of their names.
        note: what must be known to make it again, in one sentence; "" for nothing.
        model: what the model is, as Markdown.
    """

    request: FigureRequest
    bundle: FigureBundle
    stem: str
    note: str
    model: str


def page() -> None:
    """Draw the page."""
    view = current(FiguresView)
    settings = controls.shared()
    controls.version_line()
    shell.question(_("What goes into the paper?"))
    surveys = surveys_at_hand()
    view = _source_and_figure(view, surveys)
    _tuning(view, settings, surveys)
    write_address(Settings, FiguresView)
    made = shell.last_good("figures", lambda: _compute(settings, view))
    if made is not None:
        _preview(made, view)
        _files(made)
    if view.source == PICTURE:
        film(settings)


def _source_and_figure(view: FiguresView, surveys: dict[str, SurveyAtHand]) -> FiguresView:
    """What it is of, and which; what cannot be drawn of a source is not offered."""
    of, which, size = st.columns([1.2, 1.6, 0.8], gap="medium")
    sources = list(dict.fromkeys([PICTURE, *surveys, view.source]))
    with of:
        st.selectbox(
            _("Source"),
            sources,
            format_func=lambda name: (
                _("The picture") if name == PICTURE else _("Survey {name}").format(name=name)
            ),
            help=_("Surveys are made on the page Survey."),
            **controls.bound("figures.source", view.source, FiguresView, "source"),
        )
    offered = OF_PICTURE if view.source == PICTURE else OF_SURVEY
    if view.figure not in offered:
        change(FiguresView, figure="fig3")
        view = current(FiguresView)
    with which:
        st.selectbox(
            _("Figure"),
            list(offered),
            format_func=lambda name: _(offered[name]),
            **controls.bound("figures.figure", view.figure, FiguresView, "figure"),
        )
    with size:
        st.segmented_control(
            _("Preview"),
            list(SIZES),
            format_func=lambda name: _(SIZES[name]),
            required=True,
            **controls.bound("figures.size", view.size, FiguresView, "size"),
        )
    return view


def _tuning(view: FiguresView, settings: Settings, surveys: dict[str, SurveyAtHand]) -> None:
    width, dpi, scales, own, latex = st.columns([1.2, 1.0, 0.8, 1.1, 0.8], gap="medium")
    with width:
        st.selectbox(
            _("Width"),
            list(WIDTHS),
            format_func=lambda name: f"{VENUES[name]} · {WIDTHS[name]:g} in",
            **controls.bound("figures.width", view.width, FiguresView, "width"),
        )
    with dpi:
        st.segmented_control(
            _("Dots per inch"),
            RESOLUTIONS,
            required=True,
            help=_("For a PNG, and for the pictures inside a PDF or SVG."),
            **controls.bound("figures.dpi", view.dpi, FiguresView, "dpi"),
        )
    with scales:
        if view.source == PICTURE or view.figure == "fig4":
            st.text_input(
                _("Scales"),
                placeholder=_("default"),
                help=_("For example 1,1.5,2 or 1:2:6 (first:last:count). Empty: the default."),
                **controls.bound("figures.scales", view.scales, FiguresView, "scales"),
            )
    with own:
        _own(view, settings, surveys)
    with latex:
        st.toggle(
            _("LaTeX text"),
            help=_("Sets all text by LaTeX, which must be installed on the server."),
            **controls.bound("figures.latex", view.latex, FiguresView, "latex"),
        )


def _own(view: FiguresView, settings: Settings, surveys: dict[str, SurveyAtHand]) -> None:
    """What this figure alone can choose."""
    if view.figure in UNITS:
        units = [MODEL_UNIT, *_units(view, settings, surveys)]
        st.selectbox(
            _("Unit"),
            units,
            format_func=lambda name: _("Default") if name == MODEL_UNIT else name,
            **controls.bound(
                "figures.curve",
                view.curve if view.curve in units else MODEL_UNIT,
                FiguresView,
                "curve",
            ),
        )
    if view.figure == "rf":
        st.segmented_control(
            _("Choice"),
            ("held", "free"),
            format_func=lambda gate: _("frozen") if gate == "held" else _("free"),
            required=True,
            **controls.bound("figures.gate", view.gate, FiguresView, "gate"),
        )
    if view.figure == "strip":
        st.selectbox(
            _("Maps by"),
            list(METHODS),
            format_func=lambda name: METHODS[name].title,
            **controls.bound("figures.by", view.by, FiguresView, "by"),
        )
    if view.source != PICTURE and view.figure in ("fig3", "fig4"):
        st.toggle(
            _("The paper's values"),
            help=_("Where this network has the paper's units and, for figure 4, its classes."),
            **controls.bound("figures.paper", view.paper, FiguresView, "paper"),
        )


def _units(
    view: FiguresView, settings: Settings, surveys: dict[str, SurveyAtHand]
) -> tuple[str, ...]:
    """The names of the units that can be shown; none while there is no model."""
    try:
        if view.source == PICTURE:
            return tuple(unit.name for unit in shell.model(settings).units)
        header = Store(surveys[view.source].folder).header()
        return tuple(unit["name"] for unit in header["units"])
    except (KeyError, ValueError):  # the page says so
        return ()


def _compute(settings: Settings, view: FiguresView) -> Made:
    """The figure, from what is kept or drawn on another thread.

    Raises:
        PictureError, ModelError, ScaleError: it cannot be drawn.
    """
    scales = parse_scales(view.scales) if view.scales else None
    width_inches(view.width)
    common = {
        "width": view.width,
        "dpi": int(view.dpi),
        "scales": scales,
        "latex": view.latex,
    }
    if view.figure in UNITS and view.curve != MODEL_UNIT:
        common["unit"] = view.curve
    if view.source == PICTURE:
        request, loaded, key, note = _of_picture(settings, view, common)
    else:
        request, loaded, key, note = _of_survey(view, common)
    stem = _stem(request)
    bundle = shell.result(
        ("figure", request, stem, *key),
        _("Drawing {figure}").format(figure=_((OF_PICTURE | OF_SURVEY)[view.figure])),
        partial(_bundle, request, stem, loaded),
    )
    return Made(request, bundle, stem, note, _model_of(loaded))


def _bundle(request: FigureRequest, stem: str, loaded: AtHand, progress: Progress) -> FigureBundle:
    return make_bundle(request, stem, loaded, progress)


def _model_of(shown: AtHand) -> str:
    """What the model is, as Markdown: the one that is loaded, or that of the survey."""
    if shown.model is not None:
        return identity.brief(shown.model.id, shown.model.note, identity.marks_of(shown.model))
    header = Store(next(iter(shown.surveys.values()))).header()
    record, split = header["record"], any(unit["split_input"] for unit in header["units"])
    badges = identity.marks(record["model_kind"], split=split)
    return identity.brief(record["model"], record["model_note"], badges)


def _of_picture(
    settings: Settings, view: FiguresView, common: dict[str, object]
) -> tuple[FigureRequest, AtHand, tuple[Hashable, ...], str]:
    model, picture = shell.model(settings), shell.picture(settings)
    behind = shell.background(settings)
    if view.scales:
        scales = parse_scales(view.scales)
        check_scales(scales, settings.protocol, model.preprocessing.input_size)
        if len(scales) > 11:
            raise ScaleError(f"{len(scales)} scales are too many for a figure: use at most 11.")
    own = is_upload(settings.picture) and uploads.find(settings.picture) is not None
    sample = settings.picture
    if not sample or is_upload(sample):
        sample = shell.default_sample(settings.protocol)
    # A name that starts with a dash would be read as an option.
    name = re.sub(r"^-", "./-", picture.name) if own else sample
    notes = []
    if own:
        notes.append(_("Run it in the folder that holds {name}.").format(name=picture.name))
    if view.figure == "strip":
        common["method"] = view.by
    if view.figure == "rf":
        common["gate"] = view.gate
    if settings.model == UPLOAD:
        notes.append(_("Run it in the folder that holds {name}.").format(name=model.id))
    request = FigureRequest(
        view.figure,
        (name,),
        model=model.id if settings.model == UPLOAD else settings.model,
        protocol=settings.protocol,
        point=presentation_of(settings, settings.protocol, behind).point,
        background=settings.background if behind else None,
        device=settings.device,
        **common,  # type: ignore[arg-type]
    )
    shown = {name: picture} | ({settings.background: behind} if behind else {})
    return request, AtHand(shown, model=model), inputs(model, picture, behind), " ".join(notes)


def _of_survey(
    view: FiguresView, common: dict[str, object]
) -> tuple[FigureRequest, AtHand, tuple[Hashable, ...], str]:
    survey = at_hand(view.source)
    record = Store(survey.folder).header()["record"]
    protocols = record["protocols"]
    name = str(survey.folder.resolve()) if on_loopback() else survey.name
    if view.figure != "fig4":
        common["scales"] = None
    request = FigureRequest(
        view.figure,
        (name,),
        protocol="zoom" if "zoom" in protocols else protocols[0],
        model=record["model"],
        paper=view.paper and view.figure in ("fig3", "fig4"),
        **common,  # type: ignore[arg-type]
    )
    note = ""
    if not on_loopback():
        note = _("Run it in the folder that holds {name}.").format(name=survey.name)
    return request, AtHand(surveys={name: survey.folder}), survey.stamp, note


def _stem(request: FigureRequest) -> str:
    path = PurePath(request.inputs[0])
    of = path.parent.name if path.name == "survey" else path.stem
    return f"{request.name}_{re.sub(r'[^A-Za-z0-9]+', '-', of).strip('-') or 'picture'}"


def _preview(made: Made, view: FiguresView) -> None:
    inches = width_inches(made.request.width)
    times = int(view.size)
    st.image(
        made.bundle.png,
        width=round(inches * CSS_PIXELS * times),
        alt=made.bundle.caption,
    )
    if times == 1:
        shown = _("Shown at its final width of {inches} in, {venue}.")
    else:
        shown = _("Shown at twice its final width of {inches} in, {venue}.")
    st.caption(shown.format(inches=f"{inches:g}", venue=VENUES[made.request.width]))
    st.markdown(made.model)
    st.markdown(_("**Caption** {text}").format(text=shell.plain(made.bundle.caption)))


def _files(made: Made) -> None:
    bundle = made.bundle
    st.markdown(_("**The command that makes it again**"))
    st.code(bundle.command, language="bash", wrap_lines=True)
    if made.note:
        st.caption(shell.plain(made.note))
    with st.container(horizontal=True):
        for kind, mime in TYPES.items():
            _button(kind.upper(), getattr(bundle, kind), f"{made.stem}.{kind}", mime)
        _button(_("Data, CSV"), bundle.table, f"{made.stem}.csv", "text/csv")
        _button("LaTeX", bundle.snippet, f"{made.stem}.tex", "text/x-tex")
        _button("BibTeX", bundle.bibliography, "sk-viz.bib", "text/x-bibtex")


def _button(label: str, data: bytes, name: str, mime: str) -> None:
    st.download_button(
        label,
        data,
        file_name=name,
        mime=mime,
        on_click="ignore",
        icon=":material/download:",
        key=f"figures.file.{name.rsplit('.', 1)[-1]}",
    )
