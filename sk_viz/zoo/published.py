"""A network of this project as the Hugging Face hub's own tools save, load and publish it.

::

    HubSKNet.from_bundle(folder).push_to_hub("owner/name")
    network = HubSKNet.from_pretrained("owner/name")
    model = sk_viz.load_model("hf:owner/name")
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from huggingface_hub import PyTorchModelHubMixin, hf_hub_download

from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import CONFIG, WEIGHTS, ClassName, load_bundled, save_bundled
from sk_viz.zoo.certainty import Certainty

CARD = "MODEL_CARD.md"
_README = "README.md"


class HubSKNet(SKNet, PyTorchModelHubMixin, library_name="sk-viz"):
    """An SKNet with what a repository holds besides its weights.

    Args:
        config: of the network.
        preprocessing: how it wants its pictures.
        classes: one for each logit.
        note: one sentence on what the network is.
        certainty: what its probabilities are worth, where it was measured.
        card: the model card, Markdown with its YAML head; the hub's own template if left out.
    """

    def __init__(
        self,
        config: SKNetConfig,
        preprocessing: Preprocessing,
        classes: Sequence[ClassName],
        note: str,
        certainty: Certainty | None = None,
        card: str | None = None,
    ) -> None:
        super().__init__(config)
        self.preprocessing = preprocessing
        self.classes = tuple(classes)
        self.note = note
        self.certainty = certainty
        self.card = card

    @classmethod
    def from_bundle(cls, folder: Path) -> Self:
        """The network of a folder such as ``models/sknet_tiny``, with its card.

        Raises:
            ModelError: a file is missing or damaged.
        """
        bundle = load_bundled(folder)
        card = next((folder / n for n in (CARD, _README) if (folder / n).is_file()), None)
        made = cls(
            bundle.network.config,
            bundle.preprocessing,
            bundle.classes,
            bundle.note,
            bundle.certainty,
            None if card is None else card.read_text(encoding="utf-8"),
        )
        made.load_state_dict(bundle.network.state_dict(), strict=False)  # but for counters
        return made.eval()

    def _save_pretrained(self, save_directory: Path) -> None:
        """The files that ``load_model`` reads, and the card as the repository's page."""
        save_bundled(
            save_directory,
            self,
            self.preprocessing,
            self.classes,
            self.note,
            self.certainty,
        )
        if self.card is not None:
            (save_directory / _README).write_text(self.card, encoding="utf-8")

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **_: Any,
    ) -> Self:
        """Of a folder, or of a repository; the arguments are those of ``from_pretrained``."""
        if Path(model_id).is_dir():
            return cls.from_bundle(Path(model_id))
        files = [
            hf_hub_download(
                model_id,
                name,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                local_files_only=local_files_only,
                token=token,
            )
            for name in (CONFIG, WEIGHTS)
        ]
        return cls.from_bundle(Path(files[0]).parent)
