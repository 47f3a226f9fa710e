"""``sk-viz app``: the web app on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from sk_viz.cli.options import InputSizeOption, ModelOption, WeightsOption
from sk_viz.paths import settings_file

DEFAULT_PORT = 8501
GRACE = 10.0  # seconds that the server has to end what it is at


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("app")(app)


def app(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; 8501 or the next free one.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser")] = True,
    model: ModelOption = "sknet_tiny",
    weights: WeightsOption = None,
    input_size: InputSizeOption = None,
) -> int:
    """Open the web app: upload a picture, rescale it, watch the branch weights move."""
    import sk_viz.app

    chosen_model = {"SK_VIZ_MODEL": model}
    if weights is not None:
        chosen_model["SK_VIZ_WEIGHTS"] = str(weights)
    if input_size is not None:
        chosen_model["SK_VIZ_INPUT_SIZE"] = str(input_size)
    entry = Path(sk_viz.app.__file__).parent / "entry.py"
    chosen = _port(host, port)
    settings = server_settings(host, chosen, browser=browser and _has_screen())
    flags = [f"--{name}={value}" for name, value in settings.items()]
    print(f"SK-Viz is at {_address(host, chosen, settings)} (stop it with Ctrl-C)", flush=True)
    command = [sys.executable, "-m", "sk_viz.app.serve", str(entry), *flags]
    with _without_interrupts():  # which the server takes over until it can end in good order
        started = subprocess.Popen(command, env={**os.environ, **chosen_model})
    with started as server:
        # Who ends this process means the server, which would stay otherwise.
        signal.signal(signal.SIGTERM, _end)
        try:
            return server.wait()
        except (KeyboardInterrupt, _EndedError):
            server.terminate()
        try:
            server.wait(GRACE)
        except subprocess.TimeoutExpired:
            # Of what it computes it looks up only between two forwards. It can be cut off: a file
            # is there whole or not at all, and a survey resumes after its last stored part.
            server.kill()
        return 0


def _address(host: str, port: int, settings: Mapping[str, str]) -> str:
    """What to open in a browser: an IPv6 host in brackets, and the path that a proxy adds."""
    name = "localhost" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    environment = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH")
    path = (environment or settings.get("server.baseUrlPath", "")).strip("/")
    return f"http://{name}:{port}{f'/{path}' if path else ''}"


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let a process that is started here begin without a handler for Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def server_settings(host: str, port: int, *, browser: bool) -> dict[str, str]:
    """Streamlit's settings: those of the project, and where this server listens.

    With ``SK_VIZ_FRAMED=1`` in the environment uploads need no token. The token is a cookie, which
    browsers do not send from a frame of another site, as on a Hugging Face Space. It must be set
    only where a proxy alone can reach the port; see docs/security.md.
    """
    settings = dict(_flat(tomllib.loads(settings_file().read_text())))
    settings |= {
        "server.address": host,
        "server.port": str(port),
        "server.headless": str(not browser).lower(),
    }
    if os.environ.get("SK_VIZ_FRAMED") == "1":
        settings["server.enableXsrfProtection"] = "false"
    return settings


class _EndedError(Exception):
    """The command was told to end."""


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is on its way
    raise _EndedError


def _port(host: str, asked: int | None) -> int:
    """The port asked for, or the first free one from 8501 on."""
    for port in [asked] if asked is not None else range(DEFAULT_PORT, DEFAULT_PORT + 20):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError:
            continue
        return port
    wanted = f"Port {asked}" if asked is not None else "Every port from 8501 to 8520"
    raise typer.BadParameter(
        f"{wanted} on {host} cannot be used; give a free one with --port, or another --host."
    )


def _has_screen() -> bool:
    """Whether a browser can be opened here at all."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as dotted names with the values Streamlit's flags take."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, bool):
            yield prefix + name, str(value).lower()
        else:
            yield prefix + name, str(value)
