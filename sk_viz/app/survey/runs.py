"""Surveys that run: owned by the process, so that they outlive a rerun and the visitor's page."""

from __future__ import annotations

import threading
from collections import deque

from sk_viz.app.server import log
from sk_viz.app.server.ending import ending
from sk_viz.app.server.jobs import StoppedError
from sk_viz.app.state import own_network
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.surveys.run import SurveyProgress, run_survey
from sk_viz.surveys.shelf import StoredSurvey, discard, remove
from sk_viz.zoo.factory import is_factory

# Pictures that are stored at once: what stopping costs at most, and how often a report can grow.
PART_SIZE = 32


class SurveyRun:
    """One run of a stored survey.

    Attributes:
        stored: which.
        progress: how far it is; None until the first picture.
        error: one sentence on why it ended early; "" otherwise.
        stopped: it ended because somebody stopped it.
    """

    def __init__(self, stored: StoredSurvey) -> None:
        self.stored = stored
        self.progress: SurveyProgress | None = None
        self.error = ""
        self.stopped = False
        self._lock = threading.Lock()
        self._begun = False
        self._over = threading.Event()
        self._stop = threading.Event()

    @property
    def running(self) -> bool:
        """Whether it runs or waits for its turn."""
        return not self._over.is_set()

    def stop(self) -> None:
        """End it: at once while it waits, else after its current batch; what is stored stays."""
        with self._lock:
            self._stop.set()
            if self._begun or self._over.is_set():
                return
            self.stopped = True
            self._over.set()
        log.event("survey", outcome="stopped")

    def wait(self, seconds: float) -> bool:
        """Whether it is over within some seconds."""
        return self._over.wait(seconds)

    def work(self) -> None:
        """Run it to its end, unless it was stopped while it waited; the outcome stands here."""
        with self._lock:
            if self._over.is_set():
                return
            self._begun = True
        outcome = "refused"
        try:
            self._survey()
            outcome = "done"
        except StoppedError:
            self.stopped = True
            outcome = "stopped"
        except (PictureError, ModelError, ScaleError) as error:
            self.error = str(error)
        except Exception as error:
            if ending.is_set():  # Python begins no more work for it
                self.stopped = True
                outcome = "stopped"
                return
            outcome = "failed"
            log.failure("survey", error)
            self.error = "The survey ended early; the server's log says why. It can be resumed."
        finally:
            log.event("survey", outcome=outcome)
            self._over.set()

    def _survey(self) -> None:
        request = self.stored.request
        own = is_factory(request.model)
        run_survey(
            own_network.load(request.model, request.device) if own else request.model,
            self.stored.source,
            self.stored.survey,
            request.scales,
            request.protocols,
            limit=request.limit,
            progress=self._report,
            device=request.device,
            part_size=PART_SIZE,
        )
        if not request.source:
            remove(self.stored.pictures)  # nobody's pictures are stored longer than needed

    def _report(self, progress: SurveyProgress) -> None:
        self.progress = progress
        if self._stop.is_set():
            raise StoppedError


class SurveyRuns:
    """The runs of the process, one at a time, first in, first out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[SurveyRun] = deque()
        self._current: SurveyRun | None = None
        self._runs: dict[str, SurveyRun] = {}
        threading.Thread(target=self._end, name="sk-viz-end", daemon=True).start()

    def start(self, stored: StoredSurvey) -> SurveyRun:
        """Begin or resume a survey; while it runs or waits, its present run."""
        with self._lock:
            run = self._runs.get(stored.name)
            if run is not None and run.running:
                return run
            run = self._runs[stored.name] = SurveyRun(stored)
            idle = self._current is None and not self._queue
            self._queue.append(run)
        if idle:
            # A daemon: a survey may be killed at any moment, and the server must end when asked to.
            threading.Thread(target=self._work, name="sk-viz-surveys", daemon=True).start()
        return run

    def discard(self, stored: StoredSurvey) -> None:
        """Delete a survey that does not run.

        Raises:
            PictureError: it runs, or cannot be deleted.
        """
        with self._lock:
            run = self._runs.get(stored.name)
            if run is not None and run.running:
                raise PictureError(f"{stored.name!r} is running: stop it first.")
            discard(stored)
            self._runs.pop(stored.name, None)

    def of(self, name: str) -> SurveyRun | None:
        """The last run of a survey, None where this process had none."""
        with self._lock:
            return self._runs.get(name)

    def ahead_of(self, run: SurveyRun) -> int:
        """How many others must end before a run begins."""
        with self._lock:
            if run not in self._queue:
                return 0
            before = list(self._queue)[: self._queue.index(run)]
            current = [] if self._current is None else [self._current]
        return sum(other.running for other in [*current, *before])

    def _end(self) -> None:
        """Stop them all when the server ends, which otherwise waits for the threads that decode."""
        ending.wait()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop()

    def _work(self) -> None:
        """Take one run after the other, until none waits."""
        while True:
            with self._lock:
                self._current = self._queue.popleft() if self._queue else None
                run = self._current
            if run is None:
                return
            run.work()
