from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from sk_viz.networks import engine as engine_module
from sk_viz.networks.engine import TOLERANCE, Engine, engine_of
from sk_viz.networks.readout import Readout
from sk_viz.networks.sknet import SKNet, SKNetConfig

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def _any_network_is_worth_it():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "_WORTH_IT", 0)
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
    monkeypatch.undo()
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
