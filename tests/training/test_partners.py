"""Processes that share weights start best from an interpreter that has done nothing else."""

import subprocess
import sys
from pathlib import Path


def test_two_processes_compute_the_gradient_of_both_halves_and_an_end_is_told(folder):
    script = Path(__file__).with_name("two_processes.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "held"
