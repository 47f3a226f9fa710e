"""The survey on a Ray cluster: Ray Data maps the parts over actors that hold the model.

A part is measured and stored by one actor and its file put in place in one step, so that Ray may
repeat the part of a worker that died. All nodes must see the source and the survey's folder under
the same paths.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from sk_viz.errors import ModelError, PictureError
from sk_viz.surveys.engines.local import decoders_of
from sk_viz.surveys.plan import SurveyPlan
from sk_viz.surveys.worker import BatchCount, Worker

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

# Bytes: only the numbers of parts pass through it. Ray takes no less than 75 MB.
_OBJECT_STORE = 100_000_000
_PATIENCE = 5.0  # seconds for a cluster to answer


class PartActor:
    """Holds the model; called by Ray Data with the number of one part.

    Args:
        plan: of the survey.
        model_id: loaded once an actor.
        device: kind of device to use.
        threads: of torch on a CPU. Ray would set one; the same number as on one machine makes
            the same numbers to the last bit.
        cores: that are this actor's.
    """

    def __init__(
        self, plan: SurveyPlan, model_id: str, device: str, threads: int, cores: int
    ) -> None:
        torch.set_num_threads(threads)
        self._plan, self._model, self._device = plan, model_id, device
        self._decoders = decoders_of(cores)
        self._worker: Worker | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Measure and store the parts of ``batch["part"]``.

        Returns:
            For each part its ``pictures``, the ``unreadable`` ones among them, and in ``refused``
            why it could not be measured, "" when it was: what is raised here would come out of
            Ray as a long traceback.
        """
        found: dict[str, Any] = {"pictures": [], "unreadable": [], "refused": []}
        for part in batch["part"]:
            try:
                finished, refused = list(self._ready().run([int(part)])), ""
            except (ModelError, PictureError) as error:
                finished, refused = [], str(error)
            found["pictures"].append(sum(one.pictures for one in finished))
            found["unreadable"].append(sum(one.unreadable for one in finished))
            found["refused"].append(refused)
        return found

    def _ready(self) -> Worker:
        """With the model loaded, at the first part."""
        from sk_viz.zoo.load import load_model

        if self._worker is None:
            self._worker = Worker(self._plan, load_model(self._model, self._device), self._decoders)
        return self._worker


def run(
    plan: SurveyPlan, model: Model, parts: Sequence[int], address: str | None
) -> Iterator[BatchCount]:
    """Measure parts on every device of the cluster.

    Args:
        plan: how.
        model: as the actors will load it, by its id.
        parts: which.
        address: of the cluster, ``auto`` for the one of this machine; None starts one here.

    Raises:
        ModelError: Ray is not installed, no cluster is at the address, or what an actor refused.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ModelError(
            'The engine ray needs Ray Data: pip install "ray[data]", or use the engine local.'
        ) from error
    joined = ray.is_initialized()
    if not joined:
        _join(ray, address)
    try:
        yield from _map(ray, plan, model, parts)
    finally:
        if not joined:
            ray.shutdown()


def _join(ray: Any, address: str | None) -> None:
    """Connect to a cluster, or start one on this machine that tells nobody of its use."""
    missing = ModelError(
        f"There is no Ray cluster at {address!r}: start one, or leave the address out."
    )
    own: dict[str, Any] = {}
    if address is not None:
        if not _answers(address):
            raise missing
    else:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # It warns on stderr of each start of an actor; what matters is raised, and in its logs.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        own = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, ValueError) as error:
        raise missing from error


def _answers(address: str) -> bool:
    """Whether anything listens at HOST:PORT; Ray would wait for it for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:  # a word such as auto
        return True
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE):
            return True
    except (OSError, ValueError, OverflowError):
        return False


def _map(ray: Any, plan: SurveyPlan, model: Model, parts: Sequence[int]) -> Iterator[BatchCount]:
    threads, cores, actors = _shares(ray.nodes(), model.device.type)
    on_gpu = model.device.type == "cuda"
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    dataset = ray.data.from_items(
        [{"part": part} for part in parts], override_num_blocks=len(parts)
    ).map_batches(
        PartActor,
        fn_constructor_args=(plan, model.id, model.device.type, threads, cores),
        batch_size=1,
        num_cpus=cores,
        num_gpus=1 if on_gpu else None,
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(parts))),
    )
    try:
        for row in dataset.iter_rows():
            if row["refused"]:
                raise ModelError(row["refused"])
            yield BatchCount(int(row["pictures"]), int(row["unreadable"]))
    except ray.exceptions.RayError as error:
        raise ModelError(
            f"The Ray cluster ended the survey ({str(error).partition(chr(10))[0]}): give the same "
            "command again to resume."
        ) from error


def _shares(nodes: Sequence[Mapping[str, Any]], device: str) -> tuple[int, int, int]:
    """Threads of torch and cores of one actor, and how many actors there is room for.

    An actor on a CPU has as many threads as torch has here, if a node has so many cores; one on a
    GPU its share of the cores of the node, to decode with.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    cores = [int(node.get("CPU", 0)) for node in alive]
    threads = max(1, min(torch.get_num_threads(), max(cores, default=1)))
    if device != "cuda":
        return threads, threads, max(1, sum(count // threads for count in cores))
    gpus = [int(node.get("GPU", 0)) for node in alive]
    share = min((c // g for c, g in zip(cores, gpus, strict=True) if g), default=1)
    return threads, max(1, share), max(1, sum(gpus))
