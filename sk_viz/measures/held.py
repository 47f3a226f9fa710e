"""From words to branch weights: what an intervention puts in place of a unit's own choice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.sweep.result import Sweep

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit

KINDS = ("smallest", "largest", "equal")

# What an intervention may be given as, see :func:`held_weights`.
Choice = str | npt.ArrayLike | pd.DataFrame | tuple[Sweep, float]

# What decides the weights that a unit chose, of the record of the sweep that they are from.
_SEEN = (
    "picture", "picture_sha256", "protocol", "point", "background", "base_size", "filter",
    "input_size", "preprocessing", "model", "model_sha256", "dtype", "held",
)  # fmt: skip

# Half precision rounds weights that sum to 1 by less than this.
_TOLERANCE = 2e-3


def held_weights(units: tuple[Unit, ...], weights: Mapping[str, Choice]) -> dict[str, Tensor]:
    """The branch weights to hold, float32 (1, M, C) by unit name.

    Args:
        units: all units of the model.
        weights: what to hold where. A key is a unit (``SK_3_4``), a stage (``SK_3`` or
            ``stage 3``), or ``all``; the narrower key wins. A value is

            - ``"smallest"`` or ``"largest"``: that kernel alone; ``"equal"``: 1 / M each;
            - an array (M,), (M, C) or (1, M, C) of weights in [0, 1] that sum to 1 over the
              M branches, such as a row of ``Sweep.unit_weights``;
            - the rows of ``Sweep.weights`` at one scale, or ``(sweep, scale)``: what each unit
              chose there, for this picture or another one.

    Raises:
        ModelError: unknown keys or kinds, weights of a wrong shape or that are no weights.
        ScaleError: a sweep without that scale, or rows of several scales.
    """
    if not weights:
        raise ModelError("Nothing to hold: name a unit, such as SK_3_4=largest.")
    # Wider keys first, so that the narrower ones write over them.
    places = sorted(((_named(key, units), value) for key, value in weights.items()), key=_width)
    return {unit.name: _weights(unit, value) for found, value in places for unit in found}


def describe(choice: Choice) -> str | dict[str, Any] | list[Any]:
    """A choice as plain values for a record, from which it can be made again."""
    if isinstance(choice, str):
        return choice
    if _is_sweep_at(choice):
        source, scale = choice[0].record, float(choice[1])
        return {"scale": scale, **{name: source[name] for name in _SEEN if name in source}}
    if isinstance(choice, pd.DataFrame):
        columns = ["unit", "branch", "channel", "weight"]
        table = choice[columns].astype({"unit": str})
        return {"weights": table.to_numpy().tolist(), "columns": columns}
    plain: list[Any] = np.asarray(choice).tolist()
    return plain


def fixed(unit: Unit, kind: str) -> Tensor:
    """One of ``KINDS`` as weights (M, C).

    Raises:
        ModelError: another word.
    """
    kernels = unit.kernels
    if kind == "equal":
        shares = torch.full((len(kernels),), 1 / len(kernels))
    elif kind in ("smallest", "largest"):
        chosen = min(kernels) if kind == "smallest" else max(kernels)
        shares = torch.zeros(len(kernels))
        shares[kernels.index(chosen)] = 1.0
    else:
        raise ModelError(f"There is no choice {kind!r}: take one of {', '.join(KINDS)}.")
    return shares[:, None].expand(-1, unit.channels)


def _named(key: str, units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """The units that a key means."""
    if key == "all":
        return units
    stage = re.fullmatch(r"(?:SK_|stage )(\d+)", key)
    found = tuple(u for u in units if u.name == key or (stage and u.stage == int(stage[1])))
    if not found:
        names = ", ".join(unit.name for unit in units)
        raise ModelError(
            f"There is no unit or stage {key!r}: choose all, a stage like SK_3, or one of {names}."
        )
    return found


def _width(place: tuple[tuple[Unit, ...], Choice]) -> int:
    return -len(place[0])


def _weights(unit: Unit, choice: Choice) -> Tensor:
    if isinstance(choice, str):
        return fixed(unit, choice)[None]
    if _is_sweep_at(choice):
        source, scale = choice
        distances = np.abs(np.asarray(source.scales) - scale)
        if distances.min() > 1e-9:
            shown = ", ".join(f"{s:g}" for s in source.scales)
            raise ScaleError(f"The sweep has no scale {scale:g}: choose one of {shown}.")
        return _checked(unit, source.unit_weights(unit.name)[int(distances.argmin())])
    if isinstance(choice, pd.DataFrame):
        return _checked(unit, _from_table(unit, choice))
    return _checked(unit, choice)


def _is_sweep_at(choice: Choice) -> TypeGuard[tuple[Sweep, float]]:
    return isinstance(choice, tuple) and len(choice) == 2 and isinstance(choice[0], Sweep)


def _from_table(unit: Unit, table: pd.DataFrame) -> npt.NDArray[np.float32]:
    missing = {"unit", "branch", "channel", "weight"} - set(table.columns)
    if missing:
        raise ModelError(f"The table of weights has no column {', '.join(sorted(missing))}.")
    if "scale" in table and table["scale"].nunique() > 1:
        raise ScaleError("The table has weights of several scales: keep the rows of one.")
    rows = table[table["unit"] == unit.name].sort_values(["branch", "channel"])
    if len(rows) != len(unit.kernels) * unit.channels:
        raise ModelError(
            f"The table has {len(rows)} weights of {unit.name}, which has "
            f"{len(unit.kernels)} branches of {unit.channels} channels."
        )
    return rows["weight"].to_numpy(np.float32).reshape(len(unit.kernels), unit.channels)


def _checked(unit: Unit, values: Any) -> Tensor:
    try:
        array = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        raise ModelError(f"The weights for {unit.name} are no array of numbers.") from None
    count = len(unit.kernels)
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.shape == (count,):
        array = np.repeat(array[:, None], unit.channels, axis=1)
    if array.shape != (count, unit.channels):
        raise ModelError(
            f"The weights for {unit.name} must have the shape ({count},) or "
            f"({count}, {unit.channels}), not {np.shape(values)}."
        )
    # NaN fails both.
    inside = bool(((array >= -_TOLERANCE) & (array <= 1 + _TOLERANCE)).all())
    if not inside or not bool((np.abs(array.sum(axis=0) - 1) <= _TOLERANCE).all()):
        raise ModelError(
            f"The weights for {unit.name} must lie in [0, 1] and sum to 1 over its branches."
        )
    return torch.from_numpy(array.copy())[None]
