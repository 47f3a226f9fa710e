"""``sk-viz app``: the web app on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from sk_viz.paths import settings_file

DEFAULT_PORT = 8501


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command("app")(app)


def app(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; 8501 or the next free one.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser")] = True,
) -> int:
    """Open the web app: upload a picture, rescale it, watch the branch weights move."""
    import sk_viz.pages

    entry = Path(sk_viz.pages.__file__).parent / "entry.py"
    chosen = _port(host, port)
    settings = dict(_flat(tomllib.loads(settings_file().read_text())))
    settings |= {
        "server.address": host,
        "server.port": str(chosen),
        "server.headless": str(not browser or not _has_screen()).lower(),
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    print(f"SK-Viz is at http://{host}:{chosen} (stop it with Ctrl-C)", flush=True)
    command = [sys.executable, "-m", "sk_viz.pages.serve", str(entry), *flags]
    with subprocess.Popen(command) as server:
        # Who ends this process means the server, which would stay otherwise.
        signal.signal(signal.SIGTERM, lambda _number, _frame: server.terminate())
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0


def _port(host: str, asked: int | None) -> int:
    """The port asked for, or the first free one from 8501 on."""
    for port in [asked] if asked is not None else range(DEFAULT_PORT, DEFAULT_PORT + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
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
