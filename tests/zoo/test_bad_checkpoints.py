"""Files made to run code, to hang, to take memory or to lie: one sentence each, soon and cheap."""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import struct
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

import sk_viz
from sk_viz.errors import ModelError
from sk_viz.networks.sknet import SKNet, SKNetConfig

State = dict[str, torch.Tensor]
MEMORY = 300_000_000  # bytes beyond those before: what a reader may take for a file of this size
MEASURED = sys.platform == "linux"


@pytest.fixture
def state() -> State:
    network = SKNet(SKNetConfig((1, 1), (32, 64), (64, 96), 16, classes=3))
    network.wake()
    return {k: v for k, v in network.state_dict().items() if "num_batches" not in k}


def refusal(path: Path, data: bytes) -> str:
    """The sentence that refuses a file, which takes little memory."""
    path.write_bytes(data)
    before = memory()
    with pytest.raises(ModelError) as caught:
        sk_viz.load_model(path, "cpu")
    assert memory(peak=True) - before < MEMORY
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 500
    return sentence.replace(str(path.parent), "")


def memory(*, peak: bool = False) -> int:
    """Bytes that this process has, or had at most since the call before."""
    if not MEASURED:
        return 0
    if not peak:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    text = Path("/proc/self/status").read_text(encoding="ascii")
    name = "VmHWM" if peak else "VmRSS"
    (line,) = (line for line in text.splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def header(entries: Any, data: int = 16) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 100) + b"{}",
        struct.pack("<Q", 40_000_000) + b" " * 40_000_000,
        struct.pack("<Q", 2_000_000) + b"[" * 2_000_000,
        struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
        header([]),
        header({"w": None}),
        header({"w": {}}),
        header({"w": entry([4], 0, 32)}),
        header({"w": entry([4], -16, 0)}),
        header({"w": entry([4], 16, 0)}),
        header({"w": entry([8], 0, 16)}),
        header({"w": entry([2**40, 2**40], 0, 16)}),
        header({"w": entry([2**62], 0, 16)}),
        header({"w": entry([4], 0, 16), "v": entry([4], 0, 16)}),
        header({"w": entry([2], 0, 8), "v": entry([2], 12, 20)}, 20),
        header({"w": entry([4], 0, 16, "F77")}),
        header({"w": entry([4], 0, 16)}, 8),
        header({"w": entry([4], 0, 16)}, 64),
        header({"x\n<b>" * 1000: entry([5], 0, 16)}),
        b"",
        b"\x02",
    ],
    ids=lambda data: f"{len(data)}-{data[8:20]!r}",
)
def test_lying_headers(tmp_path: Path, data: bytes) -> None:
    said = refusal(tmp_path / "mine.safetensors", data)
    assert "mine.safetensors is damaged or is not a safetensors file" in said


