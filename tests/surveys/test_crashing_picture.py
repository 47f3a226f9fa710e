"""A picture that makes its decoder crash is one more that cannot be read."""

from __future__ import annotations

from sk_viz.pictures.decoding import isolated
from sk_viz.surveys import run_survey
from sk_viz.surveys.store import Store

CRASHING = """
import ctypes
from sk_viz.pictures.decoding import worker as decoder
real = decoder.decode
def decode(data, format_, name):
    return ctypes.string_at(0) if name == "circle/2.png" else real(data, format_, name)
decoder.decode = decode
decoder.serve()
"""


def test_a_crash_stops_no_survey(tmp_path, model_folder, class_folders, monkeypatch):
    decoders = isolated.Decoders(program=CRASHING)
    monkeypatch.setattr(isolated, "_decoders", decoders)
    try:
        run_survey(str(model_folder), class_folders, tmp_path / "out", device="cpu")
    finally:
        decoders.close()
    rows = Store(tmp_path / "out").table().to_pandas()
    errors = rows.dropna(subset="error").set_index("name")["error"]
    assert set(errors.index) == {"circle/2.png", "noise/broken.jpg"}
    assert "made the decoder of PNG files crash" in errors["circle/2.png"]
    assert rows["position"].nunique() == 13
