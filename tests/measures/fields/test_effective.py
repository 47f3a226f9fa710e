from __future__ import annotations

import threading

import numpy as np
import pytest
import timm.models.resnet as timm_resnet
import timm.models.sknet as timm_sknet
import torch
from torch import nn

from sk_viz.measures.fields.effective import (
    SQUARE_SHARES,
    FieldProbe,
    field_sizes,
    luo_size,
    square_sides,
)
from sk_viz.measures.fields.theoretical import theoretical_fields
from sk_viz.networks.readout import Readout
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.classes import unnamed_classes
from sk_viz.zoo.model import as_model

CENTRE = (0.5, 0.5)


@pytest.fixture(scope="module")
def timm_model():
    torch.manual_seed(0)
    network = timm_resnet.ResNet(
        timm_sknet.SelectiveKernelBottleneck,
        layers=(1, 1, 1, 1),
        channels=(8, 16, 16, 16),
        num_classes=3,
        zero_init_last=False,
        block_args={"sk_kwargs": {"split_input": False}},
    )
    return as_model(
        network,
        id="tiny_timm",
        preprocessing=Preprocessing(input_size=64),
        classes=unnamed_classes(3),
        kind="untrained",
        note="Untrained.",
        device=torch.device("cpu"),
    )


def field_maps(model, units, x, *, gate, place):
    """Weights in place of a gate are held."""
    if isinstance(gate, str):
        return FieldProbe(model, units, gate, place).maps(x)
    return FieldProbe(model, units, "held", place).maps(x, gate)


@pytest.fixture(params=["own", "timm"])
def any_model(request, tiny_model, timm_model):
    return {"own": tiny_model, "timm": timm_model}[request.param]


def one_by_one(model, unit, x, row, column, held=None):
    """The oracle: the unit's whole output V from the network itself, differentiated alone."""
    caught = {}
    path = unit.path.rpartition(".")[0]
    expand = (
        model.network.get_submodule(path.removesuffix("conv2") + "conv3")
        if (path.endswith("conv2"))
        else model.network.get_submodule(path.removesuffix("sk") + "expand")
    )
    handle = expand.register_forward_hook(lambda _m, i, _o: caught.update(v=i[0].clone()))
    leaf = x.clone().requires_grad_()
    try:
        Readout(model.network)(leaf, held)
    finally:
        handle.remove()
    target = caught["v"][:, :, row, column].relu().sum()
    return torch.autograd.grad(target, leaf)[0]


def test_free_maps_are_the_gradient_of_the_units_own_output(any_model):
    x = torch.randn(2, 3, 64, 64)
    maps = field_maps(any_model, any_model.units, x, gate="free", place=(0.3, 0.8))
    assert list(maps) == [u.name for u in any_model.units]
    for unit in any_model.units:
        found = maps[unit.name]
        expected = one_by_one(any_model, unit, x, *found.position)
        assert found.absolute == pytest.approx(expected.abs().sum(1).numpy(), rel=1e-4, abs=1e-7)
        positive = expected.clamp_min(0).sum(1).numpy()
        assert found.positive == pytest.approx(positive, rel=1e-4, abs=1e-7)


