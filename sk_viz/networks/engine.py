"""A faster reading of a network on a CPU: OpenVINO, where it is installed (``sk-viz[fast]``).

It holds the same network with the same branch weights as outputs, and is used only after it gave
what eager torch gives, and sooner; see docs/performance.md.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from sk_viz.networks.readout import Readout
from sk_viz.networks.trials import noise, photograph_like
from sk_viz.quiet import ignored_warnings

Dtype = Literal["float32", "bfloat16", "float16"]

EAGER = "eager"
TOLERANCE = 1e-5  # of a branch weight in float32; logits are compared relative to their size
COARSE_TOLERANCE = 2e-3  # of a unit's difference in bfloat16
# A picture may err by more than the trial pictures do: bfloat16 must keep well within on these.
_COARSE_TRIAL = COARSE_TOLERANCE / 2
_COARSE_PICTURES = 24

# Building takes some seconds. A network of fewer parameters has read many pictures by then, and the
# page of the bundled model must not wait for it; so many pictures make up for it.
_WORTH_IT = 5_000_000
_MANY = 2000
_TRIALS = 3

_log = logging.getLogger(__name__)
_building = threading.Lock()


@dataclass(frozen=True)
class _Built:
    """An engine that returned the right numbers, or none; and whether it beat eager torch."""

    engine: Engine | None
    faster: bool


_built: WeakKeyDictionary[Readout, dict[tuple[Dtype, bool], _Built]] = WeakKeyDictionary()


class Engine:
    """A readout compiled for this machine's CPU; any number of threads may call it.

    Args:
        readout: in evaluation mode, on the CPU. Later changes of its weights are not seen.
        side: input size to look at it with, pixels; others may be read.
        dtype: of its arithmetic, float32 or bfloat16; inputs and outputs are float32 always.
        many: for many batches: each is read by one core, as many at a time as there are cores,
            so that none waits for another. Else all cores read one batch.

    Attributes:
        name: what it is, for the record.
        dtype: as given.
        streams: how many batches it reads at a time, when so many threads call it.
    """

    def __init__(
        self, readout: Readout, side: int, dtype: Dtype = "float32", *, many: bool = False
    ) -> None:
        import openvino

        self.name = f"openvino {openvino.__version__.split('-')[0]}"
        self.dtype = dtype
        self.streams = torch.get_num_threads() if many else 1
        example = torch.zeros(2, 3, side, side)
        with torch.inference_mode(False), torch.no_grad(), ignored_warnings():
            # The tracer warns about what it is told to do.
            trace: Any = torch.jit.trace
            traced = trace(_Flat(readout).eval(), example, check_trace=False)
            frozen = torch.jit.freeze(traced)
            model = openvino.convert_model(frozen, example_input=example)
            model.reshape([-1, 3, -1, -1])
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT" if many else "LATENCY",
            "NUM_STREAMS": self.streams,
            "INFERENCE_PRECISION_HINT": "f32" if dtype == "float32" else "bf16",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        compiled: Any = openvino.Core().compile_model(model, "CPU", settings)
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.streams):
            self._free.put(compiled.create_infer_request())

    def __call__(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (N, K), and the branch weights (N, M, C) of each unit, of pictures (N, 3, H, W).

        Without gradients; not for training.
        """
        request = self._free.get()
        try:
            found = request.infer(x.numpy())
            logits, *weights = (torch.from_numpy(value.copy()) for value in found.values())
        finally:
            self._free.put(request)
        return logits, weights


def engine_of(
    readout: nn.Module,
    device: torch.device,
    side: int,
    *,
    pictures: float = 1,
    dtype: Dtype = "float32",
    many: bool = False,
) -> Engine | None:
    """The engine of a readout, built when it is first asked for; None where eager torch reads.

    That is on other devices than the CPU, for few pictures through a small network, without
    OpenVINO, and wherever it cannot take the network, does not return the same numbers, or was
    slower when both were timed.

    Args:
        readout: in evaluation mode.
        device: where it is.
        side: of the pictures, pixels.
        pictures: about how many it will read; infinitely many for the engine however fast it is,
            where another reading must be resumed.
        dtype: float32; or bfloat16, where a small network is built for any number of pictures,
            and which is None where the processor has no such arithmetic.
        many: whether it reads many batches at a time, as in :class:`Engine`.
    """
    if device.type != "cpu" or not isinstance(readout, Readout) or find_spec("openvino") is None:
        return None
    small = readout.size < _WORTH_IT
    if dtype == "float32" and small and pictures < _MANY:
        return None
    kind = dtype, many
    with _building:
        known = _built.setdefault(readout, {})
        if kind not in known:
            known[kind] = _checked(readout, side, *kind)
        found = known[kind]
    return found.engine if found.faster or pictures == math.inf else None


def read_all(engine: Engine, batches: Sequence[Tensor]) -> list[tuple[Tensor, list[Tensor]]]:
    """What an engine returns for some batches, in order, each of its streams with one of them."""
    with ThreadPoolExecutor(engine.streams) as pool:
        return list(pool.map(engine, batches))


def cpu_has_bfloat16() -> bool:
    """Whether OpenVINO is there and computes in bfloat16 on this processor."""
    if find_spec("openvino") is None:
        return False
    import openvino

    core: Any = openvino.Core()
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _checked(readout: Readout, side: int, dtype: Dtype, many: bool) -> _Built:
    nothing = _Built(None, False)
    if dtype == "float16" or (dtype == "bfloat16" and not cpu_has_bfloat16()):
        return nothing
    try:
        engine = Engine(readout, side, dtype, many=many)
        probe = noise(side)
        trials = [probe]
        if dtype == "bfloat16":
            drawn = photograph_like(_COARSE_PICTURES, side)
            trials += [drawn[n : n + len(probe)] for n in range(0, len(drawn), len(probe))]
        with torch.inference_mode():
            same = all(_same(readout, engine(x), readout(x), dtype) for x in trials)
            faster = same and _fastest(lambda: read_all(engine, [probe] * engine.streams)) < (
                _fastest(lambda: [readout(probe) for _ in range(engine.streams)])
            )
    except Exception as error:  # whatever a foreign compiler raises, eager torch still reads
        _log.info("read in eager torch: %s", error)
        return nothing
    if not same:
        _log.info("read in eager torch: OpenVINO returned other numbers in %s", dtype)
        return nothing
    if not faster:
        _log.info("read in eager torch: OpenVINO was no faster in %s", dtype)
    return _Built(engine, faster)


def _fastest(run: Callable[[], object]) -> float:
    """Seconds of the quickest of some runs; the slower ones met other work."""
    seconds = []
    for _ in range(_TRIALS):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _same(
    readout: Readout,
    found: tuple[Tensor, list[Tensor]],
    expected: tuple[Tensor, list[Tensor]],
    dtype: Dtype,
) -> bool:
    pairs = list(zip(readout.units, found[1], expected[1], strict=True))
    if dtype == "float32":
        logits = torch.allclose(found[0], expected[0], rtol=1e-4, atol=1e-4)
        return logits and all(bool((a - b).abs().max() <= TOLERANCE) for _, a, b in pairs)
    errors = [
        ((a - b)[:, unit.largest] - (a - b)[:, unit.smallest]).mean(dim=1).abs().max()
        for unit, a, b in pairs
    ]
    return all(bool(error <= _COARSE_TRIAL) for error in errors)


class _Flat(nn.Module):
    """A readout whose outputs stand in one flat tuple, as a tracer needs them."""

    def __init__(self, readout: Readout) -> None:
        super().__init__()
        self.readout = readout

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        logits, weights = self.readout(x)
        return (logits, *weights)
