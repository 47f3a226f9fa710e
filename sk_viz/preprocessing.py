"""How a network wants its picture: the one thing that networks and pictures agree on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sk_viz.errors import ModelError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_MAX_SIZE = 4096


@dataclass(frozen=True)
class Preprocessing:
    """The evaluation crop of a network and the normalisation of its input.

    Attributes:
        input_size: side of the square input, pixels.
        crop_fraction: side of the central evaluation crop as a share of the picture's
            shorter side, in (0, 1] (timm's ``crop_pct``).
        mean: per channel (R, G, B), in units of [0, 1] intensity.
        std: per channel (R, G, B), in units of [0, 1] intensity.

    Raises:
        ModelError: an entry of the wrong kind or out of bounds; what a file says may be anything.
    """

    input_size: int = 224
    crop_fraction: float = 0.875
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if type(self.input_size) is not int or not 1 <= self.input_size <= _MAX_SIZE:
            raise ModelError(f"input_size must be a whole number from 1 to {_MAX_SIZE}.")
        if not _within(self.crop_fraction, 1.0) or self.crop_fraction == 0:
            raise ModelError("crop_fraction must be a number above 0 and at most 1.")
        for name, values, most in (("mean", self.mean, 1.0), ("std", self.std, 1000.0)):
            three = isinstance(values, tuple | list) and len(values) == 3
            if not three or not all(_within(value, most) for value in values):
                raise ModelError(f"{name} must be three numbers from 0 to {most:g}.")
        if 0 in self.std:
            raise ModelError("std must not be 0.")

    def to_record(self) -> dict[str, object]:
        """The same as plain values for a record."""
        return asdict(self)


def _within(value: object, most: float) -> bool:
    """Whether it is a number from 0 to ``most``; NaN is not."""
    return isinstance(value, int | float) and type(value) is not bool and 0 <= value <= most
