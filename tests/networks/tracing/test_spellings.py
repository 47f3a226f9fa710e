"""Units in every spelling: their kernels, their order, their weights, and what holding does."""

from __future__ import annotations

import pytest
import torch
from fixtures.spellings import COMBINATIONS, SOFTMAXES, Selective, branch, separable
from torch import Tensor, nn

import sk_viz
from sk_viz.networks.readout import Readout

_SHAPES = {1: (40,), 2: (12, 10), 3: (6, 7, 8)}


def awake(network: nn.Module) -> nn.Module:
    """Statistics of every norm as if it had been trained."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def check(unit: Selective, x: Tensor, kernels: tuple[int, ...]) -> sk_viz.networks.units.Unit:
    """Everything that a unit of one's own writing promises, against the unit computed by hand."""
    (found,) = sk_viz.units(unit)
    assert (found.name, found.kind, found.kernels) == ("SK_2_1", "kernels", kernels)
    features, expected = unit.by_hand(x)
    longest = [max(k) if isinstance(k, tuple) else k for k in unit.kernels]
    order = sorted(range(len(longest)), key=longest.__getitem__)
    reader = Readout(unit)
    with torch.no_grad():
        output, (weights,) = reader(x)
        torch.testing.assert_close(output, unit(x), rtol=0, atol=0)
        torch.testing.assert_close(weights.to(x), expected[:, order])
        for place, m in enumerate(order):
            held = torch.zeros(1, *weights.shape[1:])
            held[:, place] = 1
            alone, (chosen,) = reader(x, {"SK_2_1": held})
            torch.testing.assert_close(alone, features[m])
            torch.testing.assert_close(chosen, weights)
        again, _ = reader(x, {"SK_2_1": weights})
        torch.testing.assert_close(again, output, rtol=0, atol=0)
    return found


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("pictures", [1, 2, 3])
def test_every_combination(combination, pictures):
    unit = awake(Selective(combination=combination))
    check(unit, torch.randn(pictures, 4, *_SHAPES[2]), (3, 5))


@pytest.mark.parametrize("softmax", SOFTMAXES)
@pytest.mark.parametrize("pictures", [1, 2, 3])
def test_every_softmax(softmax, pictures):
    unit = awake(Selective(softmax=softmax))
    check(unit, torch.randn(pictures, 4, *_SHAPES[2]), (3, 5))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("combination", ["stack", "einsum", "reversed", "in place", "buffer"])
def test_one_two_and_three_axes_with_three_branches(axes, combination):
    unit = awake(Selective(kernels=(3, 5, 7), axes=axes, combination=combination))
    found = check(unit, torch.randn(2, 4, *_SHAPES[axes]), (3, 5, 7))
    assert found.extents == tuple((k,) * axes for k in (3, 5, 7))


@pytest.mark.parametrize("combination", ["stack", "unbind", "matmul", "addcmul", "reversed"])
def test_branches_that_are_not_in_the_order_of_their_kernels(combination):
    unit = awake(Selective(kernels=(7, 1, 5, 3), combination=combination))
    check(unit, torch.randn(2, 4, *_SHAPES[2]), (1, 3, 5, 7))


@pytest.mark.parametrize(
    ("kernels", "axes", "longest", "extents"),
    [
        (((3, 1), (5, 1)), 2, (3, 5), ((3, 1), (5, 1))),
        (((1, 3), (1, 5)), 2, (3, 5), ((1, 3), (1, 5))),
        (((3, 7), (5, 1)), 2, (5, 7), ((5, 1), (3, 7))),
        (((3, 3, 7), (3, 3, 3)), 3, (3, 7), ((3, 3, 3), (3, 3, 7))),
    ],
)
def test_kernels_that_differ_by_axis(kernels, axes, longest, extents):
    unit = awake(Selective(kernels=kernels, axes=axes))
    found = check(unit, torch.randn(2, 4, *_SHAPES[axes]), longest)
    assert found.extents == extents


def _nested(channels: int = 4) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Sequential(nn.Sequential(branch(channels, k, 2)), nn.Identity()) for k in (3, 5)
    )


