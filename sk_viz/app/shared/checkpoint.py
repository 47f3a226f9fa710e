"""The user's own weights: opened on the page, kept in the session, seen by nobody else."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

import sk_viz
from sk_viz.app.state.settings import UPLOAD, Settings, change, current
from sk_viz.errors import ModelError
from sk_viz.language import gettext as _

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

MAX_UPLOAD_MB = 200  # SKNet-101 has 195 MB
_OWN = "checkpoint"
_REFUSED = "checkpoint.refused"


@dataclass(frozen=True)
class Checkpoint:
    """A file of weights as it was given.

    Attributes:
        name: of the file, without folders.
        content: its bytes.
        sha256: hex digest of them.
    """

    name: str
    content: bytes = field(repr=False)
    sha256: str


def own() -> Checkpoint | None:
    """The checkpoint that this session opened."""
    kept: Checkpoint | None = st.session_state.get(_OWN)
    return kept


def control() -> None:
    """Where a checkpoint is opened."""
    with st.expander(_("Open a checkpoint")):
        st.file_uploader(
            _("Weights of an SK network"),
            key="checkpoint.given",
            max_upload_size=MAX_UPLOAD_MB,
            on_change=_take,
            help=_(
                "Weights of an SKNet in the layout of this project, timm, pytorchcv or syt2/SKNet. "
                "Files that would run code are refused."
            ),
        )


def refused() -> str | None:
    """Why the file that was just given is not used; told once."""
    sentence: str | None = st.session_state.pop(_REFUSED, None)
    return sentence


def load_own(device: str) -> Model:
    """The session's own checkpoint as a model.

    Raises:
        ModelError: none was opened, or it cannot be used.
    """
    checkpoint = own()
    if checkpoint is None:
        raise ModelError(
            "This view uses a checkpoint that is not on the server, which forgets it after a "
            "reload: open the checkpoint again to see the same view."
        )
    return _load(checkpoint, device)


def _take() -> None:
    """Load what was given; weights that cannot be used leave the model before."""
    given: Any = st.session_state["checkpoint.given"]
    if given is None:
        return
    content = given.getvalue()
    checkpoint = Checkpoint(Path(given.name).name, content, hashlib.sha256(content).hexdigest())
    try:
        _load(checkpoint, current(Settings).device)
    except ModelError as error:
        st.session_state[_REFUSED] = str(error)
        return
    st.session_state[_OWN] = checkpoint
    change(Settings, model=UPLOAD, unit="")


@st.cache_resource(
    max_entries=3,
    show_spinner=False,
    hash_funcs={Checkpoint: lambda checkpoint: (checkpoint.name, checkpoint.sha256)},
)
def _load(checkpoint: Checkpoint, device: str) -> Model:
    # A name of its own on the disk: the user's may be anything.
    try:
        with tempfile.TemporaryDirectory(prefix="sk-viz-") as folder:
            file = Path(folder) / f"checkpoint{Path(checkpoint.name).suffix.lower()}"
            file.write_bytes(checkpoint.content)
            loaded = sk_viz.load_model(file, device=device)
    except ModelError as error:
        raise ModelError(_named(str(error), file, checkpoint)) from None
    except OSError as error:
        raise ModelError(
            f"{checkpoint.name} cannot be opened here ({error.strerror or error}): the server "
            "needs room in its folder for temporary files."
        ) from error
    return replace(loaded, id=checkpoint.name, note=_named(loaded.note, file, checkpoint))


def _named(text: str, file: Path, checkpoint: Checkpoint) -> str:
    return text.replace(str(file), checkpoint.name).replace(file.name, checkpoint.name)
