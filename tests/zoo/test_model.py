"""Models by id and by path."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

import sk_viz
from sk_viz import ModelError
from sk_viz.networks import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo import catalogue, load
from sk_viz.zoo import model as zoo
from sk_viz.zoo.bundled import ClassName, save_bundled
from sk_viz.zoo.checkpoints import file_sha256

SHAPE = SKNetConfig((1, 1), (32, 64), (64, 96), 16, classes=3)


def _network() -> SKNet:
    torch.manual_seed(0)
    network = SKNet(SHAPE).eval()
    network.wake()
    return network


def _answers(model, size=64):
    torch.manual_seed(1)
    with torch.no_grad():
        return sk_viz.readout(model, torch.randn(1, 3, size, size))


def _same(model, network) -> None:
    logits, weights = _answers(model)
    expected, expected_weights = _answers(network)
    torch.testing.assert_close(logits, expected)
    for name, w in weights.items():
        torch.testing.assert_close(w, expected_weights[name])


@pytest.fixture
def folder(tmp_path) -> Path:
    classes = [ClassName("cat", ("n02123045",)), ClassName("dog"), ClassName("fox")]
    save_bundled(tmp_path / "mine", _network(), Preprocessing(64), classes, "Mine.")
    return tmp_path / "mine"


def test_a_folder_and_the_file_in_it(folder):
    for path in (folder, str(folder), folder / "model.safetensors"):
        model = sk_viz.load_model(path, device="cpu")
        _same(model, _network())
        assert model.id == str(path)
        assert model.kind == "checkpoint"
        assert model.note == "Mine."
        assert model.classes == ("cat", "dog", "fox")
        assert model.wordnet_ids == (("n02123045",), (), ())
        assert model.preprocessing == Preprocessing(64)
        assert model.sha256 == file_sha256(folder / "model.safetensors")
        assert model.device == torch.device("cpu")
        assert [u.name for u in model.units] == ["SK_2_1", "SK_3_1"]
        assert not model.network.training


def test_the_bundled_id(folder, monkeypatch):
    (folder.parent / "sknet_tiny").symlink_to(folder)
    monkeypatch.setattr(load, "models_dir", lambda: folder.parent)
    monkeypatch.setattr(catalogue, "models_dir", lambda: folder.parent)
    model = sk_viz.load_model(device="cpu")
    _same(model, _network())
    assert (model.id, model.kind) == ("sknet_tiny", "bundled")
    entry = sk_viz.list_models()[0]
    assert (entry.id, entry.kind, entry.units) == ("sknet_tiny", "bundled", 2)


def test_the_bundled_id_where_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "models_dir", lambda: tmp_path)
    with pytest.raises(ModelError, match="is not part of this installation: install it again"):
        sk_viz.load_model("sknet_tiny", device="cpu")
    assert all(entry.kind != "bundled" for entry in catalogue.list_models())


def test_checkpoints_of_several_layouts(tmp_path, foreign, randomised):
    torch.manual_seed(0)
    for i, (network, project) in enumerate(
        (
            (_network(), "this project"),
            (randomised(foreign.PytorchcvSKNet()), "pytorchcv"),
            (randomised(foreign.Syt2SKNet()), "syt2/SKNet"),
            (randomised(timm.create_model("skresnet18", num_classes=3)), "timm"),
        )
    ):
        path = tmp_path / f"{i}.pth"
        wrapped = {f"module.{k}": v for k, v in network.state_dict().items()}
        torch.save({"state_dict": wrapped, "epoch": 3}, path)
        model = sk_viz.load_model(path, device="cpu")
        _same(model, network)
        assert model.kind == "checkpoint"
        assert f"as {project} stores them" in model.note
        assert model.classes[0] == "class 0"
        assert model.sha256 == file_sha256(path)


def test_timm_checkpoints_of_the_papers_unit_become_own_networks(tmp_path):
    with torch.device("meta"):
        empty = timm.create_model("skresnext50_32x4d", num_classes=2).state_dict()
    state = {k: torch.zeros(v.shape) for k, v in empty.items()}
    save_file(state, tmp_path / "own.safetensors")
    model = sk_viz.load_model(tmp_path / "own.safetensors", device="cpu")
    assert isinstance(model.network, SKNet)
    assert len(model.units) == 16
    assert not any(unit.split_input for unit in model.units)


def test_untrained_networks_are_the_same_every_time_and_labelled():
    state = torch.random.get_rng_state()
    first, second = (sk_viz.load_model("sknet26", device="cpu") for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first.sha256 == second.sha256
    assert first.kind == "untrained"
    assert first.note.startswith("Untrained")
    assert first.classes[281] == "tabby"
    logits, weights = _answers(first)
    assert torch.isfinite(logits).all()
    held = {"SK_4_1": torch.tensor([0.0, 1.0])[None, :, None].expand(1, 2, 512)}
    torch.manual_seed(1)
    with torch.no_grad():
        after, _ = first.readout(torch.randn(1, 3, 64, 64), held)
    assert not torch.allclose(after, logits)
    assert all(w.std() > 0 for w in weights.values())


def test_a_split_input_is_said():
    model = sk_viz.load_model("skresnet50", device="cpu")
    assert "Untrained" in model.note
    assert "each branch sees a different half" in model.note


def test_dead_units_are_said():
    network = _network()
    torch.nn.init.zeros_(network.blocks["SK_3_1"].sk.select.weight)
    model = zoo.as_model(
        network,
        id="x",
        preprocessing=Preprocessing(),
        classes=[ClassName("a")] * 3,
        kind="checkpoint",
        note="Mine.",
        device=torch.device("cpu"),
    )
    assert "Dead units, whose weights never change: SK_3_1." in model.note


def test_pretrained_from_a_cache_in_the_hubs_layout(tmp_path, monkeypatch, randomised):
    monkeypatch.setenv("SK_VIZ_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.manual_seed(0)
    network = randomised(timm.create_model("skresnet18"))
    snapshot = tmp_path / "models--timm--skresnet18.ra_in1k" / "snapshots" / ("ab" * 20)
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("ab" * 20)
    (snapshot / "config.json").write_text('{"architecture": "skresnet18"}')
    save_file(network.state_dict(), snapshot / "model.safetensors")

    model = sk_viz.load_model("skresnet18.ra_in1k", device="cpu")
    _same(model, network)
    assert (model.id, model.kind) == ("skresnet18.ra_in1k", "pretrained")
    assert model.sha256 == file_sha256(snapshot / "model.safetensors")
    assert model.preprocessing == Preprocessing(224, 0.875)
    assert model.classes[281] == "tabby"
    assert "each branch sees a different half" in model.note
    on_disk = {entry.id: entry.on_disk for entry in sk_viz.list_models()}
    assert on_disk["skresnet18.ra_in1k"]
    assert not on_disk["skresnet34.ra_in1k"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sknet5", "There is no model 'sknet5': did you mean sknet50"),
        ("zebra", "There is no model 'zebra': the ids are sknet_tiny, "),
        ("", "There is no model ''"),
        (None, "There is no model 'None'"),
        ("absent.pth", "There is no file absent.pth; give the path of a checkpoint"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(ModelError, match=message):
        sk_viz.load_model(name, device="cpu")


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ModelError, match=r"holds no model: there is no config.json"):
        sk_viz.load_model(tmp_path)


def test_a_wrong_device_is_said_before_any_work():
    with pytest.raises(ModelError, match="There is no device 'gpu'"):
        sk_viz.load_model("skresnet18.ra_in1k", device="gpu")


def test_the_bundled_model_of_this_copy():
    model = sk_viz.load_model(device="cpu")
    assert (model.id, model.kind) == ("sknet_tiny", "bundled")
    assert len(model.units) == 9
    assert len(set(model.classes)) == len(model.classes)
    logits, weights = _answers(model, model.preprocessing.input_size)
    assert logits.shape == (1, len(model.classes))
    # Trained: the units answer, and do not all say one half.
    assert all(w.std() > 0.01 for w in weights.values())
