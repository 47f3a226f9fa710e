"""A faster reading of a network on a CPU: OpenVINO, where it is installed (``sk-viz[fast]``).

Chosen by measurement, see docs/performance.md. It holds the same network with the same branch
weights as outputs, and is used only after it gave what eager torch gives.
"""

from __future__ import annotations

import logging
import threading
import warnings
from importlib.util import find_spec
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from sk_viz.networks.readout import Readout

EAGER = "eager"
TOLERANCE = 1e-5  # of a branch weight; logits are compared relative to their size

# Building takes some seconds. A network of fewer parameters has read many pictures by then, and the
# page of the bundled model must not wait for it; so many pictures make up for it.
_WORTH_IT = 5_000_000
_MANY = 2000

_log = logging.getLogger(__name__)
_built: WeakKeyDictionary[Readout, Engine | None] = WeakKeyDictionary()
_building = threading.Lock()


class Engine:
    """A readout compiled for this machine's CPU; any number of threads may call it.

    Args:
        readout: in evaluation mode, on the CPU. Later changes of its weights are not seen.
        side: input size to look at it with, pixels; others may be read.

    Attributes:
        name: what it is, for the record.
    """

    def __init__(self, readout: Readout, side: int) -> None:
        import openvino

        self.name = f"openvino {openvino.__version__.split('-')[0]}"
        example = torch.zeros(2, 3, side, side)
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer, about what it is told to do
            trace: Any = torch.jit.trace
            traced = trace(_Flat(readout).eval(), example, check_trace=False)
            frozen = torch.jit.freeze(traced)
            model = openvino.convert_model(frozen, example_input=example)
            model.reshape([-1, 3, -1, -1])
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        compiled: Any = openvino.Core().compile_model(model, "CPU", settings)
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    def __call__(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (N, K), and the branch weights (N, M, C) of each unit, of pictures (N, 3, H, W).

        Without gradients; not for training.
        """
        with self._lock:  # one forward takes all cores
            found = self._request.infer(x.numpy())
            logits, *weights = (torch.from_numpy(value.copy()) for value in found.values())
        return logits, weights


def engine_of(
    readout: nn.Module, device: torch.device, side: int, *, pictures: float = 1
) -> Engine | None:
    """The engine of a readout, built when it is first asked for; None where eager torch reads.

    That is on other devices than the CPU, for few pictures through a small network, without
    OpenVINO, and wherever it cannot take the network or does not return the same numbers.

    Args:
        readout: in evaluation mode.
        device: where it is.
        side: of the pictures, pixels.
        pictures: about how many it will read.
    """
    if device.type != "cpu" or not isinstance(readout, Readout) or find_spec("openvino") is None:
        return None
    if sum(p.numel() for p in readout.parameters()) < _WORTH_IT and pictures < _MANY:
        return None
    with _building:
        if readout not in _built:
            _built[readout] = _checked(readout, side)
        return _built[readout]


def _checked(readout: Readout, side: int) -> Engine | None:
    try:
        engine = Engine(readout, side)
        probe = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            same = _same(engine(probe), readout(probe))
    except Exception as error:  # whatever a foreign compiler raises, eager torch still reads
        _log.info("read in eager torch: %s", error)
        return None
    if not same:
        _log.info("read in eager torch: OpenVINO returned other numbers")
    return engine if same else None


def _same(found: tuple[Tensor, list[Tensor]], expected: tuple[Tensor, list[Tensor]]) -> bool:
    logits = torch.allclose(found[0], expected[0], rtol=1e-4, atol=1e-4)
    pairs = zip(found[1], expected[1], strict=True)
    return logits and all(bool((a - b).abs().max() <= TOLERANCE) for a, b in pairs)


class _Flat(nn.Module):
    """A readout whose outputs stand in one flat tuple, as a tracer needs them."""

    def __init__(self, readout: Readout) -> None:
        super().__init__()
        self.readout = readout

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        logits, weights = self.readout(x)
        return (logits, *weights)
