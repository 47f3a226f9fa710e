"""``bench``: what this machine does in what time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from sk_viz.cli.options import DeviceOption, JsonOption, console, print_json, progress_bar


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("bench")(bench)


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="How often each case is timed.")] = 5,
    device: DeviceOption = "auto",
    out: Annotated[Path | None, typer.Option(help="A figure: FILE.pdf, .svg or .png")] = None,
    as_json: JsonOption = False,
) -> None:
    """This machine's figures, with the bare forward beside them in the same run.

    Takes about six minutes on two cores; other work on the machine widens the ranges.
    """
    from sk_viz.benchmarks.run import run_benchmarks
    from sk_viz.figures.paper.bench import kind_of, save_bench

    if out is not None:
        kind_of(out)
    with progress_bar("timing") as progress:
        found = run_benchmarks(device, rounds, progress)
    if out is not None:
        save_bench(found, out)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    record = found["record"]
    terminal = console()
    terminal.print(
        f"{record['processor']}, {record['threads']} threads, {record['device']}, "
        f"torch {record['torch']}, {record['dtype']}; median [lowest, highest] of "
        f"{record['rounds']} rounds",
        markup=False,  # brackets are ranges here
    )
    for group in found["groups"]:
        cases = Table("case", "what", "milliseconds", title=group["name"], title_justify="left")
        for case in group["cases"]:
            cases.add_row(case["name"], case["what"], Text(_spread(case["seconds"], 1e3, 1)))
        terminal.print(cases)
        for ratio in group["ratios"]:
            aim = f" (aim: {ratio['aim']})" if ratio["aim"] else ""
            terminal.print(f"  {ratio['name']}: {_spread(ratio, 1, 2)}{aim}", markup=False)
        for ceiling in group.get("ceilings", ()):
            terminal.print(
                f"  bare forward, {ceiling['dtype']}: {ceiling['bare_gflops']:.0f} GFLOP/s, "
                f"{ceiling['share']:.0%} of the {ceiling['gemm_gflops']:.0f} of a matrix product"
            )
    held = Table("figure", "what", "value", "at most", title="single figures", title_justify="left")
    for bound in found["bounds"]:
        numbers = (bound["value"], bound["at_most"])
        texts = ("-" if n is None else f"{n:.3g} {bound['unit']}" for n in numbers)
        held.add_row(bound["name"], bound["what"], *texts)
    terminal.print(held)


def _spread(spread: dict[str, float], unit: float, digits: int) -> str:
    median, low, high = (f"{spread[n] * unit:.{digits}f}" for n in ("median", "low", "high"))
    return f"{median} [{low}, {high}]"
