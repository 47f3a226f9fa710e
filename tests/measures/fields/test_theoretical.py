from __future__ import annotations

from collections.abc import Iterator

import pytest
import timm.models.resnet as timm_resnet
import timm.models.sknet as timm_sknet
import torch
from torch import Tensor, nn

from sk_viz.measures.fields.theoretical import BranchField, Extent, theoretical_fields
from sk_viz.networks.double import branch_modules
from sk_viz.networks.readout import Readout
from sk_viz.networks.selective_kernel import SelectiveKernelConv
from sk_viz.networks.sknet import SKNet, SKNetConfig, sknet50
from sk_viz.networks.units import units
from sk_viz.pictures import Box
from sk_viz.pictures.geometry import intersection


def own(stem="small", depths=(1, 2), kernels=(3, 5)) -> nn.Module:
    widths = (8, 12, 16)[: len(depths)]
    return SKNet(
        SKNetConfig(depths, widths, widths, 8, stem, kernels, groups=4, min_features=4, classes=3)
    )


def dense_units() -> nn.Module:
    """Two bare units of real 3x3, 5x5 and 7x7 kernels after each other."""
    return nn.Sequential(
        SelectiveKernelConv(3, 8, kernels=(3, 5, 7), groups=1, dense=True, stride=2),
        SelectiveKernelConv(8, kernels=(3, 5), groups=2, dense=True),
    )


def timm_net(block="bottleneck", **changes) -> nn.Module:
    blocks = {
        "bottleneck": timm_sknet.SelectiveKernelBottleneck,
        "basic": timm_sknet.SelectiveKernelBasic,
    }
    settings = {
        "layers": (2, 1, 1, 1),
        "channels": (8, 16, 16, 16),
        "num_classes": 3,
        "block_args": {"sk_kwargs": {"split_input": block == "basic"}},
    }
    return timm_resnet.ResNet(blocks[block], **{**settings, **changes})


NETWORKS = {
    "small stem": (own, {}),
    "cifar stem": (own, {"stem": "cifar"}),
    "imagenet stem": (own, {"stem": "imagenet", "depths": (1, 1)}),
    "three branches": (own, {"kernels": (3, 5, 7), "depths": (2, 1)}),
    "three stages": (own, {"depths": (1, 1, 1)}),
    "dense kernels": (dense_units, {}),
    "timm bottleneck": (timm_net, {}),
    "timm basic, split input": (timm_net, {"block": "basic"}),
    "timm deep stem, average downsampling": (
        timm_net,
        {"stem_type": "deep", "stem_width": 8, "avg_down": True},
    ),
}


def build(name: str, seed: int, *, linear: bool) -> nn.Module:
    """A random network in float64.

    A linear one has positive weights and biases, so that every ReLU passes everything, and average
    pools for max pools, so that every path of the graph carries a positive gradient.
    """
    make, settings = NETWORKS[name]
    torch.manual_seed(seed)
    network = make(**settings).double().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, 0.1, 0.2)
    if linear:
        for parameter in network.parameters():
            parameter.data.abs_().add_(1e-3)
        for parent in list(network.modules()):
            for child_name, child in list(parent.named_children()):
                if isinstance(child, nn.MaxPool2d):
                    average = nn.AvgPool2d(child.kernel_size, child.stride, child.padding)
                    setattr(parent, child_name, average)
    return network


