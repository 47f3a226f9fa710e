"""What the page Compare alone chooses, and what side B is shown for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sk_viz.app.shared import shell
from sk_viz.app.state.address import in_address, numbers, one_of, word, write_numbers
from sk_viz.app.state.settings import Settings, is_upload
from sk_viz.measures.held import KINDS
from sk_viz.pictures import PROTOCOLS

SAME = "same"
AUTO = "auto"


def _read_hold(text: str) -> str:
    """``<unit, stage or all>.<kind>``, or nothing."""
    where, _dot, kind = text.rpartition(".")
    if text == AUTO:
        return text
    if text and kind not in KINDS:
        raise ValueError(f"give a unit, a dot, and one of {', '.join(KINDS)}")
    return f"{word(where)}.{kind}" if text else ""


def _read_point(text: str) -> tuple[float, ...]:
    point = numbers(0, 1, 2)(text)
    if len(point) == 1:
        raise ValueError("give two numbers x,y from 0 to 1")
    return point


@dataclass(frozen=True)
class CompareView:
    """What is different on side B; side A is what all pages share.

    Attributes:
        picture: a sample, one's own, or ``SAME`` as A.
        model: an id, or ``SAME``.
        protocol: or ``SAME``; ``AUTO`` for blur beside a zoom, which tells an object's size from
            its detail, and for the same beside all others.
        point: or () for A's.
        hold_a: what is held on side A, such as ``SK_3_2.largest``; "" for nothing.
        hold_b: the same on side B; ``AUTO`` for nothing beside a zoom, and else for equal weights.
    """

    picture: str = in_address(SAME, "b.picture", word)
    model: str = in_address(SAME, "b.model", word)
    protocol: str = in_address(AUTO, "b.protocol", one_of(AUTO, SAME, *PROTOCOLS))
    point: tuple[float, ...] = in_address((), "b.point", _read_point, write_numbers)
    hold_a: str = in_address("", "a.hold", _read_hold)
    hold_b: str = in_address(AUTO, "b.hold", _read_hold)


def settings_of_b(settings: Settings, view: CompareView) -> Settings:
    """What B is shown: A's settings but for what the page chose otherwise."""
    protocol = settings.protocol if view.protocol in (SAME, AUTO) else view.protocol
    if view.protocol == AUTO and settings.protocol == "zoom":
        protocol = "blur"
    picture = settings.picture if view.picture == SAME else view.picture
    if picture and not is_upload(picture) and picture not in shell.sample_ids(protocol):
        picture = ""  # a cut-out is no photograph: the first of the kind
    return replace(
        settings,
        picture=picture,
        model=settings.model if view.model == SAME else view.model,
        protocol=protocol,
        point=(view.point[0], view.point[1]) if view.point else settings.point,
        scales=settings.scales or settings.default_scales,
    )


def hold_of_b(settings: Settings, view: CompareView) -> str:
    """What is frozen on side B."""
    if view.hold_b != AUTO:
        return view.hold_b
    return "" if settings.protocol == "zoom" else "all.equal"