@pytest.mark.parametrize(
    ("branches", "kernels", "composite"),
    [
        (nn.ModuleList(branch(4, k, 2, dilated=True) for k in (3, 5)), (3, 5), False),
        (nn.ModuleList(branch(4, k, 2, groups=2) for k in (3, 5)), (3, 5), False),
        (nn.Sequential(*(branch(4, k, 2) for k in (3, 5))), (3, 5), False),
        (_nested(), (3, 5), False),
        (nn.ModuleList(separable(4, k, 2) for k in (3, 5)), (3, 5), False),
        (
            nn.ModuleList(
                nn.Sequential(branch(4, 3, 2), *(branch(4, k, 2) for k in more))
                for more in ((3,), (3, 3))
            ),
            (5, 7),
            True,
        ),
    ],
    ids=["dilated", "grouped", "Sequential", "nested", "separable", "composite"],
)
def test_every_kind_of_branch(branches, kernels, composite):
    unit = awake(Selective(kernels=kernels, branches=branches))
    found = check(unit, torch.randn(2, 4, *_SHAPES[2]), kernels)
    assert found.composite == (composite,) * 2
    assert [len(paths) for paths in found.convolutions] == [
        sum(isinstance(m, nn.Conv2d) for m in one.modules()) for one in branches
    ]


class _Attributes(Selective):
    """Branches that are attributes of the unit, one of two convolutions, strided."""

    def __init__(self) -> None:
        super().__init__(kernels=(3, 5), branches=nn.Identity())
        self.depthwise = nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4)
        self.pointwise = nn.Conv2d(4, 4, 1)
        self.conv5 = nn.Conv2d(4, 4, 5, stride=2, padding=2)

    def features(self, x: Tensor) -> list[Tensor]:
        return [self.pointwise(self.depthwise(x)).relu(), self.conv5(x).relu()]


class _OnePerPicture(Selective):
    """One weight per picture and branch: a mixture of convolutions."""

    def logits(self, features: list[Tensor]) -> Tensor:
        return super().logits(features).mean(-1, keepdim=True)


class _Cascade(Selective):
    """The large kernel is a second convolution after the small one."""

    def __init__(self) -> None:
        super().__init__(kernels=(3, 5), branches=nn.Identity())
        self.first = nn.Conv2d(4, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)

    def features(self, x: Tensor) -> list[Tensor]:
        small = self.first(x)
        return [small, self.second(small)]


@pytest.mark.parametrize("kind", [_Attributes, _OnePerPicture, _Cascade])
def test_other_units(kind):
    found = check(awake(kind()), torch.randn(3, 4, *_SHAPES[2]), (3, 5))
    assert found.channels == (1 if kind is _OnePerPicture else 4)


class _Handed(nn.Module):
    """A list of maps is handed to a module that weighs and sums them."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Selective()

    def forward(self, maps: list[Tensor]) -> Tensor:
        weights = self.inner.logits(maps).softmax(1)
        return sum(w[..., None, None] * m for w, m in zip(weights.unbind(1), maps, strict=True))


class _Network(nn.Module):
    """Convolutions in one module, their choice in another, returned in several ways."""

    def __init__(self, returns: str) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.small, self.large = branch(4, 3, 2), branch(4, 5, 2)
        self.fuse = _Handed()
        self.head = nn.Linear(4, 5)
        self.returns = returns

    def forward(self, x: Tensor) -> object:
        x = self.stem(x)
        x = self.fuse([self.small(x), self.large(x)])
        logits = self.head(x.mean((2, 3)))
        return {
            "logits": logits,
            "squeezed": logits[:, :1].squeeze(),
            "softmaxed": logits.softmax(1),
            "map": x,
            "tuple": (logits, x),
            "list": [x, logits],
            "dict": {"out": logits, "aux": x},
        }[self.returns]


@pytest.mark.parametrize(
    "returns", ["logits", "squeezed", "softmaxed", "map", "tuple", "list", "dict"]
)
def test_maps_handed_on_and_every_kind_of_output(returns):
    network = awake(_Network(returns))
    (found,) = sk_viz.units(network)
    assert (found.kernels, found.path) == ((3, 5), "fuse")
    x = torch.randn(1, 3, 12, 12)
    with torch.no_grad():
        output, weights = sk_viz.readout(network, x)
    expected = network(x)
    assert type(output) is type(expected)
    assert weights["SK_2_1"].shape == (1, 2, 4)


def test_one_softmax_used_by_several_units_and_one_unit_called_twice():
    shared = nn.Softmax(dim=1)
    first, second = Selective(), Selective(kernels=(5, 3, 7))
    first.softmax = second.softmax = shared
    network = awake(nn.Sequential(first, second, first))
    found = sk_viz.units(network)
    assert [u.kernels for u in found] == [(3, 5), (3, 5, 7), (3, 5)]
    assert [u.calls for u in found] == [3, 3, 3]
    x = torch.randn(2, 4, 9, 9)
    with torch.no_grad():
        _, weights = sk_viz.readout(network, x)
        torch.testing.assert_close(weights["SK_2_3"], first.by_hand(second(first(x)))[1])
        torch.testing.assert_close(weights["SK_2_2"], second.by_hand(first(x))[1][:, [1, 0, 2]])
