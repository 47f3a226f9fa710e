"""The survey on a Ray cluster: Ray Data maps the parts over actors that hold the model.

A part is measured and stored by one actor and its file put in place in one step, so that Ray may
repeat the part of a worker that died. All nodes must see the source and the survey's folder under
the same paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch

from sk_viz.errors import ModelError
from sk_viz.surveys.measure import Step, Worker
from sk_viz.surveys.plan import Plan

if TYPE_CHECKING:
    from sk_viz.networks.zoo import Model


class PartActor:
    """Holds the model; called by Ray Data with the number of one part.

    Args:
        plan: of the survey.
        model_id: loaded once an actor.
        device: kind of device to use.
        threads: of torch on a CPU. Ray would set one; the same number as on one machine makes
            the same numbers to the last bit.
    """

    def __init__(self, plan: Plan, model_id: str, device: str, threads: int) -> None:
        from sk_viz.networks.zoo import load_model

        torch.set_num_threads(threads)
        self._worker = Worker(plan, load_model(model_id, device))

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Measure and store the parts of ``batch["part"]``; returns their counts."""
        steps = [list(self._worker.run([int(part)])) for part in batch["part"]]
        return {
            "pictures": [sum(step.pictures for step in one) for one in steps],
            "unreadable": [sum(step.unreadable for step in one) for one in steps],
        }


def run(plan: Plan, model: Model, parts: Sequence[int], address: str | None) -> Iterator[Step]:
    """Measure parts on every device of the cluster.

    Args:
        plan: how.
        model: as the actors will load it, by its id.
        parts: which.
        address: of the cluster, ``auto`` for the one of this machine; None starts one here.

    Raises:
        ModelError: Ray is not installed, or no cluster is at the address.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ModelError(
            'The engine ray needs Ray Data: pip install "ray[data]", or use the engine local.'
        ) from error
    begun = not ray.is_initialized()
    if begun:
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError) as error:
            raise ModelError(
                f"There is no Ray cluster at {address!r}: start one, or leave the address out."
            ) from error
    try:
        yield from _map(ray, plan, model, parts)
    finally:
        if begun:
            ray.shutdown()


def _map(ray: Any, plan: Plan, model: Model, parts: Sequence[int]) -> Iterator[Step]:
    on_gpu = model.device.type == "cuda"
    found = ray.cluster_resources()
    threads = min(torch.get_num_threads(), int(found.get("CPU", 1)))
    actors = int(found.get("GPU", 0)) if on_gpu else int(found.get("CPU", 1)) // threads
    ray.data.DataContext.get_current().enable_progress_bars = False
    dataset = ray.data.from_items(
        [{"part": part} for part in parts], override_num_blocks=len(parts)
    ).map_batches(
        PartActor,
        fn_constructor_args=(plan, model.id, model.device.type, threads),
        batch_size=1,
        num_cpus=None if on_gpu else threads,
        num_gpus=1 if on_gpu else None,
        compute=ray.data.ActorPoolStrategy(size=min(max(actors, 1), len(parts))),
    )
    for row in dataset.iter_rows():
        yield Step(int(row["pictures"]), int(row["unreadable"]))
