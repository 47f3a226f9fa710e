"""What the pages about one unit at one scale share: their scene, its choices and its files."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from sk_viz.app.shared import controls, shell, terms
from sk_viz.app.shared.prediction import said_at
from sk_viz.app.shared.sweeping import inputs, presentation_of, swept
from sk_viz.app.state.settings import Settings, change, refuse
from sk_viz.figures.screen.style import kernel_label, scale_label
from sk_viz.language import gettext as _
from sk_viz.measures.sweep.changes import most_moving_unit
from sk_viz.pictures import Picture, Presentation, Stimulus

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep
    from sk_viz.networks.units import Unit
    from sk_viz.zoo.model import Model

# What is offered to download: label, the bytes when they are asked for, file name, type.
File = tuple[str, Callable[[], bytes], str, str]


@dataclass(frozen=True, eq=False)
class Scene:
    """One unit of a model that is shown a picture at one scale.

    Attributes:
        settings: as they were chosen.
        model: the model.
        picture: the picture.
        presentation: how the picture is shown.
        sweep: over all chosen scales, which also says what moves most.
        unit: the unit that is chosen, or the one that moves most.
        scale: the scale that is chosen, or the first.
    """

    settings: Settings
    model: Model
    picture: Picture
    presentation: Presentation
    sweep: Sweep
    unit: Unit
    scale: float

    @property
    def inputs(self) -> tuple[Hashable, ...]:
        """What names model and picture in the key of a result."""
        return inputs(self.model, self.picture, self.presentation.background)

    @property
    def stimulus(self) -> Stimulus:
        """What the network is shown at the scale."""
        return self.sweep.stimuli[self.sweep.scales.index(self.scale)]

    @property
    def difference(self) -> float:
        """Of the unit at the scale."""
        table = self.sweep.differences
        rows = table[(table["unit"] == self.unit.name) & (table["scale"] == self.scale)]
        return float(rows["difference"].to_numpy()[0])

    @property
    def best(self) -> tuple[int, str, float]:
        """The likeliest class at the scale: index, name, probability."""
        table = self.sweep.predictions
        row = table[(table["scale"] == self.scale) & (table["rank"] == 1)].iloc[0]
        return int(row["label"]), str(row["name"]), float(row["probability"])

    @property
    def said(self) -> str:
        """What the model takes the picture for at the scale, and how sure it is."""
        return said_at(self.sweep, self.scale, len(self.model.classes))


def scene(settings: Settings) -> Scene:
    """Load, and sweep unless Explore has done so already.

    Raises:
        ModelError, PictureError, ScaleError: what is chosen cannot be shown.
        shell.StoppedByUserError: the sweep was stopped.
    """
    model = shell.model(settings)
    picture = shell.picture(settings)
    presentation = presentation_of(settings, settings.protocol, shell.background(settings))
    sweep = swept(settings, presentation, model, picture)
    name, scale = unit_at(sweep, settings, model.id)
    return Scene(
        settings=settings,
        model=model,
        picture=picture,
        presentation=presentation,
        sweep=sweep,
        unit=next(unit for unit in model.units if unit.name == name),
        scale=scale,
    )


def unit_at(sweep: Sweep, settings: Settings, model_id: str) -> tuple[str, float]:
    """The unit and the scale that are looked at.

    What was chosen and is not there is said on the page, and what shows most is looked at instead.
    """
    unit, scale = settings.unit, settings.scale
    if unit not in sweep.units:
        most = most_moving_unit(sweep.differences)
        if unit:
            refuse(
                _(
                    "{model} has no unit {unit}: {most}, which changes most, is shown instead."
                ).format(model=model_id, unit=unit, most=most)
            )
            change(Settings, unit="")
        unit = most
    if scale not in sweep.scales:
        if scale:
            refuse(
                _("The scale {scale} is not among the scales: {first} is shown instead.").format(
                    scale=scale_label(scale), first=scale_label(sweep.scales[0])
                )
            )
            change(Settings, scale=0.0)
        scale = sweep.scales[0]
    shell.tell_refused()
    return unit, scale


def choose_unit(now: Scene) -> None:
    """A box that chooses the unit, for this page and all others."""
    between = _(" and ")
    kernels = {u.name: between.join(map(kernel_label, u.kernels)) for u in now.model.units}
    st.selectbox(
        _("Unit"),
        list(kernels),
        format_func=lambda name: f"{name} · {kernels[name]}",
        help=terms.definitions("unit", "kernel"),
        **controls.bound("scene.unit", now.unit.name, Settings, "unit"),
    )


def choose_scale(now: Scene) -> None:
    """A slider over the scales of the sweep."""
    scales = now.sweep.scales
    title = _("Scale ({protocol})").format(protocol=terms.protocol(now.settings.protocol))
    if len(scales) == 1:
        st.caption(f"{title}: {scale_label(scales[0])}")
        return
    st.select_slider(
        title,
        scales,
        format_func=scale_label,
        help=terms.definition("scale"),
        **controls.bound("scene.scale", now.scale, Settings, "scale"),
    )


def download(files: Sequence[File]) -> None:
    """A button that opens the list of files; each is made when it is asked for."""
    with st.popover(_("Download"), icon=":material/download:"):
        for label, data, name, mime in files:
            st.download_button(
                label, data, file_name=name, mime=mime, on_click="ignore", key=f"file.{name}"
            )