def test_held_maps_are_the_gradient_with_the_same_weights_as_constants(any_model):
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        chosen = any_model.readout(x)[1]
    held = {u.name: w for u, w in zip(any_model.units, chosen, strict=True)}
    maps = field_maps(any_model, any_model.units, x, gate="held", place=CENTRE)
    given = field_maps(any_model, any_model.units, x, gate=held, place=CENTRE)
    for unit in any_model.units:
        found = maps[unit.name]
        expected = one_by_one(any_model, unit, x, *found.position, held).abs().sum(1).numpy()
        assert found.absolute == pytest.approx(expected, rel=1e-4, abs=1e-7)
        assert given[unit.name].absolute == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_held_fields_stay_in_theory_and_free_fields_do_not(any_model):
    x = torch.randn(1, 3, 64, 64)
    unit = any_model.units[0]
    fields = theoretical_fields(any_model.network, any_model.units, 64)[unit.name]
    widest = max(fields, key=lambda field: field.size)
    held, free = (
        field_maps(any_model, (unit,), x, gate=gate, place=CENTRE)[unit.name]
        for gate in ("held", "free")
    )
    box = widest.box(*held.position)
    outside = held.absolute[0].copy()
    outside[int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = 0
    assert not outside.any()
    # Facts of a small SK net: 99.4 % of the input with the gate.
    assert (free.absolute > 0).mean() > 0.95


def test_other_weights_make_another_field(tiny_model):
    x = torch.randn(1, 3, 32, 32)
    unit = tiny_model.units[0]
    sizes = []
    for branch in (0, 1):
        held = {}
        for u in tiny_model.units:
            held[u.name] = torch.zeros(1, 2, u.channels)
            held[u.name][:, branch] = 1
        maps = field_maps(tiny_model, (unit,), x, gate=held, place=CENTRE)[unit.name]
        sizes.append(np.ptp(np.nonzero(maps.absolute[0])[0]) + 1)
    fields = theoretical_fields(tiny_model.network, tiny_model.units, 32)[unit.name]
    assert sizes == [field.size for field in fields]


def test_pictures_of_a_batch_do_not_mix(tiny_model):
    x = torch.randn(3, 3, 32, 32)
    unit = tiny_model.units[1]
    together = field_maps(tiny_model, (unit,), x, gate="free", place=CENTRE)[unit.name]
    for i in range(3):
        alone = field_maps(tiny_model, (unit,), x[i : i + 1], gate="free", place=CENTRE)
        assert alone[unit.name].absolute[0] == pytest.approx(together.absolute[i], rel=1e-4)


@pytest.mark.parametrize(("place", "position"), [((0, 0), (0, 0)), ((1, 0.5), (8, 15))])
def test_a_place_is_the_cell_it_falls_in(tiny_model, place, position):
    unit = tiny_model.units[0]
    maps = field_maps(tiny_model, (unit,), torch.zeros(1, 3, 32, 32), gate="held", place=place)
    assert maps[unit.name].position == position


def test_the_network_is_never_touched(any_model):
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = any_model.network(x)
        seen, stop = [], threading.Event()

        def watch():
            while not stop.is_set():
                seen.append(
                    any(m._forward_hooks or m.training for m in any_model.network.modules())
                )

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            for gate in ("held", "free"):
                field_maps(any_model, any_model.units, x, gate=gate, place=CENTRE)
        finally:
            stop.set()
            thread.join()
        assert torch.equal(any_model.network(x), expected)
    assert seen
    assert not any(seen)
    assert all(p.grad is None for p in any_model.network.parameters())


def test_luo_of_a_gaussian():
    """Above 4.55 % of the peak lies a disc of radius sigma * sqrt(2 ln(1 / 0.0455))."""
    rows, columns = np.indices((201, 201)) - 100
    gaussian = np.exp(-(rows**2 + columns**2) / (2 * 20**2))
    radius = 20 * np.sqrt(2 * np.log(1 / 0.0455))
    assert luo_size(gaussian) == pytest.approx(np.sqrt(np.pi) * radius, rel=0.005)


def test_squares_of_a_uniform_field():
    field = np.zeros((41, 41))
    field[10:31, 10:31] = 1  # 21 x 21 around (20, 20)
    shares = (9 * 9 / 441, 11 * 11 / 441, 15 * 15 / 441, 1.0)
    assert square_sides(field, shares, (20, 20)) == [9, 11, 15, 21]
    assert luo_size(field) == 21


def test_squares_by_brute_force():
    field = np.random.default_rng(0).random((20, 24)) ** 3
    centre = (7, 15)
    for share, side in zip(SQUARE_SHARES, square_sides(field, SQUARE_SHARES, centre), strict=True):

        def held(radius):
            top, left = max(0, centre[0] - radius), max(0, centre[1] - radius)
            return field[top : centre[0] + radius + 1, left : centre[1] + radius + 1].sum()

        radius = int(side) // 2
        assert held(radius) >= share * field.sum()
        assert held(radius - 1) < share * field.sum()


def replknet_side(data: np.ndarray, threshold: float) -> int | None:
    """RepLKNet's erf/analyze_erf.py, get_rectangle, word for word but for its names."""
    h, w = data.shape
    all_sum = np.sum(data)
    for i in range(1, h // 2):
        selected_area = data[h // 2 + 1 - i : h // 2 + i, w // 2 + 1 - i : w // 2 + i]
        if np.sum(selected_area) / all_sum > threshold:
            return i * 2 - 1
    return None


def test_the_replknet_variant_is_that_of_their_tool():
    rng = np.random.default_rng(1)
    rows, columns = np.indices((64, 64)) - 32
    positive = 50 * rng.random((64, 64)) * np.exp(-(rows**2 + columns**2) / 150)
    sizes = field_sizes(np.ones((64, 64), np.float32), positive.astype(np.float32), (32, 32))
    logarithm = np.log10(positive + 1)
    theirs = {
        f"replknet_{round(100 * t)}": replknet_side(logarithm / logarithm.max(), t)
        for t in (0.2, 0.3, 0.5, 0.99)
    }
    assert None not in theirs.values()
    assert {name: sizes[name] for name in theirs} == theirs


def test_a_field_of_zeros_has_no_size():
    zeros = np.zeros((8, 8), np.float32)
    assert all(np.isnan(size) for size in field_sizes(zeros, zeros, (4, 4)).values())


def test_dead_relus_give_zero_and_not_an_error(make_model):
    model = make_model()
    for module in model.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, -1e6)
    maps = field_maps(model, model.units, torch.zeros(1, 3, 32, 32), gate="held", place=CENTRE)
    assert not maps[model.units[0].name].absolute.any()


def test_a_probe_can_be_used_again(any_model):
    probe = FieldProbe(any_model, any_model.units, "held", CENTRE)
    x, other = torch.randn(2, 1, 3, 64, 64)
    first = probe.maps(x)
    probe.maps(other, {u.name: torch.full((1, 2, u.channels), 0.5) for u in any_model.units})
    again = probe.maps(x)
    for name, maps in first.items():
        assert np.array_equal(maps.absolute, again[name].absolute)


def test_the_forward_ends_at_the_last_unit_that_is_asked_for(make_model):
    """What comes after it is not run, whatever it would do."""
    model = make_model()
    x = torch.randn(1, 3, 32, 32)
    expected = FieldProbe(model, model.units[:1], "held", CENTRE).maps(x)["SK_2_1"]
    broken = make_model()

    class Never(nn.Module):
        def forward(self, _):
            raise AssertionError

    broken.network.blocks["SK_3_1"] = Never()
    found = FieldProbe(broken, model.units[:1], "held", CENTRE).maps(x)["SK_2_1"]
    np.testing.assert_array_equal(found.absolute, expected.absolute)


def test_the_theory_is_derived_once(make_model, monkeypatch):
    model = make_model()
    first = theoretical_fields(model.network, model.units, 32)

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("sk_viz.measures.fields.theoretical.double_of", never)
    assert theoretical_fields(model.network, model.units, 32) == first
    with pytest.raises(AssertionError):
        theoretical_fields(model.network, model.units, 48)
