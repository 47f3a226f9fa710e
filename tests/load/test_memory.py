"""Sessions come with pictures and leave: what they held is given back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from visitors import Server, Visitor, serving
from wishes import drawn

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
AT_ONCE = 6
SIZE = {True: (2400, 1800), False: (4800, 3600)}  # by the form: 13 and 52 MB decoded


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory, long: bool) -> Server:
    """A server that nobody has visited."""
    with serving(tmp_path_factory.mktemp("memory"), keeps=120 if long else 1) as started:
        yield started


def test_sessions_that_left_are_let_go_with_their_pictures(fresh: Server, long: bool) -> None:
    few, many = (20, 500) if long else (3, 8)
    _come_and_go(fresh, range(few), SIZE[long])
    before = fresh.resident()
    _come_and_go(fresh, range(few, many), SIZE[long])
    after = fresh.resident()
    print(
        f"\nAfter {few} sessions {before / 2**20:.0f} MiB, after {many} {after / 2**20:.0f} MiB "
        f"({after / before - 1:+.1%})"
    )
    words = [line.split("session=")[1].split()[0] for line in fresh.events("left")]
    assert len(set(words)) == len(words) == len(fresh.events("session"))
    held = (many - few) * SIZE[long][0] * SIZE[long][1] * 3
    assert after - before < (0.1 * before if long else held / 2)


def _come_and_go(server: Server, numbers: range, size: tuple[int, int]) -> None:
    def visit(number: int) -> None:
        parameters = {"picture": "upload", "scales": "1,1.5,2", "method": "saliency"}
        with Visitor(server, parameters) as visitor:
            visitor.upload(f"{number}.jpg", drawn(number, *size, "JPEG"))
            assert f"{size[0]} × {size[1]}" in visitor.text()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(visit, numbers))
    # A session is kept for a while, as its connection may only have broken; who comes or leaves
    # afterwards shows it out.
    time.sleep(server.keeps + 1)
    with Visitor(server, {"scales": "1,1.5,2", "method": "none"}) as visitor:
        visitor.run()
    time.sleep(4)  # the server gives back a while after somebody left
