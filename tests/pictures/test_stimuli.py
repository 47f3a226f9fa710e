"""The protocols zoom, blur and resolution, against other resamplers and by laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sk_viz.errors import PictureError, ScaleError
from sk_viz.pictures import Box, Picture, normalise, stimuli, window
from sk_viz.preprocessing import Preprocessing

SMALL = Preprocessing(input_size=64, crop_fraction=1.0)
EIGHTHS = Preprocessing(input_size=64, crop_fraction=0.875)


def picture(width: int, height: int, seed: int = 0) -> Picture:
    """Blotches of every size with some noise, so that a wrong filter or shift shows."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3))
    for cells in (3, 9, 31):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        pixels += np.asarray(coarse.resize((width, height), Image.Resampling.BILINEAR)) / 3
    pixels += rng.normal(0, 12, pixels.shape)
    return Picture(np.clip(pixels, 0, 255).astype(np.uint8), "0" * 64, "blotches", "PNG")


def part(whole: Picture, left: int, top: int, right: int, bottom: int) -> Picture:
    cut = np.ascontiguousarray(whole.pixels[top:bottom, left:right])
    return Picture(cut, whole.sha256, whole.name, whole.format)


def difference(a: np.ndarray, b: np.ndarray) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def torch_resized(pixels: np.ndarray, side: int) -> np.ndarray:
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].double()
    resized = torch.nn.functional.interpolate(
        tensor, (side, side), mode="bicubic", antialias=True, align_corners=False
    )
    return resized[0].permute(1, 2, 0).round().clamp(0, 255).numpy().astype(np.uint8)


@pytest.mark.parametrize("scale", [1.0, 2.0, 4.0])
def test_zoom_is_the_resized_centre(scale: float) -> None:
    whole = picture(384, 256)
    (stimulus,) = stimuli(whole, [scale], "zoom", SMALL)
    half = round(128 / scale)
    centre = whole.pixels[128 - half : 128 + half, 192 - half : 192 + half]
    # The reference sees the window alone, so that two pixels at its border differ.
    inside = (slice(3, -3), slice(3, -3))
    assert difference(stimulus.rgb[inside], torch_resized(centre, 64)[inside]) <= 1
    assert stimulus.scale == scale


def test_zoom_looks_at_the_pixels_around_its_window() -> None:
    whole = picture(384, 256)
    (stimulus,) = stimuli(whole, [2.0], "zoom", SMALL)
    whole_zoomed = torch_resized(whole.pixels[:, 64:320], 128)
    assert difference(stimulus.rgb, whole_zoomed[32:96, 32:96]) <= 1


def test_zoom_brings_detail_that_the_small_crop_has_lost() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    whole = Picture(stripes, "", "stripes", "PNG")
    at_one, at_eight = stimuli(whole, [1.0, 8.0], "zoom", SMALL)
    assert at_one.rgb[8:-8, 8:-8].std() < 3
    assert at_eight.rgb.std() > 100


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 40), st.integers(0, 40), st.integers(0, 9))
def test_zooming_is_showing_the_central_part(k: int, x: int, y: int, seed: int) -> None:
    """At s the picture shows what its central 1/s, a picture of its own, shows at 1."""
    whole = picture(64 * k + 2 * x, 64 * k + 2 * y, seed)
    inner = Preprocessing(input_size=16, crop_fraction=0.5)
    side = min(whole.width, whole.height)
    scale = side / (side - 2 * k)
    centre = part(
        whole, k, k, whole.width - k, whole.height - k
    )  # its shorter side is side / scale, at the same centre
    (zoomed,) = stimuli(whole, [scale], "zoom", inner)
    (shown,) = stimuli(centre, [1.0], "zoom", inner)
    assert difference(zoomed.rgb, shown.rgb) <= 1


@pytest.mark.parametrize("point", [(0.0, 0.0), (1.0, 1.0), (0.3, 0.8)])
def test_zoom_at_one_is_the_evaluation_crop_whatever_the_point(point: tuple[float, float]) -> None:
    whole = picture(200, 160)
    (stimulus,) = stimuli(whole, [1.0], "zoom", EIGHTHS, point=point)
    reference = Image.fromarray(whole.pixels).resize(
        (64, 64), Image.Resampling.BICUBIC, box=(30, 10, 170, 150)
    )
    assert difference(stimulus.rgb, np.asarray(reference)) <= 1


def test_a_point_moves_the_zoom() -> None:
    whole = picture(256, 256)
    (stimulus,) = stimuli(whole, [4.0], "zoom", SMALL, point=(0.75, 0.25))
    assert window(whole, 4.0, "zoom", SMALL, point=(0.75, 0.25)) == Box(160, 32, 224, 96)
    assert difference(stimulus.rgb, whole.pixels[32:96, 160:224]) == 0


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.floats(1, 64),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0.1, 0.875, 0.95, 1.0]),
)
def test_any_picture_scale_and_point_can_be_shown(
    width: int, height: int, scale: float, x: float, y: float, fraction: float
) -> None:
    flat = Picture(np.full((height, width, 3), (9, 99, 199), np.uint8), "", "flat", "PNG")
    preprocessing = Preprocessing(input_size=32, crop_fraction=fraction)
    (zoomed,) = stimuli(flat, [scale], "zoom", preprocessing, point=(x, y))
    (blurred,) = stimuli(flat, [scale], "blur", preprocessing)
    for rgb in (zoomed.rgb, blurred.rgb):
        assert rgb.shape == (32, 32, 3)
        assert (rgb == (9, 99, 199)).all()