def gradients(network: nn.Module, side: int) -> Iterator[tuple[tuple[str, int], int, Tensor]]:
    """For each branch, at three places: its key, the position, |gradient| in the input."""
    network.eval()  # of a network in training mode a copy is read, on which there are no hooks
    found = units(network)
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    outputs: dict[tuple[str, int], Tensor] = {}
    handles = [
        module.register_forward_hook(
            lambda _m, _i, output, key=(unit.name, index): outputs.update({key: output.clone()})
        )
        for unit in found
        for index, module in enumerate(branch_modules(network, unit))
    ]
    held = {u.name: torch.rand(1, len(u.kernels), u.channels).double() + 0.1 for u in found}
    Readout(network)(x, held)
    for handle in handles:
        handle.remove()
    for key, output in outputs.items():
        size = output.shape[-1]
        for at in (size // 2, 0, size - 1):
            (gradient,) = torch.autograd.grad(output[0, :, at, at].sum(), x, retain_graph=True)
            yield key, at, gradient[0].abs().sum(0)


def fields_of(network: nn.Module, side: int) -> dict[tuple[str, int], BranchField]:
    named = theoretical_fields(network, units(network), side)
    return {(f.unit, f.branch): f for fields in named.values() for f in fields}


def clipped(field: BranchField, at: int, side: int) -> tuple[slice, slice]:
    box = intersection(field.box(at, at), Box(0, 0, side, side))
    assert box is not None
    return slice(int(box.top), int(box.bottom)), slice(int(box.left), int(box.right))


@pytest.mark.parametrize("linear", [True, False], ids=["linear", "random signs"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_pixel_outside_has_exactly_zero_gradient(name, linear):
    network, side = build(name, seed=1, linear=linear), 64
    fields = fields_of(network, side)
    for key, at, gradient in gradients(network, side):
        assert fields[key].status == "exact"
        outside = gradient.clone()
        outside[clipped(fields[key], at, side)] = 0
        assert torch.equal(outside, torch.zeros_like(outside))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_border_pixels_have_a_gradient(name):
    network, side = build(name, seed=2, linear=True), 128
    fields = fields_of(network, side)
    inside_picture = 0
    for key, at, gradient in gradients(network, side):
        field = fields[key]
        box = field.box(at, at)
        if min(box) < 0 or max(box) > side:
            continue
        inside_picture += 1
        inside = gradient[clipped(field, at, side)]
        assert inside.shape == (field.size, field.size)
        # The four corners lie on all four borders.
        assert (inside[[0, 0, -1, -1], [0, -1, 0, -1]] > 0).all()
    assert inside_picture >= 4


@pytest.mark.parametrize("name", ["three stages", "timm bottleneck"])
def test_the_smallest_path_is_what_the_shortcuts_and_smallest_kernels_leave(name):
    """Silence all but the shortcuts and, for the unit looked at, its own branch."""
    network, side = build(name, seed=3, linear=True), 128
    fields = fields_of(network, side)
    paths = [
        module
        for module in network.modules()
        if type(module).__name__ in ("SKBottleneck", "SelectiveKernelBottleneck")
    ]
    for block in paths:
        last = block.expand[1] if hasattr(block, "expand") else block.conv3.bn
        nn.init.zeros_(last.weight)
    checked = 0
    for key, at, gradient in gradients(network, side):
        smallest, stride = fields[key].smallest, fields[key].stride
        first, last = smallest.start + stride * at, smallest.start + stride * at + smallest.size
        if first < 0 or last > side:
            continue
        checked += 1
        rows = torch.nonzero(gradient.sum(1)).ravel()
        assert (int(rows[0]), int(rows[-1]) + 1) == (first, last)
    assert checked >= 4


@pytest.fixture(scope="module")
def fields_of_sknet50() -> dict[str, tuple[BranchField, ...]]:
    network = sknet50()
    return theoretical_fields(network, units(network), 224)


def test_sknet50_by_hand(fields_of_sknet50):
    """The recurrence on paper: each unit adds (k - 1) * stride of the map that it reads."""
    fields = fields_of_sknet50
    stem = 7 + (3 - 1) * 2
    three, five = fields["SK_3_4"]
    largest = stem + 3 * 4 * 4 + 4 * 4 + 2 * 4 * 8  # 2_1 to 2_3, 3_1 (reads stride 4), 3_2, 3_3
    assert (three.size, five.size) == (largest + 2 * 8, largest + 4 * 8) == (155, 171)
    smallest = stem  # shortcuts of 1x1 all the way
    assert (three.smallest.size, five.smallest.size) == (smallest + 2 * 8, smallest + 4 * 8)
    assert five.largest == Extent(five.start, five.size)
    assert (five.stride, five.grid, five.kernel, five.branch) == (8, 28, 5, 1)
    assert five.centre == 0.0
    assert [f.size for f in fields["SK_5_3"]] == [779, 843]


def test_timm_and_this_project_agree_on_sknet50(fields_of_sknet50):
    other = timm_sknet.skresnext50_32x4d()
    assert theoretical_fields(other, units(other), 224) == fields_of_sknet50


def test_a_box_moves_with_the_position(fields_of_sknet50):
    five = fields_of_sknet50["SK_3_4"][1]
    assert five.box(14, 10) == Box(-5, 27, 166, 198)
    assert five.to_record()["smallest"] == {"start": -21, "size": 43}


def test_a_layer_of_unknown_reach_gives_an_upper_bound():
    network = nn.Sequential(nn.Upsample(scale_factor=2), dense_units())
    for fields in theoretical_fields(network, units(network), 32).values():
        for field in fields:
            assert field.status == "upper bound"
            assert field.box(5, 5) == Box(0, 0, 32, 32)


def test_a_global_pool_on_the_way_reaches_the_whole_picture():
    class Squeeze(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * x.mean((2, 3), keepdim=True)

    network = nn.Sequential(Squeeze(), dense_units())
    fields = theoretical_fields(network, units(network), 32)
    assert {f.status for branches in fields.values() for f in branches} == {"upper bound"}


def test_a_part_of_unequal_channels_is_not_called_exact():
    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Conv2d(3, 3, 7, padding=3)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, self.wide(x)], dim=1)[:, :3]

    network = nn.Sequential(Part(), dense_units())
    fields = theoretical_fields(network, units(network), 32)
    assert {f.status for branches in fields.values() for f in branches} == {"upper bound"}


def test_padding_by_hand_is_the_same_as_padding():
    def with_stem(*stem: nn.Module) -> nn.Module:
        return nn.Sequential(*stem, dense_units())

    by_layer = with_stem(nn.Conv2d(3, 3, 5, 2, padding=2))
    by_hand = with_stem(nn.ZeroPad2d((2, 1, 2, 1)), nn.Conv2d(3, 3, 5, 2))
    one, two = (theoretical_fields(n, units(n), 64) for n in (by_layer, by_hand))
    assert one == two


def test_the_network_and_the_mode_of_the_caller_stay_as_they_are(tiny_model):
    before = {k: v.clone() for k, v in tiny_model.network.state_dict().items()}
    with torch.inference_mode():
        fields = theoretical_fields(tiny_model.network, tiny_model.units, 32)
    assert set(fields) == {u.name for u in tiny_model.units}
    after = tiny_model.network.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert not any(m._forward_hooks for m in tiny_model.network.modules())
