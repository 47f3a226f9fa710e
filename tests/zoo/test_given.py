"""Networks given as they are, in place of a loaded model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import timm
import torch
from fixtures import near_misses
from fixtures.spellings import Selective
from torch import nn

import sk_viz
from sk_viz.errors import ModelError
from sk_viz.networks import SKNet, SKNetConfig
from sk_viz.pictures import normalise
from sk_viz.zoo.given import as_loaded
from sk_viz.zoo.own import OWN_PREPROCESSING

pytestmark = pytest.mark.filterwarnings("ignore:Setting backward hooks")

_SHAPE = {
    "layers": (1, 1, 1, 1),
    "num_classes": 5,
    "pretrained_cfg_overlay": {"input_size": (3, 64, 64)},
}


@pytest.fixture(scope="module")
def picture():
    pixels = np.random.default_rng(0).integers(0, 256, (250, 300, 3), np.uint8)
    return sk_viz.read_picture(cv2.imencode(".png", pixels)[1].tobytes())


@pytest.fixture
def network() -> nn.Module:
    return timm.create_model("skresnext50_32x4d", pretrained=False, **_SHAPE)


def test_the_measures_take_a_network_as_it_is(network, picture):
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    results = [
        sk_viz.sweep(network, picture, (1.0, 2.0)),
        sk_viz.attribute(network, picture, "saliency", "SK_3_1"),
        sk_viz.receptive_field(network, "SK_3_1", picture),
        sk_viz.intervene(network, picture, {"SK_3_1": "largest"}),
    ]
    for result in results:
        assert result.record["model"] == "skresnext50_32x4d"
        assert result.record["model_kind"] == "given"
        assert result.record["input_size"] == 64
    assert network.training
    assert all(weight.requires_grad for weight in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_sweep_of_it_says_what_the_network_says(network, picture):
    result = sk_viz.sweep(network, picture, (1.0,))
    prepared = timm.data.resolve_model_data_config(network)
    assert result.record["preprocessing"]["crop_fraction"] == prepared["crop_pct"]
    shown = normalise(result.stimuli[0].rgb, as_loaded(network).preprocessing)
    with torch.no_grad():
        logits, weights = sk_viz.readout(network.eval(), torch.from_numpy(shown)[None])
    found = result.unit_weights("SK_4_1")
    np.testing.assert_allclose(found[0], weights["SK_4_1"][0], atol=1e-5)
    np.testing.assert_allclose(result.probabilities, logits.softmax(1), atol=1e-5)


def test_it_is_copied_once_and_again_when_it_has_changed(network):
    first = as_loaded(network)
    assert as_loaded(network) is first
    with torch.no_grad():
        network.fc.weight.mul_(2)
    second = as_loaded(network)
    assert second.sha256 != first.sha256
    network.layer1[0].act3 = nn.SiLU()
    assert as_loaded(network) is not second


@pytest.mark.parametrize(("stem", "size", "crop"), [("cifar", 32, 1.0), ("small", 88, 1.0)])
def test_its_own_networks_get_pictures_of_their_size(stem, size, crop):
    config = SKNetConfig((1,), (8,), (16,), stem_width=8, stem=stem, groups=1, classes=3)
    model = as_loaded(SKNet(config))
    assert model.preprocessing.input_size == size
    assert model.preprocessing.crop_fraction == crop
    assert model.classes == ("class 0", "class 1", "class 2")


def test_the_bundled_network_given_as_a_module_is_shown_what_the_bundled_model_is():
    bundled = sk_viz.load_model("sknet_tiny", device="cpu")
    assert as_loaded(bundled.network).preprocessing == bundled.preprocessing
    assert OWN_PREPROCESSING[bundled.network.config.stem] == bundled.preprocessing


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sknet_tiny", "is not a model"),
        (None, "is not a model"),
        (nn.Identity(), "no weights"),
        (nn.Linear(2, 2), "No SK unit"),
        (nn.Conv2d(1, 1, 1, device="meta"), "no weights"),
    ],
)
def test_what_is_no_network_is_one_sentence(given, said):
    with pytest.raises(ModelError, match=said):
        as_loaded(given)


@pytest.mark.parametrize("settings", [{"num_classes": 0}, {"features_only": True}])
def test_a_network_without_classes_predicts_none(settings, picture):
    body = timm.create_model("skresnet18", pretrained=False, **settings)
    assert not as_loaded(body).predicts
    assert len(sk_viz.sweep(body, picture, (1.0,)).predictions) == 0


def test_a_readout_of_what_is_no_model_is_one_sentence():
    with pytest.raises(ModelError, match="is not a model"):
        sk_viz.readout("sknet_tiny", torch.zeros(1, 3, 8, 8))


def test_a_network_whose_hooks_hold_tensors_can_be_given(network, picture):
    """torch copies no tensor with a graph, so neither hooks nor what they keep are copied."""

    class Keeping:
        def __call__(self, module, inputs, output):
            self.kept = module.last = output

    network.layer2[0].register_forward_hook(Keeping())
    network(torch.rand(2, 3, 64, 64))
    assert sk_viz.attribute(network, picture, "grad_cam", "SK_3_1").heatmap.shape == (64, 64)
    assert network.layer2[0].last.grad_fn is not None
    assert len(network.layer2[0]._forward_hooks) == 1


def test_the_note_says_what_units_are_and_what_is_not_shown():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        Selective(),
        near_misses.LargeSelectiveKernel(),
        near_misses.Slices(),
        near_misses.Slices(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    note = as_loaded(network).note
    assert "SK_3_1: It chooses for each place of the picture" in note
    assert "Its weights are sigmoids, which do not sum to 1" in note
    assert (
        "Not shown, since it weighs channels of one tensor, which the same convolutions made: "
        "3.softmax and 1 more." in note
    )
    assert "SK_2_1:" not in note


@pytest.mark.parametrize("combination", ["reversed", "einsum", "addcmul in place"])
def test_a_functional_network_is_swept_and_held(picture, combination):
    torch.manual_seed(0)
    unit = Selective(combination=combination, softmax="functional", kernels=(3, 7, 5))
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), unit, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).eval()
    result = sk_viz.sweep(network, picture, (1.0, 1.5))
    model = as_loaded(network)
    shown = torch.stack(
        [torch.from_numpy(normalise(s.rgb, model.preprocessing)) for s in result.stimuli]
    )
    features, weights = unit.by_hand(network[0](shown))
    np.testing.assert_allclose(
        result.unit_weights("SK_2_1"), weights[:, [0, 2, 1]].numpy(), atol=1e-5
    )
    assert result.weights["kernel"].unique().tolist() == [3, 5, 7]
    held = sk_viz.intervene(network, picture, {"SK_2_1": "largest"})
    with torch.no_grad():
        alone = network[2:](features[1][:1]) - network(shown[:1])
    np.testing.assert_allclose(held.change, alone[0].numpy(), atol=1e-5)
