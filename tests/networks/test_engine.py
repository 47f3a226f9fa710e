import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import sk_viz
from sk_viz.networks import engine as engine_module
from sk_viz.networks.engine import (
    COARSE_TOLERANCE,
    TOLERANCE,
    Engine,
    cpu_has_bfloat16,
    engine_of,
    read_all,
)
from sk_viz.networks.readout import Readout
from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.networks.trials import noise
from sk_viz.pictures import read_sample, samples

CPU = torch.device("cpu")
measured_by_the_clock = engine_module._fastest


needs_bfloat16 = pytest.mark.skipif(
    not cpu_has_bfloat16(), reason="needs a CPU that computes in bfloat16"
)


def timed(*seconds):
    """In place of the clock, whose answer is the machine's: the engine's seconds, then eager's."""
    turn = itertools.cycle(seconds)
    return lambda _: next(turn)


@pytest.fixture(autouse=True, scope="module")
def _any_network_is_worth_it():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "_WORTH_IT", 0)
        patch.setattr(engine_module, "_fastest", timed(1, 2))
        yield


def small_network():
    sizes = {"depths": (1, 2), "unit_widths": (16, 32), "out_widths": (16, 32)}
    return SKNet(SKNetConfig(**sizes, stem_width=8, stem="small", groups=4, classes=7))


@pytest.fixture(scope="module")
def readout():
    network = small_network()
    network.wake()
    for module in network.modules():  # else folding a fresh norm into its convolution proves little
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    return Readout(network.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def built(readout):
    found = engine_of(readout, CPU, 64)
    assert found is not None
    return found


def compare(found, expected):
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= TOLERANCE


@pytest.mark.parametrize(("pictures", "side"), [(1, 64), (5, 64), (2, 48), (1, 96)])
def test_it_returns_what_eager_torch_returns(readout, built, pictures, side):
    x = torch.randn(pictures, 3, side, side)
    with torch.inference_mode():
        compare(built(x), readout(x))


def test_a_network_is_built_once(readout, built):
    assert engine_of(readout, CPU, 64) is built
    assert built.name.startswith("openvino 20")


def test_threads_do_not_mix_their_answers(readout, built):
    inputs = [torch.randn(1 + i % 3, 3, 64, 64) for i in range(12)]
    with torch.inference_mode(), ThreadPoolExecutor(4) as pool:
        for found, x in zip(pool.map(built, inputs), inputs, strict=True):
            compare(found, readout(x))


def test_without_openvino_eager_torch_reads(readout, monkeypatch):
    monkeypatch.setattr(engine_module, "find_spec", lambda name: None)
    assert engine_of(readout, CPU, 64) is None


def test_small_networks_and_other_devices_are_read_in_eager_torch(readout, monkeypatch):
    assert engine_of(readout, torch.device("cuda"), 64) is None
    monkeypatch.setattr(engine_module, "_WORTH_IT", 5_000_000)
    small = Readout(small_network().eval())
    assert engine_of(small, CPU, 64) is None
    assert engine_of(small, CPU, 64, pictures=10_000) is not None  # unless they are many


@pytest.mark.parametrize("error", [True, False])
def test_an_engine_that_fails_or_errs_is_not_used(readout, monkeypatch, error):
    def call(self, x):
        if error:
            raise RuntimeError("no such operation")
        logits, weights = readout(x)
        return logits, [w + 2 * TOLERANCE for w in weights]

    monkeypatch.setattr(Engine, "__call__", call)
    assert engine_of(Readout(readout.network), CPU, 64) is None


def test_an_engine_that_is_no_faster_is_used_only_where_it_must_be(readout, monkeypatch):
    monkeypatch.setattr(engine_module, "_fastest", timed(2, 1))
    slow = Readout(readout.network)
    assert engine_of(slow, CPU, 64) is None
    assert engine_of(slow, CPU, 64, pictures=1e9) is None
    assert engine_of(slow, CPU, 64, pictures=math.inf) is not None


def test_the_clock_takes_the_quickest_run(monkeypatch):
    ticks = iter([0.0, 5.0, 10.0, 11.0, 20.0, 23.0])
    monkeypatch.setattr(engine_module.time, "perf_counter", lambda: next(ticks))
    assert measured_by_the_clock(lambda: None) == 1.0


@needs_bfloat16
def test_bfloat16_keeps_the_differences(readout):
    coarse = engine_of(readout, CPU, 64, dtype="bfloat16")
    assert coarse is not None
    assert coarse.dtype == "bfloat16"
    x = torch.rand(4, 3, 64, 64)
    with torch.inference_mode():
        found, expected = coarse(x), readout(x)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).abs().max() > TOLERANCE  # it is not float32 by another name
        error = (ours - theirs)[:, 1] - (ours - theirs)[:, 0]
        assert error.mean(dim=1).abs().max() < COARSE_TOLERANCE


