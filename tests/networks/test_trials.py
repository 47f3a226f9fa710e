"""The drawn trial pictures have what photographs have."""

import itertools

import pytest
import torch

from sk_viz.networks.trials import noise, photograph_like


@pytest.mark.parametrize("side", [48, 64])
def test_they_are_the_same_at_every_call_and_normalised(side):
    drawn = photograph_like(24, side)
    assert drawn.shape == (24, 3, side, side)
    assert torch.equal(drawn, photograph_like(24, side))
    assert drawn.isfinite().all()
    assert drawn.abs().max() < 8
    assert 0.5 < drawn.std() < 2
    assert noise(side).shape == (3, 3, side, side)


def test_neighbours_are_alike_and_channels_too():
    """As in photographs, and not in white noise, where both correlations are near 0."""
    for picture in photograph_like(24, 64):
        centred = picture - picture.mean(dim=(1, 2), keepdim=True)
        energy = centred.square().mean()
        assert (centred[..., 1:] * centred[..., :-1]).mean() > 0.4 * energy
    grey = photograph_like(24, 64).mean(dim=1).var()
    assert grey > 0.5 * photograph_like(24, 64).var()


def test_power_falls_with_frequency():
    """By about the square of it: halving the size of a detail takes away most of its power."""
    power = torch.fft.rfft2(photograph_like(24, 64)).abs().square().mean(dim=(0, 1))
    radius = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64)[None])
    bands = [power[(radius > r) & (radius <= 2 * r)].mean() for r in (1 / 32, 1 / 16, 1 / 8, 1 / 4)]
    for lower, higher in itertools.pairwise(bands):
        assert 2 < lower / higher < 12
