"""Coverage-guided fuzzing of what reads foreign bytes and text: seconds here, minutes by --long."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).with_name("fuzzers.py")
SHORT, LONG = 2, 75  # seconds a target: the long form of all takes about ten minutes
SLOWEST = 2  # seconds that one input may take


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "target", ["picture", "scales", "address", "config", "checkpoint", "weights"]
)
def test_no_input_breaks_a_promise(
    target: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("atheris", reason="atheris is not made for this system")
    seconds = LONG if request.config.getoption("--long", False) else SHORT
    done = subprocess.run(
        # By a shell, as the peak of memory of whoever starts a program counts as the program's.
        [
            *("sh", "-c", '"$@"; exit $?', "sh", sys.executable, str(SCRIPT), target),
            *("-seed=1", f"-max_total_time={seconds}"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    lines = done.stderr.splitlines()
    told = [line for line in lines if not line.startswith(("#", "INFO"))]
    assert done.returncode == 0, "\n".join(told[-40:])
    print(next(line for line in lines if line.startswith("Done")))
    stats = dict(re.findall(r"^stat::(\w+): +(\d+)$", done.stderr, re.MULTILINE))
    assert int(stats["slowest_unit_time_sec"]) <= SLOWEST
    assert not list(tmp_path.glob("crash-*"))
