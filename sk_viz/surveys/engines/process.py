"""A process of a survey on several GPUs, and the survey's side of it.

It is begun as a program of its own and not by ``multiprocessing``, which would run the main module
of the process that asks once more in the new one: in the server of the pages that is a page. It
asks on its standard output for one part after the other, gets their numbers on its standard input
and ends when that is closed, so also when nobody is left who asked.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

from sk_viz.errors import ModelError, PictureError
from sk_viz.surveys.plan import SurveyPlan
from sk_viz.surveys.worker import BatchCount, Worker

_PROGRAM = "from sk_viz.surveys.engines.process import serve; serve()"
_MORE = "more"


class WorkerProcess:
    """A started process that measures parts on one device.

    Args:
        plan: how.
        model_id: loaded in the process.
        device: torch's name of it.
        decoders: how many pictures are decoded at a time.
        next_part: which part it gets when it asks; None when there are no more. Called from
            another thread.
        told: called from that thread with the count of each batch; then once with
            None when all went well, or with the error that ended it.
    """

    def __init__(
        self,
        plan: SurveyPlan,
        model_id: str,
        device: str,
        decoders: int,
        next_part: Callable[[], int | None],
        told: Callable[[BatchCount | ModelError | PictureError | None], None],
    ) -> None:
        path = os.pathsep.join(os.path.abspath(place) for place in sys.path)  # noqa: PTH100
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the process that asks
        )
        asked = pickle.dumps((plan, model_id, device, decoders))
        self._thread = threading.Thread(
            target=self._attend, args=(asked, next_part, told), daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Whatever it is doing."""
        self._popen.kill()
        self._popen.wait()
        self._thread.join()

    def _attend(
        self,
        asked: bytes,
        next_part: Callable[[], int | None],
        told: Callable[[BatchCount | ModelError | PictureError | None], None],
    ) -> None:
        questions, answers = self._popen.stdin, self._popen.stdout
        assert questions is not None
        assert answers is not None
        refused: ModelError | PictureError | None = None
        try:
            with questions, answers:
                _send(questions, asked)
                for line in answers:
                    said = json.loads(line)
                    if said == _MORE:
                        part = next_part()
                        _send(questions, b"\n" if part is None else b"%d\n" % part)
                    elif "refused" in said:
                        refused = _ERRORS[said["kind"]](said["refused"])
                    else:
                        told(BatchCount(**said))
        except OSError:  # it ended while it was being told something
            pass
        if self._popen.wait() and refused is None:
            refused = ModelError(
                "A process of the survey ended early (see above): give the same command again to "
                "resume."
            )
        told(refused)


_ERRORS: dict[str, type[ModelError | PictureError]] = {
    "model": ModelError,
    "picture": PictureError,
}


def serve() -> None:
    """The life of the process: measure parts until there are no more."""
    from sk_viz.networks.device import device_errors
    from sk_viz.zoo.load import load_model

    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library might print must not be taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    speaking = threading.Lock()

    def say(what: Any) -> None:
        with speaking:
            _send(answers, json.dumps(what).encode() + b"\n")

    def parts() -> Iterator[int]:
        """Drawn while the part before is still measured, so that the device need not wait."""
        while True:
            say(_MORE)
            line = questions.readline().strip()
            if not line:
                return
            yield int(line)

    plan, model_id, device, decoders = pickle.load(questions)
    try:
        with device_errors():
            worker = Worker(plan, load_model(model_id, device), decoders)
            for counted in worker.run(parts()):
                say({"pictures": counted.pictures, "unreadable": counted.unreadable})
    except (ModelError, PictureError) as error:
        kind = "model" if isinstance(error, ModelError) else "picture"
        say({"refused": str(error), "kind": kind})
    except BrokenPipeError:  # nobody is left who asked
        os._exit(1)


def _send(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(data)
    pipe.flush()