def test_headers_that_only_are_of_no_network(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    assert "holds no weights by name" in refusal(path, header({}, 0))
    assert "is empty or not a plain tensor" in refusal(path, header({"w": entry([0], 0, 0)}, 0))
    many = {f"w{n}": entry([1], 4 * n, 4 * n + 4) for n in range(30_000)}
    assert "does not hold an SKNet" in refusal(path, header(many, 120_000))


class Calls:
    """A pickle that calls something with arguments of its choice."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.to_call = function, arguments

    def __reduce__(self) -> Any:
        return self.to_call


def pickled(content: Any, *, legacy: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        Calls(os.system, "echo ran"),
        Calls(eval, "print('ran')"),
        Calls(bytearray, 10**11),
        Calls(Counter, Calls(bytearray, 10**10)),
        Calls(torch.Tensor, 10**6, 10**6),
        Calls(torch.FloatTensor, 10**10),
        Calls(torch.UntypedStorage, 10**10),
    ],
    ids=["system", "eval", "bytes", "count", "tensor", "floats", "storage"],
)
def test_what_no_weights_need_is_not_called(
    tmp_path: Path, content: Any, legacy: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    for suffix in (".pth", ".pt"):
        said = refusal(tmp_path / f"mine{suffix}", pickled({"w": content}, legacy=legacy))
        assert "asks for " in said
        assert "so it was not opened" in said
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("legacy", [False, True])
def test_what_scripts_store_beside_weights_is_read_as_nothing(
    tmp_path: Path, state: State, legacy: bool
) -> None:
    """Arguments, best scores, paths: inert, whatever they are called with."""
    extras = {
        "args": argparse.Namespace(lr=0.1, data=Path("x")),
        "best": np.float64(1),
        "curve": np.arange(3),
        "seen": {1, 2},
        "lists": defaultdict(list, a=[1]),
        "large": Calls(set, Calls(defaultdict, 10**11)),
    }
    path = tmp_path / "mine.pth"
    path.write_bytes(pickled({"state_dict": OrderedDict(state), **extras}, legacy=legacy))
    before = memory()
    model = sk_viz.load_model(path, "cpu")
    assert memory(peak=True) - before < MEMORY
    for name, value in state.items():
        assert torch.equal(model.network.state_dict()[name], value)
    said = refusal(tmp_path / "none.pth", pickled({"args": extras["args"]}, legacy=legacy))
    assert "holds no weights by name, but args" in said


def test_a_script_of_torch_is_not_run(tmp_path: Path) -> None:
    script = torch.jit.script(torch.nn.Linear(2, 2))
    script.save(str(tmp_path / "script.pt"))
    assert "asks for " in refusal(tmp_path / "a.pt", (tmp_path / "script.pt").read_bytes())


def in_zip(content: bytes, **changes: bytes) -> bytes:
    """What ``torch.save`` makes, with another pickle in it and other entries replaced."""
    made = zipfile.ZipFile(io.BytesIO(pickled({"w": torch.ones(2)})))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for info in made.infolist():
            name = info.filename.rpartition("/")[2]
            data = content if name == "data.pkl" and content else made.read(info)
            archive.writestr(info.filename, changes.get(name, data))
    return file.getvalue()


def pairs_of_pairs() -> bytes:
    """Sixty pairs, each of the one before twice, as the name of a weight: never hashed."""
    code = b"\x80\x02}q\xffK\x01\x85q\x00"
    for step in range(60):
        code += b"h" + bytes([step]) + b"h" + bytes([step]) + b"\x86q" + bytes([step + 1])
    return code + b"K\x02s."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"PK\x03\x04" + bytes(1000),
        b"\x80\x02.",
        b"\x80\x02" + b"(" * 1_000_000,
        pickle.dumps(torch.serialization.MAGIC_NUMBER, 2) + b"\x80\x02K\x01.",
        in_zip(pairs_of_pairs()),
        in_zip(b"\x80\x02" + b"]" * 5_000_000 + b"."),
        in_zip(b"\x80\x02}(X\x01\0\0\0wQu."),
        in_zip(b"\x80\x02Q."),
        in_zip(b"garbage"),
        in_zip(b"")[:-100],
    ],
    ids=lambda data: f"{len(data)}-{data[:8]!r}",
)
def test_damaged_pickles(tmp_path: Path, data: bytes) -> None:
    said = refusal(tmp_path / "mine.pth", data)
    assert "mine.pth is damaged or is not a weights-only checkpoint" in said


def test_zips_that_unpack_to_more(tmp_path: Path) -> None:
    """A gigabyte of zeros in a megabyte; and sizes that only the directory says."""
    made = pickled({"w": torch.zeros(250_000_000 // 64)})
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(made)) as whole,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for info in whole.infolist():
            packed.writestr(info.filename, whole.read(info))
    assert len(file.getvalue()) < len(made) / 100
    assert "is damaged or is not" in refusal(tmp_path / "packed.pth", file.getvalue())
    lying = bytearray(pickled({"w": torch.zeros(9)}))
    at = lying.rindex(b"PK\x01\x02", 0, lying.index(b"data/0", lying.index(b"PK\x01\x02")))
    lying[at + 20 : at + 28] = struct.pack("<II", 2**31, 2**31)
    assert "is damaged or is not" in refusal(tmp_path / "lying.pth", bytes(lying))


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_larger_than_their_file(tmp_path: Path, state: State, legacy: bool) -> None:
    """One number that is said to fill any shape, as ``expand`` makes it."""
    one = torch.zeros(1)
    for name, shape in (("head.weight", (10**6, 10**6)), ("stem.0.weight", (10**5, 3, 700, 700))):
        changed = {**state, name: one.as_strided(shape, (0,) * len(shape))}
        said = refusal(tmp_path / "mine.pth", pickled(changed, legacy=legacy))
        assert "MB of weights, but is shorter" in said


def test_other_kinds_of_tensors(tmp_path: Path, state: State) -> None:
    for value in (torch.eye(3).to_sparse(), torch.zeros(3, device="meta"), torch.zeros(0, 3)):
        data = pickled({**state, "head.bias": value})
        assert ".pth" in refusal(tmp_path / "mine.pth", data)


def halved(value: torch.Tensor) -> torch.Tensor:
    return value[: len(value) // 2].clone()


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("head.weight", lambda w: w * torch.nan, "head.weight holds values that are not finite"),
        ("head.bias", lambda w: w + torch.inf, "head.bias holds values that are not finite"),
        ("stem.1.running_var", lambda w: -w, "stem.1.running_var holds variances below 0"),
        ("head.weight", lambda w: w.to(torch.int8), "head.weight is int8, weights must be"),
        ("head.weight", lambda w: w.to(torch.int64), "head.weight is int64, weights must be"),
        ("head.weight", lambda w: w > 0, "head.weight is bool, weights must be"),
        ("head.weight", lambda w: w.to(torch.complex64), "head.weight is complex64, weights"),
        ("head.weight", lambda w: w.to(torch.float8_e4m3fn), "head.weight is float8_e4m3fn"),
        ("head.weight", lambda w: w.double() * 1e300, "head.weight holds values that are not"),
        ("head.weight", halved, "head.bias has the shape (3,), the network needs (1,)"),
        ("head.weight", lambda w: w[0, 0].clone(), "head.weight has 0 axes"),
        ("head.weight", None, "lacks the weights head.weight"),
        ("head.more", lambda _: torch.ones(2), "has the weights head.more"),
        ("x\n<script>" * 99, lambda _: torch.ones(2), "x\\n<script>"),
        ("blocks.SK_999999999999_1.x", lambda _: torch.ones(2), "has the weights blocks.SK_9999"),
        ("blocks.SK_999_1.x", lambda _: torch.ones(2), "lacks the weights blocks.SK_4_1"),
        ("blocks.SK_2_900.x", lambda _: torch.ones(2), "lacks the unit SK_2_2"),
        (f"blocks.SK_{'9' * 5000}_1.x", lambda _: torch.ones(2), "has the weights blocks.SK_99"),
        ("blocks.SK_2_1.sk.branches.0.0.weight", lambda w: w[:, :0], "is empty or not a plain"),
        ("blocks.SK_2_1.sk.branches.0.0.weight", lambda w: w[:, :, :1].clone(), "are dense 1x3"),
        ("blocks.SK_2_1.reduce.0.weight", lambda w: w[:31].clone(), "unit_widths must be mult"),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_that_are_wrong_are_named(
    tmp_path: Path,
    state: State,
    name: str,
    change: Callable[[torch.Tensor], torch.Tensor] | None,
    says: str,
    suffix: str,
) -> None:
    old = state.pop(name, torch.zeros(1))
    if change is not None:
        state[name] = change(old)
    data = (
        pickled(state) if suffix == ".pth" else save({k: v.contiguous() for k, v in state.items()})
    )
    said = refusal(tmp_path / f"mine{suffix}", data)
    assert says in said or (suffix == ".pth" and "asks for torch." in said)


def test_maps_of_branches_that_do_not_fit_together(tmp_path: Path) -> None:
    rest = {"layer1.0.conv2.convs.0.0.weight": torch.ones(1)}
    state = {
        "stage_1.0.conv2.fcs.0.weight": torch.ones(4, 3, 1, 1),
        "stage_1.0.conv2.fcs.1.weight": torch.ones(4, 2, 1, 1),
        **rest,
    }
    said = refusal(tmp_path / "mine.pth", pickled(state))
    assert "the maps of blocks.SK_2_1.sk.select.weight differ in shape" in said


def test_names_that_are_no_text(tmp_path: Path) -> None:
    data = pickled(OrderedDict({1: torch.ones(2), ("a", "b"): torch.ones(2)}))
    assert "does not hold an SKNet under names" in refusal(tmp_path / "mine.pth", data)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_good_one_is_loaded_as_ever(tmp_path: Path, state: State, legacy: bool) -> None:
    path = tmp_path / "good.pth"
    extras = {"epoch": 3, "lr": 0.1, "sizes": [(1, 2)] * 100, "device": torch.device("cpu")}
    path.write_bytes(pickled({"state_dict": OrderedDict(state), **extras}, legacy=legacy))
    model = sk_viz.load_model(path, "cpu")
    for name, value in model.network.state_dict().items():
        if name in state:
            assert torch.equal(value, state[name])
