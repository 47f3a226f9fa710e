"""What every test that starts the app in a process of its own needs."""

from __future__ import annotations

import socket
import subprocess
import urllib.request
from pathlib import Path

from waiting import wait_until


def free_port() -> int:
    """A port of the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def healthy(address: str) -> bool:
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until_healthy(
    address: str, process: subprocess.Popen[bytes], log: Path | None = None, every: float = 0.1
) -> None:
    """Until the server of a process answers; fails with what it wrote when the process ends."""

    def answers() -> bool:
        assert process.poll() is None, log.read_text() if log else "the server ended"
        return healthy(address)

    wait_until(answers, f"{address} answers", every=every)