def test_far_along_a_very_long_picture_the_window_is_as_exact_as_elsewhere() -> None:
    pixels = np.zeros((4, 3_000_000, 3), np.uint8)
    pixels[:, 1_499_950:1_500_050] = picture(100, 4).pixels
    long = Picture(pixels, "", "long", "PNG")
    (far,) = stimuli(long, [7.0], "zoom", SMALL)
    (near,) = stimuli(part(long, 1_499_950, 0, 1_500_050, 4), [7.0], "zoom", SMALL)
    assert difference(far.rgb, near.rgb) <= 1


def test_blur_at_one_is_the_zoom_to_one() -> None:
    whole = picture(200, 160)
    (blurred,) = stimuli(whole, [1.0], "blur", EIGHTHS)
    (zoomed,) = stimuli(whole, [1.0], "zoom", EIGHTHS)
    assert difference(blurred.rgb, zoomed.rgb) == 0


@pytest.mark.parametrize(("scale", "small"), [(1.5, 43), (2.0, 32), (4.0, 16)])
def test_blur_shrinks_and_enlarges(scale: float, small: int) -> None:
    whole = picture(64, 64)
    (blurred,) = stimuli(whole, [scale], "blur", SMALL)
    reference = torch_resized(torch_resized(whole.pixels, small), 64)
    assert difference(blurred.rgb, reference) <= 2


def test_blur_removes_detail_and_leaves_the_object_its_size() -> None:
    disc = np.zeros((256, 256, 3), np.uint8)
    y, x = np.mgrid[0:256, 0:256]
    disc[(x - 128) ** 2 + (y - 128) ** 2 < 70**2] = 255
    shown = stimuli(Picture(disc, "", "disc", "PNG"), [1.0, 2.0, 4.0], "blur", SMALL)
    areas = [stimulus.rgb.mean() for stimulus in shown]
    assert areas == pytest.approx([areas[0]] * 3, rel=0.01)
    edges = [int(np.abs(np.diff(s.rgb[32, :, 0].astype(int))).max()) for s in shown]
    assert edges[0] > edges[1] > edges[2]


def test_resolution_at_one_is_the_zoom_to_one() -> None:
    whole = picture(200, 160)
    (large,) = stimuli(whole, [1.0], "resolution", EIGHTHS)
    (zoomed,) = stimuli(whole, [1.0], "zoom", EIGHTHS)
    assert difference(large.rgb, zoomed.rgb) == 0


@pytest.mark.parametrize(("scale", "side"), [(0.5, 32), (1.0, 64), (1.3, 83), (2.0, 128)])
def test_resolution_changes_the_side(scale: float, side: int) -> None:
    whole = picture(384, 256)
    (stimulus,) = stimuli(whole, [scale], "resolution", SMALL)
    inside = (slice(3, -3), slice(3, -3))
    reference = torch_resized(whole.pixels[:, 64:320], side)
    assert difference(stimulus.rgb[inside], reference[inside]) <= 1


@pytest.mark.parametrize("protocol", ["zoom", "blur", "resolution"])
def test_stimuli_come_in_order_the_same_each_time_and_read_only(protocol: str) -> None:
    whole = picture(100, 80)
    first = stimuli(whole, [2.0, 1.0, 1.5], protocol, EIGHTHS)
    again = stimuli(whole, [2.0, 1.0, 1.5], protocol, EIGHTHS)
    assert [stimulus.scale for stimulus in first] == [2.0, 1.0, 1.5]
    for a, b in zip(first, again, strict=True):
        assert a.rgb.dtype == np.uint8
        assert not a.rgb.flags.writeable
        assert (a.rgb == b.rgb).all()


def test_windows_of_the_other_protocols_are_the_evaluation_crop() -> None:
    whole = picture(200, 160)
    for protocol in ("blur", "resolution"):
        assert window(whole, 2.0, protocol, EIGHTHS) == Box(30, 10, 170, 150)


def test_what_makes_no_sense_together() -> None:
    whole = picture(50, 50)
    with pytest.raises(ScaleError, match="too small"):
        stimuli(whole, [0.5], "zoom", SMALL)
    with pytest.raises(ScaleError, match="pixels wide"):
        stimuli(whole, [0.1], "resolution", SMALL)
    with pytest.raises(ScaleError, match="outside"):
        stimuli(whole, [1.0], "zoom", SMALL, point=(2.0, 0.0))
    with pytest.raises(ScaleError, match="no protocol"):
        stimuli(whole, [1.0], "shrink", SMALL)
    with pytest.raises(PictureError, match="no transparent background"):
        stimuli(whole, [1.0], "object", SMALL)
    with pytest.raises(PictureError, match="str is not a picture: read it"):
        stimuli("cat.jpg", [1.0], "zoom", SMALL)  # type: ignore[arg-type]


def test_normalise_is_that_of_torchvision() -> None:
    functional = pytest.importorskip("torchvision.transforms.functional")
    rgb = picture(40, 30).pixels
    ours = normalise(rgb, EIGHTHS)
    reference = functional.normalize(
        functional.to_tensor(rgb.copy()), list(EIGHTHS.mean), list(EIGHTHS.std)
    ).numpy()
    assert ours.dtype == np.float32
    assert ours.flags.c_contiguous
    assert ours.shape == (3, 30, 40)
    np.testing.assert_allclose(ours, reference, atol=1e-6)
