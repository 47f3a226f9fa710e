"""What a new survey is asked for: pictures, model, protocols, scales, and how many."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from sk_viz.app.shared import controls, identity, shell, terms
from sk_viz.app.state.address import in_address, number
from sk_viz.app.state.settings import UPLOAD, Settings, current
from sk_viz.app.survey.access import on_loopback
from sk_viz.datasets.opening import open_dataset
from sk_viz.errors import ModelError, PictureError, ScaleError
from sk_viz.language import gettext as _
from sk_viz.language import mark
from sk_viz.pictures import PROTOCOLS, check_scales, parse_scales
from sk_viz.surveys.shelf import PICTURES, StoredSurvey, SurveyRequest, keep, new_folder

ZIP, FOLDER = mark("Upload a ZIP file"), mark("A folder on this machine")
MAX_SCALES = 11
MAX_ZIP_BYTES = 200 * 2**20
MAX_PICTURES = 5000


def _read_protocols(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(text.split(",")))
    if any(one not in PROTOCOLS for one in chosen):
        raise ValueError(f"choose from {', '.join(PROTOCOLS)}")
    return chosen


@dataclass(frozen=True)
class NewSurvey:
    """What the form holds.

    Attributes:
        protocols: each once.
        scales: as on the command line.
        limit: use at most this many pictures, 0 for all.
    """

    protocols: tuple[str, ...] = in_address(
        ("zoom", "blur"), "survey_protocols", _read_protocols, ",".join
    )
    scales: str = in_address("1,1.5,2", "survey_scales", str)
    limit: int = in_address(0, "survey_limit", lambda text: int(number(0, 10**7)(text)), str)


def new_survey(settings: Settings) -> StoredSurvey | None:
    """The form; the survey that was asked for, on the shelf, when it was just sent."""
    form = current(NewSurvey)
    pictures, asked = st.columns([1.2, 1], gap="large")
    with pictures:
        given = asked_pictures("survey", _("they are deleted afterwards"))
    with asked:
        _conditions(settings, form)
    if not st.button(
        _("Start"),
        key="survey.start",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not given,
    ):
        return None
    try:
        with st.spinner(_("Reading the pictures …")):
            return _stored(given, settings, form)
    except (PictureError, ModelError, ScaleError) as error:
        shell.tell(str(error))
        return None


def asked_pictures(key: str, kept: str) -> Any:
    """Ask for many pictures: the zip or the folder's path; None while there is neither.

    Args:
        key: what the widgets' keys begin with.
        kept: how long the pictures of a zip stay.
    """
    how = ZIP
    if on_loopback():
        how = st.segmented_control(
            _("Pictures"),
            (ZIP, FOLDER),
            format_func=_,
            default=ZIP,
            required=True,
            key=f"{key}.how",
        )
    if how == FOLDER:
        path = st.text_input(
            _("Folder or file"),
            key=f"{key}.source",
            placeholder="/path/to/pictures",
            help=_(
                "Pictures, one folder per class, a ZIP or TAR file, Parquet, or a CSV list of "
                "paths and labels."
            ),
        )
        st.caption(_("It is read in place; nothing in it is changed."))
        return path.strip() or None
    most = min(MAX_ZIP_BYTES // 2**20, int(st.get_option("server.maxUploadSize")))
    given = st.file_uploader(
        _("ZIP file of pictures"), ["zip"], key=f"{key}.zip", max_upload_size=most
    )
    st.caption(
        _(
            "One folder per class gives statistics per class. At most {pictures} pictures and "
            "{size} MB; {kept}."
        ).format(pictures=f"{MAX_PICTURES:,}", size=most, kept=kept)
    )
    return given


def store_zip(data: bytes, file: Path) -> None:
    """Write an uploaded zip, once it is known to hold pictures.

    Raises:
        PictureError: it is too large, not a zip, without pictures, with too many of them, or
            cannot be written.
    """
    if len(data) > MAX_ZIP_BYTES:
        raise PictureError(f"The zip is over {MAX_ZIP_BYTES // 2**20} MB: send fewer pictures.")
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise PictureError("The file is not a complete zip: create it again.")
    try:
        file.write_bytes(data)
    except OSError as error:
        raise PictureError(f"The zip cannot be stored: {error.strerror or error}.") from error
    count = sum(1 for _about in open_dataset(file).abouts())
    if count > MAX_PICTURES:
        raise PictureError(f"The zip holds over {MAX_PICTURES:,} pictures: send fewer.")


def _conditions(settings: Settings, form: NewSurvey) -> None:
    known = shell.model_ids()
    st.selectbox(
        _("Model"),
        list(dict.fromkeys([*known, settings.model])),
        format_func=lambda name: (
            f"{name} · {identity.kind(known[name])}" if name in known else name
        ),
        **controls.bound("survey.model", settings.model, Settings, "model"),
    )
    st.pills(
        _("Protocols"),
        PROTOCOLS,
        format_func=terms.protocol,
        selection_mode="multi",
        help=terms.protocol_help(),
        **controls.bound("survey.protocols", list(form.protocols), NewSurvey, "protocols"),
    )
    scales, limit = st.columns(2, gap="medium")
    scales.text_input(
        _("Scales"),
        help=_("For example 1,1.5,2 or 1:2:5. Changes are measured from scale 1."),
        **controls.bound("survey.scales", form.scales, NewSurvey, "scales"),
    )
    limit.number_input(
        _("At most"),
        0,
        10**7,
        step=100,
        help=_("Number of pictures, evenly spread over all; 0 for all."),
        **controls.bound("survey.limit", form.limit, NewSurvey, "limit"),
    )


def _stored(given: Any, settings: Settings, form: NewSurvey) -> StoredSurvey:
    """Check everything and put it on the shelf.

    Raises:
        PictureError, ModelError, ScaleError: it cannot be surveyed.
    """
    scales = tuple(sorted(set(parse_scales(form.scales))))
    if len(scales) > MAX_SCALES:
        raise ScaleError(
            f"{len(scales)} scales are too many: use at most {MAX_SCALES} in a survey."
        )
    if not form.protocols:
        raise ScaleError("No protocol is chosen: choose zoom, with blur as its control.")
    if settings.model == UPLOAD:
        # A survey outlives the session, and after the server: it needs a model by name.
        raise ModelError(
            "A checkpoint opened on the page is not stored: pass its path to 'sk-viz survey "
            "--model'."
        )
    model = shell.model(settings)
    for protocol in form.protocols:
        check_scales(scales, protocol, model.preprocessing.input_size)
    path = given if isinstance(given, str) else ""
    if path:
        path = str(Path(path).expanduser().absolute())
        open_dataset(path)
    title = Path(path or given.name).stem
    request = SurveyRequest(
        path, settings.model, scales, tuple(form.protocols), form.limit or None, settings.device
    )
    with new_folder() as folder:
        if not path:
            store_zip(given.getvalue(), folder / PICTURES)
        return keep(folder, title, request)
