"""Ctrl-C at any moment: one line or none, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")

# Says when the interpreter has come to the package's own first line, which nothing goes before.
BEGIN = """
import sys
from sk_viz.__main__ import main
sys.argv[1:] = {words!r}
print("begun", flush=True)
main()
"""


def interrupted_after(seconds: float, words: list[str]) -> tuple[int, str]:
    command = [sys.executable, "-c", BEGIN.format(words=words)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.parametrize("seconds", [0.02, 0.2, 1.0, 3.0])
def test_an_interrupt_at_any_moment_is_quiet(seconds: float, tmp_path) -> None:
    sweep = ["sweep", "panda", "--model", "sknet50", "--scales", "1:2:60", "--device", "cpu"]
    code, said = interrupted_after(seconds, sweep)
    assert "Traceback" not in said
    assert code in (130, -signal.SIGINT, 0, 2)
    assert len(said.splitlines()) <= 1


def test_it_stays_ignored_where_a_shell_has_it_ignored() -> None:
    """As for a command that was started with nohup and sent to the background."""
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    script = code + BEGIN.format(words=["models", "--help"])
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, env=dict(os.environ)
    )
    assert ended.returncode == 0
