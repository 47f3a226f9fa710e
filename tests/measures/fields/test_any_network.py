"""Fields of units that a network spells in its own way."""

from __future__ import annotations

import pytest
import torch
from fixtures.near_misses import LargeSelectiveKernel, Resolutions
from fixtures.spellings import COMBINATIONS, Selective
from torch import Tensor, nn
from torch.nn import functional as F

from sk_viz.measures.fields.effective import FieldProbe
from sk_viz.measures.fields.theoretical import theoretical_fields
from sk_viz.networks.units import units
from sk_viz.zoo.given import as_loaded


def network_of(unit: nn.Module) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), unit, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    ).eval()


@pytest.mark.parametrize("combination", ["addcmul in place", "reversed", "einsum", "unbind"])
@pytest.mark.parametrize("gate", ["held", "free"])
def test_maps_are_the_gradient_of_the_weighted_sum(combination, gate):
    unit = Selective(combination=combination, softmax="functional")
    network = network_of(unit)
    x = torch.randn(1, 3, 20, 20, requires_grad=True)
    features = unit.features(network[0](x))
    weights = unit.logits(features).softmax(1)
    summed = COMBINATIONS[combination](features, weights.detach() if gate == "held" else weights)
    (expected,) = torch.autograd.grad(summed[:, :, 10, 10].relu().sum(), x)
    model = as_loaded(network)
    found = FieldProbe(model, model.units, gate, (0.5, 0.5)).maps(x)["SK_2_1"]
    assert found.position == (10, 10)
    torch.testing.assert_close(torch.from_numpy(found.absolute[0]), expected.abs().sum(1)[0])


def test_the_theory_of_branches_that_are_attributes():
    network = network_of(LargeSelectiveKernel())
    near, far = theoretical_fields(network, units(network), 40)["SK_2_1"]
    assert (near.size, far.size) == (3 + 4, 3 + 4 + 18)
    assert near.status == far.status == "exact"


def test_units_that_share_their_branches_have_fields_of_their_own():
    unit = Selective()
    network = network_of(nn.Sequential(unit, unit))
    fields = theoretical_fields(network, units(network), 40)
    assert [f.size for f in fields["SK_2_1"]] == [5, 7]
    assert [f.size for f in fields["SK_2_2"]] == [9, 11]


class _Functional(Selective):
    """Convolutions that are no modules."""

    def features(self, x: Tensor) -> list[Tensor]:
        return [F.conv2d(x, conv[0].weight, padding="same") for conv in self.convs]


@pytest.mark.parametrize("unit", [_Functional(), Resolutions()])
def test_an_unknown_reach_is_an_upper_bound_and_hides_no_other_unit(unit):
    network = network_of(nn.Sequential(Selective(), unit))
    fields = theoretical_fields(network, units(network), 40)
    first, second = fields.values()
    assert {f.status for f in first} == {"exact"}
    assert {(f.status, f.size, f.grid) for f in second} == {("upper bound", 40, 40)}
