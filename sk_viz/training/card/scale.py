"""The part of the card on the paper's question: does a larger object draw a larger kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sk_viz.training.card.markdown import table
from sk_viz.training.judging.judge import BEYOND, DETAIL


def question(found: Mapping[str, Any]) -> str:
    """The paper's finding, held against what was measured."""
    by = {(e["condition"], e["unit"]): e for e in found["scale"]}
    units = [u["unit"] for u in found["units"]]
    last = units[-1].split("_")[1]
    early = [unit for unit in units if unit.split("_")[1] != last]
    rising, falling = ([u for u in early if _moves(by["zoom 2.0", u], way)] for way in (1, -1))
    still = [u for u in rising if _moves(by[BEYOND, u], 1)]
    stronger = [u for u in units if abs(by["blur 2.0", u]["d"]) > abs(by["zoom 2.0", u]["d"])]
    n = by["zoom 2.0", units[0]]["n"]
    return (
        "The paper (section 4.4) finds that the early and middle units lean more to the large "
        "kernel when the object is enlarged. For this model, with inputs of "
        f"{found['asked_at']} px, over {n} pictures that bring real detail to them when they are "
        f"zoomed to 2.0: of {len(early)} units before the last stage, {_listed(rising)} rise and "
        f"{_listed(falling)} fall, after Holm's correction over all tests of the table. Of those "
        f"that rise, {_listed(still)} rise beyond what the blur alone does to the same pictures, "
        f"their size unchanged. Blur alone moves {_listed(stronger)} of {len(units)} units more, "
        "by d, than the zoom does. One network "
        "and one seed: a finding about this model, not about SKNets."
    )


def _moves(entry: Mapping[str, Any], way: int) -> bool:
    """Whether a unit moves that way, beyond chance."""
    return bool(entry["d"] * way > 0 and entry["p_holm"] < 0.05)


def _listed(units: Sequence[str]) -> str:
    return f"{len(units)} ({', '.join(units)})" if units else "none"


def effects(found: Mapping[str, Any]) -> str:
    """The table of effects, one row a unit."""
    conditions = list(dict.fromkeys(e["condition"] for e in found["scale"]))
    units = list(dict.fromkeys(e["unit"] for e in found["scale"]))
    by = {(e["condition"], e["unit"]): e for e in found["scale"]}
    rows = [
        (unit, *(_effect(by[condition, unit]) for condition in conditions), _by_blur(by, unit))
        for unit in units
    ]
    return (
        "Change of the difference against 1.0x; paired Cohen's d with its 95 % bootstrap interval; "
        "share of pictures that rise. The last columns tell how much of the zoom to 2.0 blur "
        "explains: what the zoom does beyond the blur of 2.0 on the same picture, and the mean "
        "change by blur as a part of that by zoom (against: blur moves the other way).\n\n"
        + table(("unit", *conditions, "blur's part"), rows)
    )


def _by_blur(by: Mapping[tuple[str, str], Mapping[str, Any]], unit: str) -> str:
    zoom, blur = (by[f"{kind} 2.0", unit]["change"] for kind in ("zoom", "blur"))
    return "against" if zoom * blur <= 0 else f"{blur / zoom:.0%}"


def _effect(entry: Mapping[str, Any]) -> str:
    low, high = entry["d_interval"]
    return (
        f"{entry['change']:+.3f}; d {entry['d']:+.2f} [{low:+.2f}, {high:+.2f}]; "
        f"{entry['rising']:.0%}"
    )


def by_input(found: Mapping[str, Any]) -> list[str]:
    """The question asked again of the same network with other inputs; nothing without any."""
    again = found["scale_by_input"]
    if not again:
        return []
    conditions = ("zoom 2.0", BEYOND)
    entries = {int(found["asked_at"]): found["scale"]} | {
        int(side): effects for side, effects in again.items()
    }
    by = {(side, e["condition"], e["unit"]): e for side, rows in entries.items() for e in rows}
    sides = sorted(entries)
    units = list(dict.fromkeys(e["unit"] for e in found["scale"]))
    signs = [[by[side, "zoom 2.0", unit]["d"] > 0 for side in sides] for unit in units]
    turned = [unit for unit, ways in zip(units, signs, strict=True) if len(set(ways)) > 1]
    heads = [f"{condition}, {side} px" for condition in conditions for side in sides]
    rows = [
        (unit, *(_short(by[side, condition, unit]) for condition in conditions for side in sides))
        for unit in units
    ]
    return [
        "### Is it the input size",
        f"The same network and pictures with other inputs; up to {DETAIL} px the zoom brings "
        "detail of its own, beyond it enlarges a little. d with its 95 % bootstrap interval. Of "
        f"{len(units)} units, the zoom moves {_listed(turned)} one way at one input size and the "
        "other way at another.",
        table(("unit", *heads), rows),
    ]


def _short(entry: Mapping[str, Any]) -> str:
    low, high = entry["d_interval"]
    return f"{entry['d']:+.2f} [{low:+.2f}, {high:+.2f}]"
