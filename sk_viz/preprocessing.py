"""How a network wants its picture: the one thing that networks and pictures agree on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """The evaluation crop of a network and the normalisation of its input.

    Attributes:
        input_size: side of the square input, pixels.
        crop_fraction: side of the central evaluation crop as a share of the picture's
            shorter side, in (0, 1] (timm's ``crop_pct``).
        mean: per channel (R, G, B), in units of [0, 1] intensity.
        std: per channel (R, G, B), in units of [0, 1] intensity.
    """

    input_size: int = 224
    crop_fraction: float = 0.875
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def to_record(self) -> dict[str, object]:
        """The same as plain values for a record."""
        return asdict(self)
