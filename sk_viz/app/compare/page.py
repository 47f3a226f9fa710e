"""Compare: what differs between two settings?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

import sk_viz
from sk_viz.app.compare.view import SAME, CompareView, hold_of_b, settings_of_b
from sk_viz.app.components.grid import grid
from sk_viz.app.shared import controls, identity, shell, terms, uploads
from sk_viz.app.shared.scene import Scene, choose_scale, scene
from sk_viz.app.state.settings import Settings, change, current, write_address
from sk_viz.figures.screen.compare import apart, common_reach, side_lines
from sk_viz.figures.screen.grid import difference_grid, signed
from sk_viz.figures.screen.picture import picture_panel
from sk_viz.figures.screen.style import kernel_label, scale_label, share_label
from sk_viz.language import gettext as _
from sk_viz.measures.held import KINDS
from sk_viz.pictures import PROTOCOLS, samples
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep


@dataclass(frozen=True, eq=False)
class Side:
    """One side.

    Attributes:
        name: A or B.
        scene: model and picture as they are by themselves.
        sweep: with what is held.
        hold: that, "" for nothing.
    """

    name: str
    scene: Scene
    sweep: Sweep
    hold: str

    @property
    def kernels(self) -> tuple[int, int]:
        """Smallest and largest of the network."""
        every = [kernel for unit in self.scene.model.units for kernel in unit.kernels]
        return min(every), max(every)

    @property
    def best(self) -> tuple[str, float]:
        """The likeliest class at the scale that is looked at."""
        table = self.sweep.predictions
        row = table[(table["scale"] == self.scene.scale) & (table["rank"] == 1)].iloc[0]
        return str(row["name"]), float(row["probability"])


def page() -> None:
    """Draw the page."""
    view = current(CompareView)  # first, so that the sidebar tells what of the address it refuses
    settings = controls.shared()
    controls.version_line()
    write_address(Settings, CompareView)
    shell.question(_("What differs between two settings?"))
    answer = st.container()
    scale = _choose(settings, view)
    with answer:
        both = shell.last_good("compare", lambda: _compute(settings, view))
    if both is None:
        return
    first, second = both
    with answer:
        _answer(first, second)
    with scale:
        choose_scale(first.scene)
    reach = common_reach(first.sweep.differences, second.sweep.differences)
    # Columns of their own, so that both maps stand at one height.
    for column, side in zip(st.columns(2, gap="medium"), both, strict=True):
        with column:
            _side(side, first.scene.unit.name, reach)
    _apart(first, second)


def _compute(settings: Settings, view: CompareView) -> tuple[Side, Side]:
    return (
        _swept("A", settings, view.hold_a),
        _swept("B", settings_of_b(settings, view), hold_of_b(settings, view)),
    )


def _swept(name: str, settings: Settings, hold: str) -> Side:
    now = scene(settings)
    if not hold:
        return Side(name, now, now.sweep, hold)
    where, _dot, kind = hold.rpartition(".")
    scales = now.sweep.scales
    key = ("sweep", *now.inputs, settings.protocol, scales, now.presentation.point, hold)

    def work(report: Progress) -> Sweep:
        return sk_viz.sweep(
            now.model,
            now.picture,
            scales=scales,
            held={where: kind},
            progress=report,
            **now.presentation.arguments,
        )

    return Side(
        name, now, shell.result(key, _("Sweeping side {side}").format(side=name), work), hold
    )


def _choose(settings: Settings, view: CompareView) -> Any:
    """The controls of both sides in one row; where the scale of both is chosen."""
    scale, hold_a, *rest, hold_b = st.columns(6)
    other = settings_of_b(settings, view)
    with hold_a:
        _hold("A", settings, view)
    _choose_b(other, settings, view, rest)
    with hold_b:
        _hold("B", other, view)
    if other.protocol in ("zoom", "object"):
        _point(other)
    return scale


def _choose_b(own: Settings, settings: Settings, view: CompareView, columns: list[Any]) -> None:
    titles = {s.id: s.title for s in samples() if s.id in shell.sample_ids(own.protocol)}
    pictures = {SAME: _("Same picture")}
    pictures |= {name: terms.sentence(title) for name, title in titles.items()}
    if mine := uploads.latest():
        pictures[mine] = _("Your picture")
    models = {SAME: _("Same model")} | {name: name for name in shell.model_ids()}
    same = _("Same protocol ({protocol})").format(protocol=terms.protocol(settings.protocol))
    protocols = {SAME: same} | {p: terms.protocol(p) for p in PROTOCOLS}
    labels = {
        "picture": _("B: picture"),
        "model": _("B: model"),
        "protocol": _("B: protocol"),
    }
    for column, field, options in zip(
        columns,
        ("picture", "model", "protocol"),
        (pictures, models, protocols),
        strict=True,
    ):
        value = own.protocol if field == "protocol" else getattr(view, field)
        if field == "protocol" and view.protocol == SAME:
            value = SAME
        column.selectbox(
            labels[field],
            list(options),
            format_func=_named(options),
            **controls.bound(
                f"compare.{field}", value if value in options else SAME, CompareView, field
            ),
        )


def _named(options: dict[str, str]) -> Any:
    return lambda name: options.get(name, name)


def _point(own: Settings) -> None:
    def moved() -> None:
        chosen = st.session_state["compare.x"], st.session_state["compare.y"]
        change(CompareView, point=() if chosen == current(Settings).point else chosen)

    columns = st.columns(6)[-2:]
    titles = controls.axis_names()
    for column, axis, title, value in zip(columns, "xy", titles, own.point, strict=True):
        st.session_state[f"compare.{axis}"] = value
        column.slider(f"B: {title}", 0.0, 1.0, step=0.01, key=f"compare.{axis}", on_change=moved)


def _hold(name: str, own: Settings, view: CompareView) -> None:
    """Which weights are held on this side."""
    field = f"hold_{name.lower()}"
    hold = view.hold_a if name == "A" else hold_of_b(current(Settings), view)
    try:
        units = shell.model(own).units
    except ValueError:
        return  # the page says why
    names = [unit.name for unit in units]
    stages = [f"SK_{stage}" for stage in dict.fromkeys(unit.stage for unit in units)]
    options = [f"{where}.{kind}" for where in ("all", *stages, *names) for kind in KINDS]
    choices = dict.fromkeys(["", *options, hold])  # with what a link holds in another network
    st.selectbox(
        _("{side}: freeze weights").format(side=name),
        list(choices),
        format_func=_held,
        help=_("Side A is the picture, model and protocol of the sidebar.")
        if name == "A"
        else None,
        **controls.bound(f"compare.{field}", hold, CompareView, field),
    )


def _held(hold: str) -> str:
    if not hold:
        return _("None: all units choose")
    where, _dot, kind = hold.rpartition(".")
    stage = re.fullmatch(r"SK_(\d+)", where)
    place = _("all units") if where == "all" else where
    if stage:
        place = _("stage {stage}").format(stage=stage[1])
    kinds = {"smallest": _("smallest"), "largest": _("largest"), "equal": _("equal")}
    return f"{place}: {kinds.get(kind, kind)}"


def _answer(first: Side, second: Side) -> None:
    """What was found, in one sentence or two."""
    scale = first.scene.scale
    (name, share), (other, other_share) = first.best, second.best
    says = _("At {scale} A says **{name}** ({share}), B **{other}** ({other_share}).").format(
        scale=scale_label(scale),
        name=shell.plain(name),
        share=share_label(share),
        other=shell.plain(other),
        other_share=share_label(other_share),
    )
    if not _agree(first, second):
        more = _(
            "The two networks have different units, so their stages are compared and no map of "
            "their difference is drawn."
        )
        st.markdown(f"{more} {says}")
        return
    table = apart(first.sweep.differences, second.sweep.differences)
    most = table.iloc[int(table["difference"].abs().argmax())]
    if not most["difference"]:
        st.markdown(f"{_('All units choose the same on both sides.')} {says}")
        return
    towards = first.kernels[1] if most["difference"] > 0 else first.kernels[0]
    text = _(
        "B differs most from A in **{unit}** at {scale}: {change} towards {kernel}. The average "
        "over all units and scales is {mean}."
    ).format(
        unit=shell.plain(str(most["unit"])),
        scale=scale_label(float(most["scale"])),
        change=signed(float(most["difference"]), 3),
        kernel=kernel_label(towards),
        mean=f"{table['difference'].abs().mean():.3f}",
    )
    st.markdown(f"{text} {says}")


def _agree(first: Side, second: Side) -> bool:
    """Whether a unit of one side can be held against the same unit of the other."""
    one, other = ([(u.name, u.kernels) for u in side.scene.model.units] for side in (first, second))
    return one == other


def _side(side: Side, unit: str, reach: float) -> None:
    now, ink = side.scene, shell.ink()
    held = ""
    if side.hold:
        held = " · " + _("frozen: {what}").format(what=_held(side.hold))
    st.markdown(
        f"**{side.name}** · {shell.plain(now.model.id)} {identity.marks_of(now.model)} · "
        f"{terms.protocol(now.settings.protocol)} · {shell.plain(now.picture.name)}"
        f"{shell.plain(held)}"
    )
    picture, answers = st.columns([1, 1.6], vertical_alignment="center")
    with picture:
        figure = picture_panel(now.stimulus.rgb, ink)
        figure.update_layout(height=120)
        st.plotly_chart(
            figure,
            theme=None,
            key=f"compare.shown.{side.name}",
            config={"displayModeBar": False},
            alt=_("The picture as side {side} is shown it.").format(side=side.name),
        )
    table = side.sweep.predictions
    top = table[table["scale"] == now.scale]
    answers.markdown(
        "  \n".join(
            f":small[{share_label(share)} {shell.plain(name)}]"
            for name, share in zip(top["name"], top["probability"], strict=True)
        )
    )
    key = f"compare.map.{side.name}"
    grid(
        difference_grid(
            side.sweep.differences,
            ink,
            kernels=side.kernels,
            limit=reach,
            protocol=terms.protocol(now.settings.protocol),
        ),
        ink,
        row=unit,
        column=repr(now.scale),
        key=key,
        on_click=_clicked(key),
        label=_("Map of unit by scale, side {side}.").format(side=side.name),
    )


def _clicked(key: str) -> Callable[[], None]:
    def clicked() -> None:
        place = st.session_state[key].clicked
        if place:
            change(Settings, unit=str(place["row"]), scale=float(place["column"]))

    return clicked


def _apart(first: Side, second: Side) -> None:
    scale, ink = first.scene.scale, shell.ink()
    if _agree(first, second):
        st.markdown(_("**B minus A**"))
        table = apart(first.sweep.differences, second.sweep.differences)
        ends = [_("B towards {kernel}").format(kernel=kernel_label(k)) for k in first.kernels]
        grid(
            difference_grid(
                table,
                ink,
                kernels=first.kernels,
                protocol=_("both sides"),
                ends=(ends[0], ends[1]),
            ),
            ink,
            row=first.scene.unit.name,
            column=repr(scale),
            key="compare.apart",
            label=_("Map of unit by scale: the difference of side B minus that of side A."),
        )
    else:
        st.markdown(_("**Stages of both sides**"))
        sides = [(side.name, side.sweep.differences) for side in (first, second)]
        st.plotly_chart(
            side_lines(sides, ink, scale=scale),
            theme=None,
            key="compare.apart",
            config={"displayModeBar": False},
            alt=_("One panel per stage: its mean difference over the scales on both sides."),
        )
    if first.hold or second.hold:
        st.caption(
            _(
                "For a frozen unit the maps show what it would have chosen. Later units choose "
                "from what they then see."
            )
        )
