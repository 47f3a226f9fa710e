"""The card's head in YAML, which registries of models read (Hugging Face's model card format)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sk_viz.training.card.recipe import Made
from sk_viz.zoo.catalogue import RESEARCH

_TASK = {"type": "image-classification", "name": "Image classification"}
_TAGS = ("selective-kernel-networks", "sknet", "receptive-field", "interpretability", "teaching")


def head(made: Made, found: Mapping[str, Any]) -> str:
    """Licence, tags and the metrics on pictures that no training has seen.

    Its values are JSON, which is YAML as well.
    """
    photographs = found.get("photographs", {"sources": {}})["sources"]
    results = [
        {
            "task": _TASK,
            "dataset": {"name": f"{source}, held out", "type": source, "split": "validation"},
            "metrics": [
                {
                    "type": "accuracy",
                    "name": f"top-{best}",
                    "value": round(entry[f"top{best}"]["share"], 4),
                    "verified": False,
                }
                for best in (1, 5)
            ],
        }
        for source, entry in {**found["accuracy"], **photographs}.items()
    ]
    values = {
        "license": "other",
        "license_name": RESEARCH,
        "license_link": "#data",
        "language": ["en"],
        "library_name": "sk-viz",
        "pipeline_tag": "image-classification",
        "tags": list(_TAGS),
        "datasets": list(made.training),
        "metrics": ["accuracy"],
        "model-index": [{"name": made.id, "results": results}],
    }
    lines = [f"{name}: {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(["---", *lines, "---"])
