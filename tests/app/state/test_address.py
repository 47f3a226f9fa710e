from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from sk_viz.app.state.address import (
    from_address,
    in_address,
    number,
    numbers,
    one_of,
    switch,
    to_address,
    word,
    write_number,
    write_numbers,
    write_switch,
)


@dataclass(frozen=True)
class Choice:
    kind: str = in_address("a", "kind", one_of("a", "b"))
    name: str = in_address("", "name", word)
    size: float = in_address(1.0, "size", number(0, 8), write_number)
    point: tuple[float, ...] = in_address((0.5, 0.5), "at", numbers(0, 1, 2), write_numbers)
    shown: bool = in_address(True, "shown", switch, write_switch)
    unseen: int = 0


words = some.text("abcxyz019_-", min_size=1, max_size=20)
shares = some.floats(0, 1).map(lambda x: float(f"{x:.9g}"))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    some.builds(
        Choice,
        kind=some.sampled_from("ab"),
        name=words,
        size=some.floats(0, 8).map(lambda x: float(f"{x:.9g}")),
        point=some.tuples(shares, shares),
        shown=some.booleans(),
    )
)
def test_what_is_written_reads_back_equal(choice: Choice) -> None:
    assert from_address(Choice, to_address(choice)) == (choice, [])


def test_defaults_are_left_out_and_fields_without_a_name_never_stand_there() -> None:
    assert to_address(Choice(unseen=4)) == {}
    assert to_address(Choice(size=2.5, shown=False)) == {"size": "2.5", "shown": "0"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kind", "c"),
        ("name", "../../etc/passwd"),
        ("name", "/etc/passwd"),
        ("name", ".hidden"),
        ("name", ""),
        ("name", "a" * 500),
        ("size", "nan"),
        ("size", "inf"),
        ("size", "-1"),
        ("size", "one"),
        ("at", "0.1,0.2,0.3"),
        ("at", "0.1,x"),
        ("shown", "yes"),
    ],
)
def test_what_cannot_be_read_keeps_its_default_and_is_told(name: str, text: str) -> None:
    choice, refused = from_address(Choice, {name: text, "unknown": "1"})
    assert choice == Choice()
    assert len(refused) == 1
    assert refused[0].startswith(f"This link's {name} was ignored: ")


@given(some.dictionaries(some.sampled_from(["kind", "name", "size", "at", "shown"]), some.text()))
def test_no_address_is_an_error(parameters: dict[str, str]) -> None:
    choice, refused = from_address(Choice, parameters)
    assert len(refused) <= len(parameters)
    assert isinstance(choice, Choice)
