"""The server goes with the command that started it."""

import re
import signal
import subprocess
import sys

import pytest
from server_process import healthy
from waiting import wait_until

from sk_viz.cli.app import server_settings


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


@pytest.mark.parametrize(("framed", "token"), [(None, "true"), ("0", "true"), ("1", "false")])
def test_uploads_need_the_token_unless_the_app_is_framed(monkeypatch, framed, token):
    monkeypatch.delenv("SK_VIZ_FRAMED", raising=False)
    if framed is not None:
        monkeypatch.setenv("SK_VIZ_FRAMED", framed)
    settings = server_settings("0.0.0.0", 8501, browser=False)
    assert settings["server.enableXsrfProtection"].lower() == token
    assert settings["server.address"] == "0.0.0.0"
    assert settings["server.headless"] == "true"
