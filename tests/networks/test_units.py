"""Finding SK units in networks of several projects."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import timm
import torch
from torch import nn

import sk_viz
from sk_viz import ModelError
from sk_viz.networks import SelectiveKernelConv, sknet50, sknet_tiny
from sk_viz.networks.tracing.recognition import recognise
from sk_viz.networks.units import Unit, units


def _names(depths: tuple[int, ...]) -> list[str]:
    return [f"SK_{s}_{b}" for s, depth in enumerate(depths, 2) for b in range(1, depth + 1)]


@pytest.mark.parametrize(
    ("name", "depths", "split", "widths"),
    [
        ("skresnet18", (2, 2, 2, 2), True, {64, 128, 256, 512}),
        ("skresnet34", (3, 4, 6, 3), True, {64, 128, 256, 512}),
        ("skresnet50", (3, 4, 6, 3), True, {64, 128, 256, 512}),
        ("skresnet50d", (3, 4, 6, 3), True, {64, 128, 256, 512}),
        ("skresnext50_32x4d", (3, 4, 6, 3), False, {128, 256, 512, 1024}),
    ],
)
def test_all_of_timm(name, depths, split, widths):
    with torch.device("meta"):
        network = timm.create_model(name)
    found = units(network)
    assert [u.name for u in found] == _names(depths)
    assert {u.kernels for u in found} == {(3, 5)}
    assert {u.split_input for u in found} == {split}
    assert {u.channels for u in found} == widths
    assert not any(u.dead for u in found)
    for unit in found:
        assert type(network.get_submodule(unit.path)).__name__ == "SelectiveKernelAttn"


def test_places_of_the_figure_in_timm():
    with torch.device("meta"):
        paths = {u.name: u.path for u in units(timm.create_model("skresnext50_32x4d"))}
    assert paths["SK_2_3"] == "layer1.2.conv2.attn"
    assert paths["SK_3_4"] == "layer2.3.conv2.attn"
    assert paths["SK_4_6"] == "layer3.5.conv2.attn"
    assert paths["SK_5_3"] == "layer4.2.conv2.attn"


def test_the_largest_and_smallest_branch_in_any_order():
    unit = Unit("SK_2_1", 2, 1, (5, 7, 3), 4, "", split_input=False, dead=False)
    assert (unit.largest, unit.smallest) == (1, 2)
    both = ((3, 1), (3, 3))
    unit = Unit("SK_2_1", 2, 1, (3, 3), 4, "", split_input=False, dead=False, extents=both)
    assert (unit.largest, unit.smallest) == (1, 0)


def test_own_networks_alone_and_inside_others():
    with torch.device("meta"):
        network = sknet50(kernels=(3, 5, 7))
        found = units(network)
        inside = units(nn.Sequential(nn.Identity(), network))
    assert [u.name for u in found] == _names((3, 4, 6, 3)) == [u.name for u in inside]
    assert {u.kernels for u in found} == {(3, 5, 7)}


@pytest.mark.parametrize("kernels", [(3, 5), (3, 5, 7)])
def test_own_units_are_told_as_the_trace_finds_them(kernels):
    network = sknet_tiny(kernels=kernels, classes=3)
    for unit in network.modules():
        if isinstance(unit, SelectiveKernelConv):
            nn.init.normal_(unit.fuse[1].weight)
    assert recognise(network).units == units(network)


def test_layouts_of_other_projects(foreign):
    for network, softmax in (
        (foreign.PytorchcvSKNet(), "features.stage2.unit1.body.conv2.softmax"),
        (foreign.Syt2SKNet(), "stage_2.0.conv2.softmax"),
    ):
        found = units(network)
        assert [u.name for u in found] == _names((2, 2))
        assert [u.channels for u in found] == [32, 32, 64, 64]
        assert found[2].path == softmax


def test_a_single_unit(foreign):
    (found,) = units(foreign.NoteSKConv(8, M=3, G=2, r=2))
    assert (found.name, found.kernels, found.path) == ("SK_2_1", (3, 5, 7), "softmax")
    (found,) = units(foreign.BranchFirstAttention(8))
    assert found.kernels == (1, 3, 5)


def test_a_stage_ends_where_width_or_name_changes(foreign):
    def unit(channels: int) -> nn.Module:
        return foreign.NoteSKConv(channels, M=2, G=1, r=2)

    wider = nn.Conv2d(8, 16, 1)
    flat = nn.Sequential(unit(8), nn.ReLU(), unit(8), wider, unit(16), unit(16))
    assert [u.name for u in units(flat)] == ["SK_2_1", "SK_2_2", "SK_3_1", "SK_3_2"]
    parts = OrderedDict(one=nn.Sequential(unit(8), unit(8)), two=unit(8))
    assert [u.name for u in units(nn.Sequential(parts))] == ["SK_2_1", "SK_2_2", "SK_3_1"]


def test_without_names_a_stage_ends_where_the_resolution_changes(foreign):
    pooled = nn.Sequential(
        foreign.NoteSKConv(8, M=2, G=1, r=2),
        nn.MaxPool2d(2),
        foreign.NoteSKConv(8, M=2, G=1, r=2),
        foreign.NoteSKConv(8, M=2, G=1, r=2),
    )
    assert [u.name for u in units(pooled)] == ["SK_2_1", "SK_3_1", "SK_3_2"]


def test_a_unit_with_equal_rows_is_dead(foreign):
    shared = foreign.NoteSKConv(8, M=2, G=2, r=2)
    shared.fcs = nn.ModuleList([shared.fcs[0]] * 2)
    assert units(shared)[0].dead
    weights = sk_viz.readout(shared.eval(), torch.randn(3, 8, 6, 6))[1]["SK_2_1"]
    assert (weights == 0.5).all()

    network = sknet_tiny()
    assert not any(u.dead for u in units(network))
    nn.init.zeros_(network.blocks["SK_3_2"].sk.select.weight)
    assert [u.name for u in units(network) if u.dead] == ["SK_3_2"]


def test_a_unit_whose_branches_are_one_convolution_is_dead():
    unit = SelectiveKernelConv(8, groups=2)
    unit.branches = nn.ModuleList([unit.branches[0]] * 2)
    (found,) = units(unit)
    assert found.dead
    assert found.kernels == (3, 3)


def test_equal_kernels_are_refused_with_the_reason(foreign):
    for groups in (2, 4):
        unit = foreign.NoteSKConv(8, M=2, G=2, r=2)
        unit.convs[1][0] = nn.Conv2d(8, 8, 3, padding=1, groups=groups)
        with pytest.raises(ModelError, match="same extent, 3x3, so that larger minus"):
            units(nn.Sequential(unit))


@pytest.mark.parametrize(
    "network",
    [nn.Linear(2, 2), nn.Sequential(), nn.MultiheadAttention(4, 2)],
)
def test_networks_without_units(network):
    with pytest.raises(ModelError, match="No SK unit was found"):
        units(network)


@pytest.mark.parametrize("changes", [{"fuse": "sum"}, {"kernels": (3,)}])
def test_own_networks_that_select_nothing(changes):
    with pytest.raises(ModelError, match="one branch or adds its branches, so it selects nothing"):
        units(sknet_tiny(**changes))
