"""The app in a process of its own, and visitors that speak Streamlit's protocol to it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import requests
from server_process import free_port, wait_until_healthy
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 600.0  # seconds that a visitor waits
ANSWERED = "units shift towards"  # of the sentence that stands when a sweep is done
_DONE = ForwardMsg.FINISHED_SUCCESSFULLY


@dataclass
class Server:
    """The app in a process of its own.

    Attributes:
        port: on the loopback.
        process: of the server.
        log: what it writes.
        keeps: seconds that it keeps a session whose connection broke off.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    keeps: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def resident(self) -> int:
        """Bytes of memory that it holds now, with its decoders."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return sum(_resident(pid) for pid in (self.process.pid, *map(int, children.split())))

    def events(self, name: str) -> list[str]:
        """The lines of the log for one event, without their time."""
        lines = (line.partition(" ")[2] for line in self.log.read_text().splitlines())
        return [line for line in lines if line.startswith(f"{name} ")]


def _resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


@contextmanager
def serving(folder: Path, keeps: int, *command: str) -> Iterator[Server]:
    """Start the app as ``sk-viz app`` does, on a free port, and end it.

    Args:
        folder: for its log, ``log``, begun again, and for what it keeps, ``cache``.
        keeps: seconds that it keeps a session whose connection broke off.
        command: what to start in its place, where ``PORT`` stands for the port.
    """
    port = free_port()
    log = folder / "log"
    serve = ("-m", "sk_viz.app.serve", "app.py", "--server.port=PORT")
    words = command or (*serve, f"--server.disconnectedSessionTTL={keeps}")
    started = [sys.executable, *(word.replace("PORT", str(port)) for word in words)]
    surveys = {"SK_VIZ_CACHE": str(folder / "cache")}
    with log.open("w") as out:
        process = subprocess.Popen(
            started, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **surveys}
        )
    try:
        server = Server(port, process, log, keeps)
        wait_until_healthy(server.address, process, log)
        yield server
    finally:
        process.terminate()
        process.wait(60)


@dataclass
class Visitor:
    """One session: what it sees on its page, element by element.

    Attributes:
        server: which it visits.
        parameters: of the address, which carry the settings.
        elements: what stands on the page, by its place.
        said: what progress has said so far.
        answered: seconds from asking to the sentence about the sweep, None before.
        session: Streamlit's name of it.
    """

    server: Server
    parameters: dict[str, str]
    elements: dict[tuple[int, ...], Delta] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    answered: float | None = None
    session: str = ""
    _asked: float = 0.0

    def __enter__(self) -> Visitor:
        self._connection = connect(
            f"ws://127.0.0.1:{self.server.port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            origin=self.server.address,  # type: ignore[arg-type]
            open_timeout=LONGEST,
            ping_timeout=None,
        )
        self._socket: ClientConnection = self._connection.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.__exit__(kind, error, trace)

    def ask(self, page: str = "", given: WidgetState | None = None) -> None:
        """Have the page drawn, with all that it computes."""
        ask = BackMsg()
        ask.rerun_script.query_string = urlencode(self.parameters)
        ask.rerun_script.page_name = page
        if given is not None:
            ask.rerun_script.widget_states.widgets.append(given)
        self._asked, self.answered = time.monotonic(), None
        self._socket.send(ask.SerializeToString())

    def wait(self) -> float:
        """Until the page is drawn; seconds since it was asked for."""
        # A page that runs itself again says that it finished early.
        while True:
            message = self._receive()
            if message.WhichOneof("type") == "script_finished":
                assert message.script_finished != ForwardMsg.FINISHED_WITH_COMPILE_ERROR
                if message.script_finished == _DONE:
                    return time.monotonic() - self._asked

    def run(self, page: str = "") -> float:
        """Ask and wait."""
        self.ask(page)
        return self.wait()

    def until(self, seen: Callable[[], bool]) -> None:
        """Until something is on the page, which may go on."""
        while not seen():
            self._receive()

    def upload(self, name: str, data: bytes) -> float:
        """Give a picture of one's own, as a browser does, and have it analysed; as ``wait``.

        The address must have said ``picture=upload`` from the beginning, which offers the place.
        """
        if not self._uploaders():
            self.run()
        (uploader,) = self._uploaders()
        ask = BackMsg()
        ask.file_urls_request.request_id = "1"
        ask.file_urls_request.file_names.append(name)
        ask.file_urls_request.session_id = self.session
        self._socket.send(ask.SerializeToString())
        while (answer := self._receive()).WhichOneof("type") != "file_urls_response":
            pass
        urls = answer.file_urls_response.file_urls[0]
        with requests.Session() as http:
            http.get(f"{self.server.address}/_stcore/health", timeout=LONGEST)
            sent = http.put(
                self.server.address + urls.upload_url,
                files={"file": (name, data)},
                headers={"X-Xsrftoken": http.cookies["_streamlit_xsrf"]},
                timeout=LONGEST,
            )
        assert sent.status_code == 204, sent.text
        state = WidgetState(id=uploader.id)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.file_id, info.name, info.size = urls.file_id, name, len(data)
        info.file_urls.CopyFrom(urls)
        self.ask(given=state)
        return self.wait()

    def press(self, label: str, page: str = "") -> None:
        """Press a button as soon as it is there, also while the page is being drawn."""
        self.until(lambda: any(b.label == label for b in self.of_type("button")))
        (button,) = (b for b in self.of_type("button") if b.label == label)
        self.ask(page, WidgetState(id=button.id, trigger_value=True))

    def download(self, label: str, which: int = 0) -> bytes:
        """The file behind one of the buttons of that label, from the top."""
        buttons = [b for b in self.of_type("download_button") if b.label == label]
        ask = BackMsg()
        request = ask.backend_operation_request
        request.request_id, request.session_id = "2", self.session
        request.deferred_file.file_id = buttons[which].deferred_file_id
        self._socket.send(ask.SerializeToString())
        while (answer := self._receive()).WhichOneof("type") != "backend_operation_response":
            pass
        assert not answer.backend_operation_response.error_msg
        url = answer.backend_operation_response.deferred_file.url
        got = requests.get(self.server.address + url, timeout=LONGEST)
        assert got.status_code == 200, got.text
        return got.content

    def of_type(self, kind: str) -> list[Any]:
        """The elements of a kind, such as ``markdown``, from the top."""
        return [
            getattr(delta.new_element, kind)
            for _, delta in sorted(self.elements.items())
            if delta.WhichOneof("type") == "new_element"
            and delta.new_element.WhichOneof("type") == kind
        ]

    def text(self) -> str:
        """All sentences, from the top."""
        return "\n".join(m.body for m in self.of_type("markdown"))

    def _uploaders(self) -> list[Any]:
        return [u for u in self.of_type("file_uploader") if u.label == "Your picture"]

    def _receive(self) -> ForwardMsg:
        message = ForwardMsg()
        data = self._socket.recv(timeout=LONGEST)
        assert isinstance(data, bytes)
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id
            self.elements.clear()
        elif kind == "delta":
            self.elements[tuple(message.metadata.delta_path)] = message.delta
            self._note(message.delta)
        assert kind != "ref_hash", "a message was kept by its hash, which no visitor says it knows"
        return message

    def _note(self, delta: Delta) -> None:
        kind = delta.new_element.WhichOneof("type")
        if kind == "progress":
            self.said.append(delta.new_element.progress.text)
        elif kind == "markdown" and ANSWERED in delta.new_element.markdown.body:
            self.answered = self.answered or time.monotonic() - self._asked
