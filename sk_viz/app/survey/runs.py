"""Surveys that run: owned by the process, so that they outlive a rerun and the visitor's page."""

from __future__ import annotations

import threading

from sk_viz.app.server import log
from sk_viz.app.server.ending import ending
from sk_viz.app.server.jobs import StoppedError
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.surveys.run import SurveyProgress, run_survey
from sk_viz.surveys.shelf import Kept, discard, remove

# Pictures that are stored at once: what stopping costs at most, and how often a report can grow.
PART_SIZE = 32


class SurveyRun:
    """One run of a kept survey.

    Attributes:
        kept: which.
        progress: how far it is; None until the first picture.
        error: one sentence on why it ended early; "" otherwise.
        stopped: it ended because somebody stopped it.
    """

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.progress: SurveyProgress | None = None
        self.error = ""
        self.stopped = False
        self._over = threading.Event()
        self._stop = threading.Event()

    @property
    def running(self) -> bool:
        """Whether it runs or waits for its turn."""
        return not self._over.is_set()

    def stop(self) -> None:
        """Let it end after the batch it is at; what is stored stays."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is over after so long at most."""
        return self._over.wait(seconds)

    def work(self) -> None:
        """Run it to its end; says here how that was."""
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
            self.error = (
                "The survey ended early; the server's log says why. It can be gone on with."
            )
        finally:
            log.event("survey", outcome=outcome)
            self._over.set()

    def _survey(self) -> None:
        asked = self.kept.asked
        if self._stop.is_set():
            raise StoppedError
        run_survey(
            asked.model,
            self.kept.source,
            self.kept.survey,
            asked.scales,
            asked.protocols,
            limit=asked.limit,
            progress=self._report,
            device=asked.device,
            part_size=PART_SIZE,
        )
        if not asked.source:
            remove(self.kept.pictures)  # nobody's pictures are kept longer than needed

    def _report(self, progress: SurveyProgress) -> None:
        self.progress = progress
        if self._stop.is_set():
            raise StoppedError


class SurveyRuns:
    """The runs of the process, one at a time in the order they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._runs: dict[str, SurveyRun] = {}
        threading.Thread(target=self._end, name="sk-viz-end", daemon=True).start()

    def start(self, kept: Kept) -> SurveyRun:
        """Begin or go on; the run that is there already while it lasts."""
        with self._lock:
            run = self._runs.get(kept.name)
            if run is not None and run.running:
                return run
            self._runs.pop(kept.name, None)
            run = self._runs[kept.name] = SurveyRun(kept)
        # A daemon: a survey may be killed at any moment, and the server must end when asked to.
        threading.Thread(target=self._take_turn, args=(run,), daemon=True).start()
        return run

    def discard(self, kept: Kept) -> None:
        """Delete a survey that does not run.

        Raises:
            PictureError: it runs, or cannot be deleted.
        """
        with self._lock:
            run = self._runs.get(kept.name)
            if run is not None and run.running:
                raise PictureError(f"{kept.name!r} is running: stop it first.")
            discard(kept)
            self._runs.pop(kept.name, None)

    def of(self, name: str) -> SurveyRun | None:
        """The last run of a survey, None where this process had none."""
        with self._lock:
            return self._runs.get(name)

    def ahead_of(self, run: SurveyRun) -> int:
        """How many others were asked for before it and are not over."""
        with self._lock:
            runs = list(self._runs.values())
        return sum(other.running for other in runs[: runs.index(run)]) if run in runs else 0

    def _end(self) -> None:
        """Stop them all when the server ends, which otherwise waits for the threads that decode."""
        ending.wait()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop()

    def _take_turn(self, run: SurveyRun) -> None:
        with self._turn:
            run.work()
