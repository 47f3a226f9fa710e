"""The server goes with the command that started it."""

import re
import signal
import subprocess
import sys
import time

import pytest
from server_process import healthy


def until(what, seconds: float = 90.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.2)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_term_ends_the_server_too():
    command = [sys.executable, "-m", "sk_viz", "app", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
        try:
            assert app.stdout is not None
            address = re.search(r"http://\S+", app.stdout.readline())[0]
            assert until(lambda: healthy(address))
            app.send_signal(signal.SIGTERM)
            app.wait(60)
            assert until(lambda: not healthy(address), 10)
        finally:
            app.kill()
