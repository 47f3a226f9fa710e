"""The arms of each control: stimuli of which each differs from the one before in one thing.

From the whole frame (``zoom`` at 1) to the zoom, each control takes its own way:

====== ============================================================================
blur   base → *detail* → base+blur → *size* → zoom
tile   base → *content* → tile → *detail* → tile+blur → *size* → zoom
window base → *content* → centre → *detail* → centre+blur → *size* → window → *frame* → zoom
====== ============================================================================

The parts of a change are the steps of the way, so they add up to the whole change exactly. The
stimuli are those of :mod:`sk_viz.pictures.stimuli`, ``+blur`` by what the picture's own zoom lacks
(:func:`sk_viz.pictures.detail_lost`): where the picture has all the detail that the zoom can show,
the blurred arm is the one before it, and the part *detail* is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sk_viz.errors import ScaleError
from sk_viz.pictures import Picture, Stimulus, detail_lost, stimuli
from sk_viz.preprocessing import Preprocessing

PARTS = ("content", "detail", "size", "frame")
BASE, ZOOM = "base", "zoom"

# From one arm to the next, and what the step is a measure of.
Way = tuple[tuple[str, str, str], ...]
WAYS: Mapping[str, Way] = {
    "blur": ((BASE, "base+blur", "detail"), ("base+blur", ZOOM, "size")),
    "tile": (
        (BASE, "tile", "content"),
        ("tile", "tile+blur", "detail"),
        ("tile+blur", ZOOM, "size"),
    ),
    "periodic": (
        (BASE, "periodic", "content"),
        ("periodic", "periodic+blur", "detail"),
        ("periodic+blur", ZOOM, "size"),
    ),
    "window": (
        (BASE, "centre", "content"),
        ("centre", "centre+blur", "detail"),
        ("centre+blur", "window", "size"),
        ("window", ZOOM, "frame"),
    ),
}
CONTROLS = ("blur", "tile", "window")


def check_controls(controls: Sequence[str]) -> tuple[str, ...]:
    """The controls, or a ScaleError unless each is known and stands there once."""
    named = (controls,) if isinstance(controls, str) else tuple(controls)
    for control in named:
        if control not in WAYS:
            raise ScaleError(f"There is no control {control!r}: choose {', '.join(WAYS)}.")
    if not named or len(set(named)) < len(named):
        raise ScaleError("Give at least one control, each once, such as blur, tile and window.")
    return named


def arms(
    picture: Picture,
    scale: float,
    preprocessing: Preprocessing,
    controls: Sequence[str],
    point: tuple[float, float],
) -> dict[str, Stimulus]:
    """The stimuli that some controls need, by the name of their arm.

    Args:
        picture: what to show.
        scale: s of the zoom, above 1.
        preprocessing: the network's.
        controls: of ``WAYS``.
        point: (x, y) in [0, 1], where to zoom to.

    Raises:
        ScaleError: a scale that is not above 1, or too large; a point outside the picture.
        PictureError: not a picture.
    """
    if not scale > 1:
        raise ScaleError(f"The scale {scale:g} enlarges nothing: give one above 1, such as 2.")

    def shown(protocol: str, at: float) -> Stimulus:
        return stimuli(picture, (at,), protocol, preprocessing, point=point)[0]

    made = {BASE: shown(ZOOM, 1.0), ZOOM: shown(ZOOM, scale)}
    lost = detail_lost(picture, scale, preprocessing)
    for control in controls:
        for _, arm, _ in WAYS[control]:
            if arm not in made:
                before = arm.removesuffix("+blur")
                made[arm] = made[before] if before != arm and lost <= 1 else shown(arm, scale)
    return made
