"""What Explore shows: what the page alone chooses, and what it computes from all choices."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sk_viz.app.shared import shell
from sk_viz.app.shared.prediction import said_at
from sk_viz.app.shared.sweeping import colour_range, inputs, presentation_of, swept
from sk_viz.app.state.address import (
    in_address,
    number,
    numbers,
    one_of,
    switch,
    write_number,
    write_numbers,
    write_switch,
)
from sk_viz.app.state.settings import MAX_COUNT, Settings
from sk_viz.language import gettext as _
from sk_viz.measures.attribution.methods import METHODS
from sk_viz.pictures import Picture, Presentation

if TYPE_CHECKING:
    from sk_viz.measures.sweep.result import Sweep
    from sk_viz.zoo.model import Model

NO_METHOD = "none"


@dataclass(frozen=True)
class View:
    """What this page alone chooses; none of it needs a new sweep.

    Attributes:
        change: show changes from the smallest scale in place of the differences.
        order: of the channels, ``"sorted"`` or ``"averaged"``.
        control: lay the blur alone under a zoom.
        method: of the attributions, or ``NO_METHOD``.
        explained: the scales whose attribution is shown; None for the first, middle and last.
        strength: of the attribution over its picture.
        free: let the map's colours reach the largest value on screen, not the model's own range.
    """

    change: bool = in_address(False, "change", switch, write_switch)
    order: str = in_address("sorted", "channels", one_of("sorted", "averaged"))
    control: bool = in_address(True, "control", switch, write_switch)
    method: str = in_address("grad_cam", "method", one_of(NO_METHOD, *METHODS))
    explained: tuple[float, ...] | None = in_address(
        None, "explain", numbers(0, 64, MAX_COUNT), lambda v: write_numbers(v or ())
    )
    strength: float = in_address(0.9, "overlay", number(0, 1), write_number)
    free: bool = in_address(False, "free", switch, write_switch)


@dataclass(frozen=True, eq=False)
class Shown:
    """Everything that the page draws, from one choice of settings.

    Attributes:
        settings: as they were chosen.
        model: the model.
        picture: the picture.
        presentation: how the picture is shown.
        sweep: over the chosen scales.
        control: the same of the blur alone, None where it is not wanted.
        limit: the difference that has full colour, the same for every picture of the model.
    """

    settings: Settings
    model: Model
    picture: Picture
    presentation: Presentation
    sweep: Sweep
    control: Sweep | None
    limit: float

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """What names the sweep and its control, for the figures that are drawn of them."""
        how, scales = self.presentation, self.sweep.scales
        return (*self.inputs, how.protocol, scales, how.point, self.control is not None)

    @property
    def kernels(self) -> tuple[int, int]:
        """The smallest and the largest of the network."""
        kernels = [kernel for unit in self.model.units for kernel in unit.kernels]
        return min(kernels), max(kernels)

    def said(self, scale: float) -> str:
        """What the model takes the picture for at a scale, and how sure it is."""
        return said_at(self.sweep, scale, len(self.model.classes))

    @property
    def inputs(self) -> tuple[Hashable, ...]:
        """What names model and picture in the key of a result."""
        return inputs(self.model, self.picture, self.presentation.background)


def compute(settings: Settings, view: View) -> Shown:
    """Sweep, and the blur alone beside a zoom where it is wanted.

    Raises:
        ModelError, PictureError, ScaleError: what is chosen cannot be shown.
        shell.StoppedByUserError: the sweep was stopped.
    """
    model = shell.model(settings)
    picture = shell.picture(settings)
    behind = shell.background(settings)
    presentation = presentation_of(settings, settings.protocol, behind)
    main = swept(settings, presentation, model, picture)
    control = None
    if settings.protocol == "zoom" and view.control:
        blurred = presentation_of(settings, "blur", behind)
        label = _("Sweeping the blur control")
        control = swept(settings, blurred, model, picture, label)
    limit = colour_range(model)
    return Shown(settings, model, picture, presentation, main, control, limit)
