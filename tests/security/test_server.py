"""Who gets in, asked of the real server as ``sk-viz app`` starts it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from server_process import free_port, wait_until_healthy
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sk_viz.paths import settings_file

SECRET = "what-nobody-may-read"
WAIT = 60.0


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serve(folder: Path, **environment: str) -> Iterator[Server]:
    """The app, started in a folder that holds secrets and settings of Streamlit's."""
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(f'password = "{SECRET}"\n')
    (folder / ".streamlit" / "config.toml").write_text(f'[theme]\nfont = "{SECRET}"\n')
    (folder / "static").mkdir()
    (folder / "static" / "secret.txt").write_text(SECRET)
    port = free_port()
    command = [sys.executable, "-m", "sk_viz", "app", "--no-browser", f"--port={port}"]
    with (folder / "log").open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
            start_new_session=True,
        )
    found = Server(port, process, folder / "log")
    try:
        wait_until_healthy(found.address, process, found.log)
        yield found
    finally:
        os.killpg(process.pid, 15)  # also the server that the command started
        process.wait(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("server")) as found:
        yield found
    assert "Traceback" not in found.log.read_text()


def visit(server: Server, origin: str | None) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{server.port}/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        origin=origin,  # type: ignore[arg-type]
        open_timeout=WAIT,
        max_size=None,
    )


def session_of(visitor: ClientConnection) -> str:
    """Begin a session; its id."""
    ask = BackMsg()
    ask.rerun_script.query_string = ""
    visitor.send(ask.SerializeToString())
    while True:
        message = ForwardMsg()
        data = visitor.recv(timeout=WAIT)
        assert isinstance(data, bytes)
        message.ParseFromString(data)
        if message.WhichOneof("type") == "new_session":
            return str(message.new_session.initialize.session_id)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's table")
def test_it_listens_to_this_machine_alone(server: Server) -> None:
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            place, state = line.split()[1], line.split()[3]
            if state == "0A" and int(place.rsplit(":", 1)[1], 16) == server.port:
                listening.append(place.rsplit(":", 1)[0])
    assert listening == ["0100007F"]  # 127.0.0.1, and nothing else


def test_the_checkout_starts_so_too() -> None:
    """``streamlit run app.py`` reads this file; ``sk-viz app`` passes all of it on."""
    text = settings_file().read_text()
    for line in (
        'address = "127.0.0.1"',
        "enableXsrfProtection = true",
        "enableStaticServing = false",
        "gatherUsageStats = false",
        'showErrorDetails = "none"',
    ):
        assert line in text
    assert "enableCORS" not in text  # on unless it is turned off


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://localhost.evil", "null"])
def test_pages_of_others_cannot_talk_to_it(server: Server, origin: str) -> None:
    """Also under its own port, as a name that is made to point at this machine would have."""
    for one in (origin, f"{origin}:{server.port}"):
        with pytest.raises(InvalidStatus) as refused, visit(server, one):
            pass
        assert refused.value.response.status_code == 403
    with visit(server, server.address):
        pass
    answer = requests.get(
        f"{server.address}/_stcore/health", headers={"Origin": origin}, timeout=WAIT
    )
    assert "access-control-allow-origin" not in answer.headers


def test_nothing_is_uploaded_without_the_token_or_a_session(server: Server) -> None:
    own = requests.Session()
    own.get(f"{server.address}/_stcore/health", timeout=WAIT)
    token = own.cookies["_streamlit_xsrf"]
    with visit(server, server.address) as visitor:
        place = f"{server.address}/_stcore/upload_file/{session_of(visitor)}/file-1"

        def put(to: str, **headers: str) -> int:
            files = {"file": ("../../x.png", b"x")}
            return own.put(to, files=files, headers=headers, timeout=WAIT).status_code

        assert put(place) == 403
        assert put(place, **{"X-Xsrftoken": "guessed"}) == 403
        assert put(f"{server.address}/_stcore/upload_file/no/1", **{"X-Xsrftoken": token}) == 400
        assert put(place, **{"X-Xsrftoken": token}) == 204


def test_what_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    own = requests.Session()
    own.get(f"{server.address}/_stcore/health", timeout=WAIT)
    token = own.cookies["_streamlit_xsrf"]
    with visit(server, server.address) as visitor:
        sender = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
        sender.putrequest("PUT", f"/_stcore/upload_file/{session_of(visitor)}/file-1")
        for name, value in {
            "Content-Length": str(300 * 2**20),
            "Content-Type": "multipart/form-data; boundary=x",
            "X-Xsrftoken": token,
            "Cookie": f"_streamlit_xsrf={token}",
        }.items():
            sender.putheader(name, value)
        sender.endheaders(
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        )
        assert sender.getresponse().status == 413
        sender.close()


PATHS = [
    f"{start}{up}{name}"
    for start in ("/", "/static/", "/app/static/", "/media/", "/component/x/", "/_stcore/", "/why/")
    for up in ("", "../", "../" * 8, "%2e%2e/" * 8, "..%2f" * 8, "....//" * 4, "..\\" * 4, "//")
    for name in (".streamlit/secrets.toml", ".streamlit/config.toml", "etc/passwd", "secret.txt")
]


def test_secrets_settings_and_files_are_not_served(server: Server) -> None:
    """By any way of writing the path, and by its absolute name."""
    folder = server.log.parent
    wanted = [
        *PATHS,
        f"/{folder}/.streamlit/secrets.toml",
        f"/media/{folder}/log",
        "/app/static/secret.txt",
    ]
    root = re.compile(rb"root:[^:]*:0:0:")
    for path in wanted:
        asked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
        asked.request("GET", path)
        content = asked.getresponse().read()
        asked.close()
        assert SECRET.encode() not in content, path
        assert not root.search(content), path


def test_what_the_server_tells_of_itself(server: Server) -> None:
    """Its health, and counts alone."""
    assert requests.get(f"{server.address}/_stcore/health", timeout=WAIT).text == "ok"
    metrics = requests.get(f"{server.address}/_stcore/metrics", timeout=WAIT).text
    assert str(server.log.parent) not in metrics
    assert SECRET not in metrics


def test_behind_a_proxy_the_outer_name_is_let_in_and_no_other(tmp_path: Path) -> None:
    """As docs/security.md says to set it."""
    with serve(tmp_path, STREAMLIT_BROWSER_SERVER_ADDRESS="skviz.example.org") as server:
        with visit(server, "https://skviz.example.org"):
            pass
        with pytest.raises(InvalidStatus), visit(server, "https://other.example.org"):
            pass
