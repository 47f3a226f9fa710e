"""Pictures that an engine is tried with: drawn, with the statistics of photographs.

Noise alone errs by less than photographs do. These have what photographs have: detail of every
size (power falling with frequency), edges between flat surfaces that hide one another (the dead
leaves model), grey more than colour, high and low contrast.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_LEAVES = 60  # surfaces in one picture
_SMALLEST = 0.02  # radius of one, as a share of the side


def noise(side: int) -> Tensor:
    """(3, 3, side, side): noise, fine and coarse. Quickly read."""
    generator = torch.Generator().manual_seed(0)
    layers = [
        torch.randn(1, 3, max(1, side // n), max(1, side // n), generator=generator)
        for n in (1, 4, 16)
    ]
    return torch.cat([F.interpolate(x, size=(side, side), mode="bilinear") for x in layers])


def photograph_like(count: int, side: int) -> Tensor:
    """(count, 3, side, side), normalised; the same ones at every call, half of either kind."""
    generator = torch.Generator().manual_seed(0)
    return torch.stack(
        [
            _surfaces(side, generator) if n % 2 else _clouds(side, n / count, generator)
            for n in range(count)
        ]
    )


def _clouds(side: int, share: float, generator: torch.Generator) -> Tensor:
    """Noise whose amplitude falls as frequency to the power of 0.7 to 1.7."""
    frequency = torch.hypot(torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1 / side
    white = torch.randn(3, side, side, generator=generator)
    white += 1.5 * torch.randn(1, side, side, generator=generator)  # grey
    shaped = torch.fft.irfft2(torch.fft.rfft2(white) / frequency ** (0.7 + share), s=(side, side))
    contrast = 0.4 + 0.9 * torch.rand(1, generator=generator)
    tint = 0.3 * torch.randn(3, 1, 1, generator=generator)
    drawn: Tensor = contrast * (shaped - shaped.mean()) / shaped.std() + tint
    return drawn


def _surfaces(side: int, generator: torch.Generator) -> Tensor:
    """Discs of one colour each, many small and few large, the later on top."""
    steps = torch.arange(side) / side
    picture = torch.randn(3, 1, 1, generator=generator).repeat(1, side, side)
    for _ in range(_LEAVES):
        x, y, size = torch.rand(3, generator=generator)
        radius = (_SMALLEST / size.clamp(min=1e-4).sqrt()).clamp(max=0.5)
        grey, colour = torch.randn(1, generator=generator), torch.randn(3, generator=generator)
        inside = (steps[None] - x) ** 2 + (steps[:, None] - y) ** 2 < radius**2
        picture[:, inside] = (0.8 * grey + 0.6 * colour)[:, None]
    return picture
