"""How a picture is shown: the protocol, the point and the background as one value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sk_viz.pictures.cutouts import BASE_SIZE
from sk_viz.pictures.picture import Picture
from sk_viz.pictures.scales import check_point, check_protocol
from sk_viz.pictures.stimuli import CENTRE, Background, Stimulus, stimuli
from sk_viz.preprocessing import Preprocessing


@dataclass(frozen=True)
class Presentation:
    """How a picture is shown at any scale.

    The public functions take the three fields as keyword arguments; inside they pass on this
    value.

    Attributes:
        protocol: one of ``sk_viz.pictures.PROTOCOLS``.
        point: (x, y) in [0, 1]: the point of the picture to zoom to, or the point of the frame
            where the object's centre stands. Not to be confused with the ``place`` of a receptive
            field, which is where in the network's input the field is measured.
        background: for the protocol ``object``: a colour (R, G, B) or a picture; None for the
            mean colour of the preprocessing.

    Raises:
        ScaleError: an unknown protocol, or a point outside the picture.
    """

    protocol: str = "zoom"
    point: tuple[float, float] = CENTRE
    background: Background | None = None

    def __post_init__(self) -> None:
        check_protocol(self.protocol)
        object.__setattr__(self, "point", check_point(self.point))

    def stimuli(
        self, picture: Picture, scales: Iterable[float], preprocessing: Preprocessing
    ) -> tuple[Stimulus, ...]:
        """The picture at several scales, as :func:`sk_viz.pictures.stimuli` makes them.

        Raises:
            ScaleError: scales that the protocol does not allow.
            PictureError: not a picture; ``object`` with a picture that has no transparency.
        """
        return stimuli(picture, scales, self.protocol, preprocessing, **self._view)

    @property
    def arguments(self) -> dict[str, Any]:
        """The three fields as keyword arguments of a measure."""
        return {"protocol": self.protocol, **self._view}

    def to_record(self) -> dict[str, Any]:
        """The fields of a record that say how the picture was shown, as plain values."""
        record: dict[str, Any] = {"protocol": self.protocol, "point": list(self.point)}
        if self.protocol == "object":
            record["background"] = _background(self.background)
            record["base_size"] = BASE_SIZE
        return record

    @property
    def _view(self) -> dict[str, Any]:
        return {"point": self.point, "background": self.background}


def _background(background: Background | None) -> object:
    if isinstance(background, Picture):
        return {"picture": background.name, "sha256": background.sha256}
    return None if background is None else [int(value) for value in background]
