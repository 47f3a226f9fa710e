"""A network as a folder."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from sk_viz import ModelError
from sk_viz.networks import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import CONFIG, WEIGHTS, ClassName, load_bundled, save_bundled
from sk_viz.zoo.certainty import Certainty, Share, UnknownRule
from sk_viz.zoo.load import load_model

SHAPE = SKNetConfig((1, 1), (16, 32), (32, 48), 8, "small", groups=4, classes=3)
CLASSES = [ClassName("cat", ("n02123045", "n02124075")), ClassName("dog"), ClassName("père")]
WANTS = Preprocessing(64, 0.9, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.fixture
def folder(tmp_path, randomised):
    torch.manual_seed(0)
    save_bundled(tmp_path / "small", randomised(SKNet(SHAPE)), WANTS, CLASSES, "A small one.")
    return tmp_path / "small"


def test_round_trip(folder, randomised):
    torch.manual_seed(0)
    original = randomised(SKNet(SHAPE))
    bundle = load_bundled(folder)
    assert bundle.network.config == SHAPE
    assert bundle.preprocessing == WANTS
    assert bundle.classes == tuple(CLASSES)
    assert bundle.note == "A small one."
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(bundle.network.eval()(x), original(x))


def test_what_its_probabilities_are_worth_goes_with_it(folder):
    assert load_bundled(folder).certainty is None
    rule = UnknownRule("energy", 1.5, Share(0.95, (0.9, 0.97), 254), Share(0.3, (0.2, 0.4), 99))
    certainty = Certainty(0.7, 0.03, (0.02, 0.05), 2718, rule)
    for kept in (certainty, replace(certainty, unknown=None)):
        save_bundled(folder, load_bundled(folder).network, WANTS, CLASSES, "A small one.", kept)
        assert load_bundled(folder).certainty == kept
        assert load_model(folder, "cpu").certainty == kept
    _change(folder, ["certainty", "temperature"], "warm")
    with pytest.raises(ModelError, match="does not describe a model"):
        load_bundled(folder)


def test_a_rule_is_proven_by_its_interval():
    kept = Share(0.95, (0.9, 0.97), 254)
    assert UnknownRule("logit", 1, kept, Share(0.2, (0.06, 0.4), 99)).proven
    assert not UnknownRule("logit", 1, kept, Share(0.2, (0.04, 0.4), 99)).proven


def test_config_is_plain(folder):
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    assert set(config) == {"network", "preprocessing", "classes", "note"}
    assert config["classes"][0] == {"name": "cat", "wnids": ["n02123045", "n02124075"]}
    assert config["network"]["depths"] == [1, 1]


def test_classes_must_be_as_many_as_logits(folder, tmp_path):
    with pytest.raises(ModelError, match="has 3 logits, but 2 classes are named"):
        save_bundled(tmp_path / "x", SKNet(SHAPE), WANTS, CLASSES[:2], "")
    assert not (tmp_path / "x").exists()


def _change(folder, path, value):
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    *parents, last = path
    place = config
    for name in parents:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("network",), None, "does not describe a model: 'network'"),
        (("network", "colour"), 1, "unknown entry 'colour'"),
        (("classes",), [{"name": "cat", "wnids": []}], "has 3 logits, but 1 classes"),
        (("classes",), ["cat", "dog", "fox"], "does not describe a model"),
        (("network", "out_widths"), [32, 40], "the network needs"),
        (("network", "depths"), [1, 2], "lacks the weights blocks.SK_3_2"),
        (("network", "depths"), [10**9, 1], "depths is .*: give whole numbers from 1 to 200"),
        (("network", "depths"), [1], "of equally many stages"),
        (("network", "depths"), 2, "depths is 2: give a list of 1 to 8"),
        (("network", "depths"), [True, 1], "depths is .*: give whole numbers"),
        (("network", "unit_widths"), [16, 33], "must be multiples of the 4 groups"),
        (("network", "groups"), 0, "groups is 0: give whole numbers from 1"),
        (("network", "kernels"), ["x" * 999], r"kernels is \('x{50,}\.\.\.: give whole"),
        (("network", "stem"), {}, "stem is {}: choose imagenet, small, cifar"),
        (("network", "fuse"), "other", "fuse is 'other': choose normalised, plain, sum"),
        (("network", "select_bias"), 1, "select_bias is 1: choose true or false"),
        (("preprocessing", "input_size"), 10**9, "input_size must be a whole number from 1"),
        (("preprocessing", "crop_fraction"), float("nan"), "crop_fraction must be a number above"),
        (("preprocessing", "mean"), [0.5, 0.5], "mean must be three numbers from 0 to 1"),
        (("preprocessing", "std"), [1, 0, 1], "std must not be 0"),
        (("classes", 0, "name"), 7, "names of classes and their wnids must be text"),
    ],
)
def test_configs_that_do_not_fit(folder, path, value, message):
    _change(folder, path, value)
    with pytest.raises(ModelError, match=message):
        load_bundled(folder)


def test_files_that_are_missing_or_broken(folder):
    (folder / WEIGHTS).rename(folder / "elsewhere")
    with pytest.raises(ModelError, match="There is no file"):
        load_bundled(folder)
    (folder / CONFIG).write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="does not describe a model"):
        load_bundled(folder)
    (folder / CONFIG).unlink()
    with pytest.raises(ModelError, match=r"holds no model: there is no config.json in it"):
        load_bundled(folder)
