"""Frozen dataclasses to the page's address and back.

A field takes part when it was made with :func:`in_address`; what equals its default is left out,
so that links stay short.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
MAX_LENGTH = 200


def in_address(
    default: Any, name: str, read: Callable[[str], Any], write: Callable[[Any], str] = str
) -> Any:
    """A dataclass field that the address carries.

    Args:
        default: its value when the address is silent.
        name: of the address's parameter.
        read: text to value; a ValueError whose message is one sentence refuses it.
        write: value to text.
    """
    return dataclasses.field(default=default, metadata={"name": name, "read": read, "write": write})


def from_address(cls: type[T], parameters: Mapping[str, str]) -> tuple[T, list[str]]:
    """Read an instance of ``cls``; what cannot be read keeps its default.

    Returns:
        The instance, and one sentence for each parameter that was refused.
    """
    values: dict[str, Any] = {}
    refused: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        text = parameters.get(field.metadata.get("name", ""))
        if text is None:
            continue
        try:
            if len(text) > MAX_LENGTH:
                raise ValueError("it is too long")
            values[field.name] = field.metadata["read"](text)
        except ValueError as error:
            name = field.metadata["name"]
            refused.append(f"This link's {name} was ignored: {str(error).rstrip('.')}.")
    return cls(**values), refused


def to_address(settings: Any) -> dict[str, str]:
    """What of ``settings`` differs from its default, as the address's parameters."""
    return {
        field.metadata["name"]: field.metadata["write"](getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if field.metadata and getattr(settings, field.name) != field.default
    }


def one_of(*allowed: str) -> Callable[[str], str]:
    """A reader that takes these words alone."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"choose one of {', '.join(allowed)}")
        return text

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """A reader of finite numbers in [low, high]."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"give a number from {low:g} to {high:g}")
        return value

    return read


def numbers(low: float, high: float, most: int) -> Callable[[str], tuple[float, ...]]:
    """A reader of up to ``most`` numbers with commas, none for an empty text."""
    one = number(low, high)

    def read(text: str) -> tuple[float, ...]:
        parts = [part for part in text.split(",") if part.strip()]
        if len(parts) > most:
            raise ValueError(f"give at most {most} numbers")
        return tuple(one(part) for part in parts)

    return read


def word(text: str) -> str:
    """A reader of short names: letters, digits and . _ - alone, so never a path."""
    if not text or text.startswith(".") or not all(c.isalnum() or c in "._-" for c in text):
        raise ValueError("give a name of letters, digits, dots, - and _")
    return text


def switch(text: str) -> bool:
    """A reader of 1 and 0."""
    return one_of("0", "1")(text) == "1"


def write_switch(value: bool) -> str:
    """True as 1, False as 0."""
    return str(int(value))


def write_number(value: float) -> str:
    """As short as it reads back equal to nine digits."""
    return f"{value:.9g}"


def write_numbers(values: tuple[float, ...]) -> str:
    """With commas."""
    return ",".join(write_number(value) for value in values)
