"""The server goes with the command that started it."""

import re
import signal
import socket
import subprocess
import sys

import pytest
import typer
from server_process import healthy
from waiting import wait_until

from sk_viz.cli.app import _address, _port, server_settings


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


@pytest.mark.parametrize(
    ("host", "settings", "environment", "address"),
    [
        ("127.0.0.1", {}, None, "http://127.0.0.1:8501"),
        ("::1", {}, None, "http://[::1]:8501"),
        ("0.0.0.0", {}, None, "http://localhost:8501"),
        ("::", {"server.baseUrlPath": "viz"}, None, "http://localhost:8501/viz"),
        ("lab", {"server.baseUrlPath": "viz"}, "/other/", "http://lab:8501/other"),
    ],
)
def test_the_printed_address_can_be_opened(monkeypatch, host, settings, environment, address):
    monkeypatch.delenv("STREAMLIT_SERVER_BASE_URL_PATH", raising=False)
    if environment is not None:
        monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", environment)
    assert _address(host, 8501, settings) == address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_port_of_every_family_is_found(host):
    try:
        family, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.bind(address)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    assert 8501 <= _port(host, None) < 8521
    with pytest.raises(typer.BadParameter, match="cannot be used"):
        _port("nonesuch.invalid", 8501)
