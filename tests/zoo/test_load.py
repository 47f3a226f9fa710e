"""One door for every network: modules, factories, networks without classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sk_viz
from sk_viz.errors import ModelError
from sk_viz.zoo.factory import is_factory
from sk_viz.zoo.interface import grey

SOURCE = '''
import torch
from torch import nn


class Choice(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.small = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.large = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.squeeze = nn.Linear(width, 8)
        self.select = nn.Linear(8, 2 * width)

    def forward(self, x):
        small, large = self.small(x), self.large(x)
        z = self.squeeze((small + large).mean((2, 3))).relu()
        weights = self.select(z).view(len(x), 2, -1).softmax(1)[..., None, None]
        return small * weights[:, 0] + large * weights[:, 1]


class Net(nn.Module):
    """`returns` says what its forward returns, `side` fixes its input size."""

    def __init__(self, returns="logits", channels=3, side=None):
        super().__init__()
        self.returns, self.side = returns, side
        self.stem = nn.Conv2d(channels, 8, 3, 4, 1)
        self.choice = Choice(8)
        self.head = nn.Linear(8 if side is None else 8 * (side // 4) ** 2, 5)

    def forward(self, x):
        maps = self.choice(self.stem(x))
        if self.returns == "map":
            return maps
        if self.returns == "dict":
            return {"boxes": maps, "scores": maps}
        logits = self.head(maps.mean((2, 3)) if self.side is None else maps.flatten(1))
        if self.returns == "probabilities":
            return logits.softmax(1)
        if self.returns == "squeezed":
            return logits.squeeze()
        if self.returns == "tuple":
            return maps, logits
        return logits


def make_net():
    return Net()


def make_dict_net():
    return Net("dict")


def make_number():
    return 3


def make_error():
    raise RuntimeError("no such thing")
'''


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "mynets.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def net(file: Path) -> type[nn.Module]:
    space: dict[str, type[nn.Module]] = {}
    exec(compile(SOURCE, str(file), "exec"), space)
    return space["Net"]


@pytest.fixture(scope="module")
def picture() -> sk_viz.pictures.Picture:
    return sk_viz.read_picture(Path(sk_viz.__file__).parents[1] / "assets" / "photos" / "panda.jpg")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("mynets.py:make_net", True),
        ("package.module:factory", True),
        ("C:\\nets\\mynets.py:make_net", True),
        ("sknet_tiny", False),
        ("skresnext50_32x4d.ra_in1k", False),
        ("C:\\weights\\best.pth", False),
        ("hf:owner/name", False),
    ],
)
def test_a_factory_is_told_by_its_form(text: str, is_one: bool) -> None:
    assert is_factory(text) == is_one


def test_a_file_of_ones_own_is_swept_with_its_weights(
    file: Path, net: type[nn.Module], picture: sk_viz.pictures.Picture, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    trained = net()
    torch.save({"state_dict": trained.state_dict()}, tmp_path / "best.pth")
    model = sk_viz.load_model(
        f"{file}:make_net", "cpu", weights=tmp_path / "best.pth", input_size=64
    )
    assert (model.predicts, model.preprocessing.input_size, model.kind) == (True, 64, "given")
    assert model.id == f"{file}:make_net"
    sweep = sk_viz.sweep(model, picture, (1.0, 1.5))
    given = sk_viz.sweep(sk_viz.load_model(trained, "cpu", input_size=64), picture, (1.0, 1.5))
    assert sweep.differences.equals(given.differences)
    assert sweep.predictions.equals(given.predictions)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("{file}:nothing", "has no function 'nothing'"),
        ("{file}:make_number", "returned a int: let it return a torch module"),
        ("{file}:make_error", "failed with RuntimeError: no such thing"),
        ("/nowhere/mynets.py:make_net", "There is no file"),
        ("no_such_package.nets:make", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_factory_that_fails_is_one_sentence(file: Path, name: str, says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        sk_viz.load_model(name.format(file=file), "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("returns", ["map", "dict", "tuple"])
def test_a_network_without_class_logits_is_measured_without_a_class(
    net: type[nn.Module], picture: sk_viz.pictures.Picture, returns: str
) -> None:
    model = sk_viz.load_model(net(returns), "cpu", input_size=48)
    assert not model.predicts
    assert "no class logits" in model.note
    sweep = sk_viz.sweep(model, picture, (1.0, 2.0))
    assert len(sweep.predictions) == 0
    assert len(sweep.differences) == 2
    assert sk_viz.attribute(model, picture, "saliency", "SK_2_1").heatmap.shape == (48, 48)
    assert sk_viz.receptive_field(model, "SK_2_1", picture).effective.shape == (48, 48)
    effect = sk_viz.intervene(model, picture, {"SK_2_1": "largest"})
    assert len(effect.before) == len(effect.after) == 0
    with pytest.raises(ModelError, match="needs class logits"):
        sk_viz.attribute(model, picture, "saliency", "class")
    with pytest.raises(ModelError, match="returns no class logits"):
        sk_viz.attribute(model, picture, "saliency", "cat")


def test_output_says_where_the_logits_are(
    net: type[nn.Module], picture: sk_viz.pictures.Picture
) -> None:
    network = net("tuple").eval()
    names = ["a", "b", "c", "d", "e"]
    model = sk_viz.load_model(
        network, "cpu", input_size=48, classes=names, output=lambda returned: returned[1]
    )
    assert model.classes == tuple(names)
    sweep = sk_viz.sweep(model, picture, (1.0,))
    with torch.no_grad():
        x = torch.from_numpy(sk_viz.pictures.normalise(sweep.stimuli[0].rgb, model.preprocessing))[
            None
        ]
        by_hand = network(x)[1].softmax(1)
    np.testing.assert_allclose(sweep.probabilities, by_hand, atol=1e-6)


@pytest.mark.parametrize("returns", ["probabilities", "squeezed"])
def test_heads_that_normalise_or_squeeze_give_their_probabilities(
    net: type[nn.Module], picture: sk_viz.pictures.Picture, returns: str
) -> None:
    network = net(returns).eval()
    model = sk_viz.load_model(network, "cpu", input_size=48)
    sweep = sk_viz.sweep(model, picture, (1.0, 1.5, 2.0))
    network.returns = "logits"
    plain = sk_viz.sweep(sk_viz.load_model(network, "cpu", input_size=48), picture, (1.0, 1.5, 2.0))
    np.testing.assert_allclose(sweep.probabilities, plain.probabilities, atol=1e-6)
    assert sweep.differences.equals(plain.differences)


def test_a_network_of_one_size_is_shown_that_size(
    net: type[nn.Module], picture: sk_viz.pictures.Picture
) -> None:
    model = sk_viz.load_model(net(side=32), "cpu")
    assert model.preprocessing.input_size == 32
    assert "32 pixels, the first size at which it runs" in model.note
    field = sk_viz.receptive_field(model, "SK_2_1", picture)
    assert [branch.size for branch in field.theoretical] == [11, 19]
    with pytest.raises(ModelError, match=r"head \(Linear\) failed on \(2, 1152\)"):
        sk_viz.load_model(net(side=32), "cpu", input_size=48)


def test_a_network_of_grey_pictures_sees_luma(
    net: type[nn.Module], picture: sk_viz.pictures.Picture
) -> None:
    network = net(channels=1).eval()
    model = sk_viz.load_model(network, "cpu", input_size=48, mean=(0.4,), std=(0.3,))
    sweep = sk_viz.sweep(model, picture, (1.0,))
    shown = sweep.stimuli[0].rgb.astype(np.float32) / 255
    luma = (shown @ np.array([0.299, 0.587, 0.114], np.float32) - 0.4) / 0.3
    with torch.no_grad():
        by_hand = network(torch.from_numpy(luma)[None, None]).softmax(1)
    np.testing.assert_allclose(sweep.probabilities, by_hand, atol=1e-5)


def test_luma_is_that_of_pillow() -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    expected = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
    x: Tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    assert (grey(x)[0, 0].numpy() - expected).max() < 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"classes": ["a", "b"]}, "2 class names were given, but it returns 5 logits"),
        ({"mean": (2.0, 0, 0)}, "mean must be three numbers"),
        ({"weights": "best.pth"}, "has its weights already"),
        ({"output": lambda y: y.logits}, "given as output failed"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    net: type[nn.Module], given: dict[str, object], says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        sk_viz.load_model(net(), "cpu", input_size=48, **given)


def test_what_an_id_says_itself_is_not_said_again() -> None:
    with pytest.raises(ModelError, match="says itself how it wants its pictures"):
        sk_viz.load_model("sknet_tiny", "cpu", input_size=64)


def test_other_channels_and_axes_are_for_tensors_alone() -> None:
    for first in (nn.Conv2d(4, 8, 3), nn.Conv1d(1, 8, 3)):
        with pytest.raises(ModelError, match=r"sk_viz\.units and sk_viz\.readout"):
            sk_viz.load_model(nn.Sequential(first, nn.ReLU()), "cpu")
