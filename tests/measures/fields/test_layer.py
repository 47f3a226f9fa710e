"""The fields of layers of networks without SK units."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch import nn

import sk_viz
from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.fields.layer import LayerField
from sk_viz.measures.fields.layer_gradient import untrained_copy
from sk_viz.measures.fields.replknet import SHARES, high_contribution, replknet_map
from sk_viz.pictures import normalise, stimuli
from sk_viz.zoo.plain import as_plain, timm_network


def straight(*kernels: int) -> nn.Module:
    """Convolutions in a row without padding at the end of which a class is told."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for number, kernel in enumerate(kernels):
        convolution = nn.Conv2d(3 if number == 0 else 4, 4, kernel, padding=kernel // 2)
        nn.init.uniform_(convolution.weight, 0.1, 1.0)
        nn.init.constant_(convolution.bias, 100)  # no ReLU is off
        layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    torch.manual_seed(0)
    network = timm.create_model("resnet18", pretrained=False, num_classes=5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


def test_of_a_straight_network_it_is_known(noise_picture):
    """k1 + k2 - 1 wide; the gradient of a sum of positive products has no hole."""
    network = straight(3, 5)
    field = sk_viz.receptive_field(network, layer="3", picture=noise_picture, input_sizes=(32,))
    assert isinstance(field, LayerField)
    assert (field.extent.height, field.extent.width, field.extent.status) == (7, 7, "exact")
    assert field.position == (16, 16)
    used = field.effective > 0
    assert used[13:20, 13:20].all()
    assert used.sum() == 49
    assert field.size["share_99"] <= 7
    after_the_mean = sk_viz.receptive_field(
        nn.Sequential(network[:4], nn.Upsample(scale_factor=2)),
        layer="1",
        picture=noise_picture,
        input_sizes=(32,),
    )
    assert after_the_mean.extent.status == "measured support"
    assert after_the_mean.extent.height == 7


@pytest.mark.parametrize("layer", ["layer1.1", "layer2.0", "maxpool"])
def test_the_graph_and_the_gradient_agree(resnet, noise_picture, layer):
    """No gradient outside the field in theory; nearly all of it is reached."""
    found = sk_viz.receptive_field(resnet, layer=layer, picture=noise_picture, input_sizes=(128,))
    assert found.extent.status == "exact"
    rows = np.flatnonzero((found.effective > 0).any(axis=1))
    measured = rows[-1] - rows[0] + 1
    assert 0.8 * found.extent.height <= measured <= found.extent.height


def test_every_place_and_picture_is_averaged_as_by_hand(resnet, noise_picture):
    preprocessing = as_plain(resnet).preprocessing
    shown = stimuli(noise_picture, (1.0, 1.5), "zoom", preprocessing)
    x = torch.from_numpy(np.stack([normalise(s.rgb, preprocessing) for s in shown]))
    x.requires_grad_()
    kept = []
    handle = resnet.layer3.register_forward_hook(lambda _m, _i, output: kept.append(output))
    resnet(x)
    handle.remove()
    (gradient,) = torch.autograd.grad(kept[0][:, :, 4, 10].relu().sum(), x)
    expected = gradient.abs().sum(1).mean(0).numpy()
    found = sk_viz.receptive_field(
        resnet, layer="layer3", picture=noise_picture, place=(0.75, 0.3), scales=(1.0, 1.5)
    )
    assert found.position == (4, 10)
    np.testing.assert_allclose(found.effective, expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_replknets_recipe_is_that_of_its_tool(resnet, noise_picture):
    """The map and the squares, written down once more from the authors' description."""
    size = 96
    found = sk_viz.receptive_field(
        resnet, layer="layer4", picture=noise_picture, input_sizes=(size,)
    )
    preprocessing = sk_viz.preprocessing.Preprocessing(
        size, as_plain(resnet).preprocessing.crop_fraction
    )
    (shown,) = stimuli(noise_picture, (1.0,), "zoom", preprocessing)
    x = torch.from_numpy(normalise(shown.rgb, preprocessing))[None].requires_grad_()
    output = resnet.forward_features(x)
    height, width = output.shape[2:]
    (gradient,) = torch.autograd.grad(output[:, :, height // 2, width // 2].relu().sum(), x)
    scores = np.log10(gradient.relu().sum((0, 1)).numpy() + 1)
    scores = scores / scores.max()
    middle, whole = size // 2, scores.sum()
    for share in SHARES:
        for i in range(1, middle):
            part = scores[middle - i : middle + i + 1, middle - i : middle + i + 1].sum()
            if part / whole > share:
                expected = 2 * i + 1, ((2 * i + 1) / size) ** 2
                break
        else:
            expected = np.nan, np.nan
        row = found.table.iloc[0]
        name = round(100 * share)
        assert row[f"replknet_side_{name}"] == pytest.approx(expected[0], rel=1e-5, nan_ok=True)
        assert row[f"replknet_area_{name}"] == pytest.approx(expected[1], rel=1e-5, nan_ok=True)


def test_a_square_that_reaches_the_frame_is_not_looked_at():
    flat = np.ones((32, 32), np.float32)
    sides = {one.share: one.side for one in high_contribution(flat)}
    # 2 i + 1 squared over 1,024 is above 0.2, 0.3 and 0.5 for i = 7, 8 and 11.
    assert sides == {0.2: 15, 0.3: 19, 0.5: 23, 0.99: None}
    assert replknet_map(flat).max() == 1
    assert not replknet_map(0 * flat).any()


def test_over_input_sizes_and_beside_an_untrained_copy(resnet, noise_picture):
    before = {name: value.clone() for name, value in resnet.state_dict().items()}
    found = sk_viz.receptive_field(
        resnet, layer="layer2", picture=noise_picture, input_sizes=(64, 96), untrained=True
    )
    table = found.table
    assert list(table["input_size"]) == [64, 64, 96, 96]
    assert list(table["weights"]) == ["given", "untrained copy"] * 2
    assert (table["rows"] == table["input_size"] / 8).all()
    assert table["luo"].nunique() > 1
    assert found.effective.shape == (64, 64)
    after = resnet.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert not any(module._forward_hooks for module in resnet.modules())


def test_an_untrained_copy_says_what_it_could_not_reset():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.full((7,), 3.0))
            self.convolution = nn.Conv2d(3, 4, 3)

    torch.manual_seed(5)
    network = Scaled()
    copied, kept = untrained_copy(network)
    assert kept == 7
    assert not torch.equal(copied.convolution.weight, network.convolution.weight)
    assert torch.equal(untrained_copy(network)[0].convolution.weight, copied.convolution.weight)


@pytest.mark.parametrize(
    ("name", "layer", "status"),
    [
        ("convnext_atto", "stages.1", "measured support"),
        ("vit_tiny_patch16_224", "blocks.1", "measured support"),
        ("swin_tiny_patch4_window7_224", "layers.0", "measured support"),
    ],
)
def test_maps_of_other_layouts(noise_picture, name, layer, status):
    """Channels last, and tokens behind one of no place."""
    network = timm.create_model(name, pretrained=False)
    found = sk_viz.receptive_field(network, layer=layer, picture=noise_picture)
    assert found.extent.status == status
    assert found.effective.max() > 0
    side = found.table["rows"][0]
    assert found.position == (side // 2, side // 2)


def test_it_can_be_saved_and_loaded(resnet, noise_picture, tmp_path):
    found = sk_viz.receptive_field(
        resnet, layer="layer1", picture=noise_picture, input_sizes=(48, 64)
    )
    for ending in ("parquet", "json"):
        again = LayerField.load(found.save(tmp_path / f"field.{ending}"))
        np.testing.assert_array_equal(again.effective, found.effective)
        assert again.extent == found.extent
        assert again.position == found.position
        assert again.table.equals(found.table)
        assert again.record == found.record


def test_it_shows_itself(resnet, noise_picture):
    found = sk_viz.receptive_field(
        resnet, layer="layer1.0", picture=noise_picture, input_sizes=(48,)
    )
    assert "layer1.0 of resnet18: 27 x 27 px (exact)" in found._repr_html_()


def test_a_model_with_units_has_layers_too(tiny_model, noise_picture):
    found = sk_viz.receptive_field(tiny_model, layer="blocks.SK_2_1", picture=noise_picture)
    assert found.record["model_sha256"] == tiny_model.sha256
    assert found.effective.shape == (32, 32)


def test_without_a_picture_it_is_measured_on_noise_and_says_so():
    found = sk_viz.receptive_field(straight(3), layer="0", input_sizes=(16,))
    assert found.record["seed"] == 0
    assert "noise" in found.record["notes"][0]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"layer": "layer9"}, ModelError, "no layer 'layer9': choose one such as conv1, bn1"),
        ({"layer": "layer1.7"}, ModelError, "choose one such as layer1.0, layer1.1"),
        ({"layer": "fc"}, ModelError, "fc gives .1, 5. and no map of places"),
        ({"layer": "layer1", "input_sizes": (0,)}, ScaleError, "above 0"),
        ({"layer": "layer1", "input_sizes": (64, 64)}, ScaleError, "different"),
        ({"layer": "layer1", "unit": "SK_2_1"}, ModelError, "either a unit"),
        ({}, ModelError, "either a unit"),
        ({"unit": "SK_2_1", "untrained": True}, ModelError, "for a layer"),
    ],
)
def test_a_wrong_wish_is_one_sentence(resnet, noise_picture, arguments, error, said):
    with pytest.raises(error, match=said):
        sk_viz.receptive_field(resnet, picture=noise_picture, **arguments)


def test_a_network_of_timm_by_name():
    found = timm_network("timm:resnet18:untrained", "cpu")
    assert (found.id, found.kind) == ("timm:resnet18", "untrained")
    again = timm_network("timm:resnet18:untrained", "cpu")
    assert found.sha256 == again.sha256
    with pytest.raises(ModelError, match="timm has no network 'nonesuch'"):
        timm_network("timm:nonesuch")
