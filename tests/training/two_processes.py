"""Run by test_gradients in an interpreter of its own: ``two_processes.py FOLDER``."""

import copy
import sys
from pathlib import Path

import pytest
import torch

from sk_viz.datasets.labelled import read_labelled
from sk_viz.errors import ModelError
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.training import partners as partners_module
from sk_viz.training.data.sampler import Sampler
from sk_viz.training.partners import Partners, backward, forward_of
from sk_viz.training.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(steps=6, batch=8, size=32, size_schedule=((0.0, 24),), mixed=False)
SHAPE = SKNetConfig((1, 1), (8, 16), (16, 16), 8, "small", groups=2, min_features=4, classes=2)


def the_mean_of_both_halves(sampler: Sampler) -> None:
    """Each with norms of its own."""
    network = SKNet(SHAPE)
    halves = []
    for part in (0, 1):
        alone = copy.deepcopy(network)
        backward(forward_of(alone, RECIPE, compiled=False), sampler, 0, part, 2, CPU)
        halves.append([parameter.grad for parameter in alone.parameters()])
    with Partners(network, sampler, False, range(1), 2) as partners:
        forward = forward_of(network, RECIPE, compiled=False)
        partners.begin()
        loss = partners.add_to(network, backward(forward, sampler, 0, 0, 2, CPU))
    assert 0 < loss < 10
    for parameter, one, other in zip(network.parameters(), *halves, strict=True):
        torch.testing.assert_close(parameter.grad, (one + other) / 2, atol=1e-6, rtol=1e-4)


def a_partner_that_ends_is_told(sampler: Sampler) -> None:
    partners_module._PATIENCE = 0.1
    network = SKNet(SHAPE)
    with Partners(network, sampler, False, range(1), 2) as partners:
        partners._others[0]._process.kill()
        loss = backward(forward_of(network, RECIPE, False), sampler, 0, 0, 2, CPU)
        with pytest.raises(ModelError, match="start the same command again"):
            partners.add_to(network, loss)


if __name__ == "__main__":
    torch.manual_seed(0)
    drawn = Sampler(read_labelled(Path(sys.argv[1])), RECIPE)
    the_mean_of_both_halves(drawn)
    a_partner_that_ends_is_told(drawn)
    print("held")