@needs_bfloat16
def test_bfloat16_is_built_for_small_networks_too_and_only_when_asked_for(readout, monkeypatch):
    monkeypatch.setattr(engine_module, "_WORTH_IT", 5_000_000)
    small = Readout(readout.network)
    assert engine_of(small, CPU, 64) is None
    assert engine_of(small, CPU, 64, dtype="bfloat16").dtype == "bfloat16"


@needs_bfloat16
def test_bfloat16_that_errs_on_photographs_alone_is_not_used(readout, monkeypatch):
    """Three quarters of what is promised, where the channels go together as in photographs."""

    def call(self, x):
        logits, weights = readout(x)
        grey = x.mean(dim=1).var(dim=(1, 2)) > 0.5 * x.var(dim=(1, 2, 3))
        off = grey[:, None, None] * torch.tensor([-1.0, 1.0])[:, None] * 0.375 * COARSE_TOLERANCE
        return logits, [w + off for w in weights]

    monkeypatch.setattr(Engine, "__call__", call)
    assert engine_of(Readout(readout.network), CPU, 64, dtype="bfloat16") is None
    monkeypatch.setattr(engine_module, "photograph_like", lambda _, side: noise(side))
    assert engine_of(Readout(readout.network), CPU, 64, dtype="bfloat16") is not None


@needs_bfloat16
def test_bfloat16_keeps_its_promise_for_the_bundled_model_or_is_not_used():
    """On the sample pictures, which no trial has seen."""
    model = sk_viz.load_model("sknet_tiny", "cpu")
    for sample in samples()[::4]:
        picture = read_sample(sample.id)
        coarse, exact = (
            sk_viz.sweep(model, picture, (1.0, 1.5, 2.0), dtype=dtype)
            for dtype in ("bfloat16", "float32")
        )
        if coarse.record["dtype"] == "float32":
            assert "float32 used" in coarse.record["notes"][0]
        error = coarse.differences["difference"] - exact.differences["difference"]
        assert error.abs().max() <= COARSE_TOLERANCE


@needs_bfloat16
def test_bfloat16_that_errs_by_more_is_not_used(readout, monkeypatch):
    monkeypatch.setattr(engine_module, "_COARSE_TRIAL", 1e-9)
    assert engine_of(Readout(readout.network), CPU, 64, dtype="bfloat16") is None


def test_a_cpu_without_bfloat16_has_no_engine_for_it(readout, monkeypatch):
    monkeypatch.setattr(engine_module, "cpu_has_bfloat16", lambda: False)
    assert engine_of(Readout(readout.network), CPU, 64, dtype="bfloat16") is None


def test_many_batches_are_read_at_a_time_with_the_same_numbers(readout, monkeypatch):
    """As many as there are cores, each by one of them; the last digits do not depend on that."""
    inputs = [torch.randn(1 + i % 3, 3, 64, 64) for i in range(9)]
    found = {}
    for count in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        engine = engine_of(Readout(readout.network), CPU, 64, many=True)
        assert engine.streams == count
        found[count] = read_all(engine, inputs)
    with torch.inference_mode():
        for one, three, x in zip(found[1], found[3], inputs, strict=True):
            compare(one, readout(x))
            assert torch.equal(one[0], three[0])
            assert all(torch.equal(a, b) for a, b in zip(one[1], three[1], strict=True))


def test_the_engine_of_a_sweep_reads_one_batch_at_a_time(readout, built):
    assert built.streams == 1
    assert engine_of(readout, CPU, 64, many=True) is not built
