"""The server goes with the command that started it."""

import re
import signal
import subprocess
import sys

import pytest
from server_process import healthy
from waiting import wait_until


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_term_ends_the_server_too():
    command = [sys.executable, "-m", "sk_viz", "app", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
        try:
            assert app.stdout is not None
            address = re.search(r"http://\S+", app.stdout.readline())[0]
            wait_until(lambda: healthy(address), "the server answers", every=0.2)
            app.send_signal(signal.SIGTERM)
            app.wait(60)
            wait_until(lambda: not healthy(address), "the server has ended", 10, 0.2)
        finally:
            app.kill()
