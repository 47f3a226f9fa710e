"""Files that are whole, foreign, broken or hostile."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sk_viz import ModelError
from sk_viz.zoo.checkpoints import file_sha256, fill, read_state, saved, state_sha256


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_files_round_trip(tmp_path, network, suffix, wrapper, prefix):
    state = {prefix + k: v for k, v in network.state_dict().items()}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({wrapper: state, "epoch": 3} if wrapper else state, path)
    read = read_state(path)
    assert set(read) == {k for k in network.state_dict() if "num_batches" not in k}
    other = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    fill(other, read, "file")
    assert all(torch.equal(v, other.state_dict()[k]) for k, v in read.items())


def test_a_network_on_meta_is_filled_and_shares_nothing(network):
    with torch.device("meta"):
        empty = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    fill(empty, {k: v for k, v in network.state_dict().items() if "num_batches" not in k}, "file")
    x = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(empty.eval()(x), network.eval()(x))
    nn.init.zeros_(network[0].weight)
    assert (empty[0].weight != 0).any()


def test_half_precision_becomes_single(network):
    state = {k: v.half() for k, v in network.state_dict().items() if "num_batches" not in k}
    fill(network, state, "file")
    assert all(p.dtype == torch.float32 for p in network.parameters())


class _Runs:
    """A pickle that would make a folder if it were opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path, network):
    trace = tmp_path / "was_run"
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": network.state_dict(), "extra": _Runs(trace)}, path)
    with pytest.raises(ModelError, match=r"asks for posix.mkdir, which no weights need and which"):
        read_state(path)
    # An old pickle without torch's frame around it is not run either.
    path.write_bytes(pickle.dumps(_Runs(trace)))
    with pytest.raises(ModelError, match="asks for a name put together while it is read, which no"):
        read_state(path)
    assert not trace.exists()


def test_a_whole_network_is_refused(tmp_path, network):
    torch.save(network, tmp_path / "network.pt")
    with pytest.raises(ModelError, match="could run code"):
        read_state(tmp_path / "network.pt")


def _header(entries: dict[str, object]) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a checkpoint at all",
        struct.pack("<Q", 2**60) + b"{}",
        _header({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}) + b"\0" * 8,
        _header({"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 16]}}) + b"\0" * 16,
        _header({"w": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}}) + b"\0" * 16,
    ],
    ids=["empty", "text", "endless header", "truncated", "lying shape", "unknown dtype"],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_damaged_files(tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.\w+ is damaged or is not"):
        read_state(path)


def test_truncated_pickle(tmp_path, network):
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError, match="damaged"):
        read_state(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no weights by name"),
        ({}, "holds no weights by name"),
        ({"epoch": 3, "loss": 0.5}, "holds no weights by name, but epoch, loss"),
    ],
)
def test_other_content(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(ModelError, match=message):
        read_state(tmp_path / "other.pt")


def test_missing_files_and_other_kinds(tmp_path):
    with pytest.raises(ModelError, match="There is no file"):
        read_state(tmp_path / "absent.pth")
    (tmp_path / "weights.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"weights.onnx is not a checkpoint: give a safetensors"):
        read_state(tmp_path / "weights.onnx")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("0.weight", None, "file lacks the weights 0.weight."),
        ("2.bias", torch.ones(1), "file has the weights 2.bias, which the network does not have."),
        ("0.bias", torch.ones(5), r"0.bias has the shape \(5,\), the network needs \(4,\)."),
        ("0.bias", torch.ones(4, dtype=torch.int8), "0.bias is int8, weights must be floating"),
        ("1.running_var", torch.tensor([1, 1, 1, torch.nan]), "1.running_var holds values that"),
        ("1.weight", torch.tensor([1, torch.inf, 1, 1]), "1.weight holds values that are not"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(network, name, value, message):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    state = {k: torch.zeros_like(v) for k, v in before.items() if "num_batches" not in k}
    state = {k: v for k, v in {**state, name: value}.items() if v is not None}
    with pytest.raises(ModelError, match=message):
        fill(network, state, "file")
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_digest_of_a_network_is_that_of_its_file(tmp_path, network):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(saved(network))
    assert file_sha256(path) == state_sha256(network)
    before = state_sha256(network)
    nn.init.zeros_(network[0].bias)
    assert state_sha256(network) != before
