"""All figures of this machine in one run."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import sk_viz
from sk_viz.benchmarks.bounds import Bound, bounds
from sk_viz.benchmarks.gradients import attribution_cases, field_cases
from sk_viz.benchmarks.peers import (
    hooked_field_cases,
    many_forward_cases,
    one_gradient_cases,
)
from sk_viz.benchmarks.surveys import survey_cases
from sk_viz.benchmarks.sweeps import gemm_flops, sweep_cases
from sk_viz.benchmarks.timing import Case, Ratio, Spread, interleave, ratio_of
from sk_viz.pictures import parse_scales, read_sample
from sk_viz.zoo.catalogue import count_macs
from sk_viz.zoo.load import load_model
from sk_viz.zoo.model import Model

ROUNDS = 5
SCALES = parse_scales("1:2:11")


@dataclass(frozen=True)
class Group:
    """Cases that are timed against each other.

    Attributes:
        name: as in the tables.
        cases: what is timed.
        ratios: of their times.
        flops: floating-point operations of a bare forward, where the machine's ceiling is
            measured beside it; None elsewhere.
    """

    name: str
    cases: list[Case]
    ratios: list[Ratio]
    flops: float | None = None


def run_benchmarks(
    device: str = "auto",
    rounds: int = ROUNDS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Time everything.

    Args:
        device: of ``sk_viz.load_model``.
        rounds: how often each case is timed.
        progress: called with (done, total) after each run of a case.

    Returns:
        Plain values, as docs/performance.md lists them: ``record``; ``groups``, each with
        ``cases`` (median, low and high seconds of the rounds), ``ratios`` (median, low and high
        of the rounds' ratios) and, of the sweeps, ``ceilings``; ``bounds``, what is held to a
        number.
    """
    picture = read_sample("coffee")
    tiny, large = load_model("sknet_tiny", device), load_model("sknet50", device)
    timm_like = _timm_like(large)
    with tempfile.TemporaryDirectory(prefix="sk-viz-bench-") as folder:
        groups = [
            _sweeps(tiny, tiny.network),
            _sweeps(large, timm_like),
            Group("attribution, sknet_tiny", *attribution_cases(tiny, picture)),
            Group("effective field, sknet50", *field_cases(large, picture)),
            Group("one gradient, beside peers", *one_gradient_cases(timm_like, picture)),
            Group("many forwards, beside captum", *many_forward_cases(tiny, picture)),
            Group("fields, beside a hook", *hooked_field_cases(timm_like, picture)),
            Group("survey, sknet_tiny", *survey_cases(tiny, picture, Path(folder))),
        ]
        held = bounds(large, picture, SCALES, Path(folder))
        total = (rounds + 1) * sum(len(group.cases) for group in groups) + len(held)
        done = iter(range(1, total + 1))

        def tell() -> None:
            progress(next(done), total)

        timed = [_timed(group, rounds, tell) for group in groups]
        found = [_measured(bound, tell) for bound in held]
    return {"record": _record(tiny.device, rounds), "groups": timed, "bounds": found}


def _measured(bound: Bound, told: Callable[[], None]) -> dict[str, Any]:
    value = bound.measure()
    told()
    return {
        "name": bound.name,
        "what": bound.what,
        "value": value,
        "unit": bound.unit,
        "at_most": bound.at_most,
    }


def _sweeps(model: Model, by_hand: torch.nn.Module) -> Group:
    cases, ratios = sweep_cases(model, by_hand, read_sample("coffee"), SCALES)
    macs = count_macs(model.network, model.preprocessing.input_size)
    return Group(f"sweep, {model.id}", cases, ratios, 2.0 * macs * len(SCALES))


def _timm_like(model: Model) -> torch.nn.Module:
    """timm's own SKNet-50, which one would hook."""
    import timm

    network: torch.nn.Module = timm.create_model("skresnext50_32x4d", pretrained=False)
    return network.eval().to(model.device)


def _timed(group: Group, rounds: int, told: Callable[[], None]) -> dict[str, Any]:
    seconds = interleave(group.cases, rounds, told=told)
    result: dict[str, Any] = {
        "name": group.name,
        "cases": [
            {"name": c.name, "what": c.what, "seconds": asdict(Spread.of(seconds[c.name]))}
            for c in group.cases
        ],
        "ratios": [asdict(r) | asdict(ratio_of(r, seconds)) for r in group.ratios],
    }
    if group.flops is not None:
        result["ceilings"] = [
            _ceiling(dtype, group.flops, seconds[f"bare{tail}"], seconds[f"gemm{tail}"])
            for dtype, tail in (("float32", ""), ("bfloat16", " bfloat16"))
            if f"bare{tail}" in seconds
        ]
    return result


def _ceiling(
    dtype: str, flops: float, bare: Sequence[float], gemm: Sequence[float]
) -> dict[str, Any]:
    """What a bare forward reaches of the rate of a matrix product."""
    reached, most = [flops / s for s in bare], [gemm_flops() / s for s in gemm]
    return {
        "dtype": dtype,
        "gemm_gflops": Spread.of(most).median / 1e9,
        "bare_gflops": Spread.of(reached).median / 1e9,
        "share": Spread.of([a / b for a, b in zip(reached, most, strict=True)]).median,
    }


def _record(device: torch.device, rounds: int) -> dict[str, Any]:
    return {
        "sk_viz": sk_viz.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(device),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "dtype": "float32",
        "rounds": rounds,
        "scales": list(SCALES),
    }


def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return next(_named(Path("/proc/cpuinfo")), platform.processor() or "unknown")


def _named(file: Path) -> Iterator[str]:
    """The processor's name, where the system keeps it in a file."""
    if file.is_file():
        for line in file.read_text().splitlines():
            if line.startswith("model name"):
                yield line.partition(":")[2].strip()
