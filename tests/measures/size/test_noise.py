from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sk_viz
from sk_viz.measures.size.noise import (
    disturbed,
    movement,
    noise_floor,
    noise_of,
    read_differences,
    shifted,
)
from sk_viz.pictures import Picture, stimuli


def test_a_shift_moves_the_frame_and_repeats_the_edge():
    rgb = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    right = shifted(rgb, 1, 0)
    np.testing.assert_array_equal(right[:, 1:], rgb[:, :-1])
    np.testing.assert_array_equal(right[:, 0], rgb[:, 0])
    up = shifted(rgb, 0, -1)
    np.testing.assert_array_equal(up[:-1], rgb[1:])
    np.testing.assert_array_equal(up[-1], rgb[-1])


def test_the_noise_is_the_root_mean_square_of_what_the_change_changes():
    first = np.array([[0.0, 1.0], [0.1, 1.0], [0.0, 1.3]])
    last = np.array([[0.5, 1.0], [0.5, 1.4], [0.5, 1.3]])
    # Changes: .5 and 0 undisturbed; .4 and .4, .5 and 0 disturbed.
    np.testing.assert_allclose(noise_of(first, last), [0.1 / np.sqrt(2), 0.4 / np.sqrt(2)])


def test_a_flat_picture_has_no_noise(tiny_model):
    flat = Picture(np.full((64, 64, 3), 90, np.uint8), "", "flat", "PNG")
    first, last = stimuli(flat, (1.0, 2.0), "zoom", tiny_model.preprocessing)
    assert max(noise_floor(tiny_model, first, last, jpeg=75).values()) < 1e-6


def test_the_noise_of_a_sweep_is_that_of_its_own_stimuli(tiny_model, noise_picture):
    found = sk_viz.sweep(tiny_model, noise_picture, (1.0, 2.0))
    noise = noise_floor(tiny_model, found.stimuli[0], found.stimuli[-1])
    assert list(noise) == list(found.units)
    changes = []
    for one, other in zip(disturbed(found.stimuli[0]), disturbed(found.stimuli[1]), strict=True):
        ends = read_differences(tiny_model, [one, other])
        changes.append(ends[1] - ends[0])
    expected = np.sqrt(np.mean([(c - changes[0]) ** 2 for c in changes[1:]], axis=0))
    np.testing.assert_allclose(list(noise.values()), expected, atol=1e-6)
    assert min(noise.values()) > 0


def test_compression_counts_where_it_is_asked_for(tiny_model, noise_picture):
    first, last = stimuli(noise_picture, (1.0, 2.0), "zoom", tiny_model.preprocessing)
    assert len(disturbed(first)) == 5
    assert len(disturbed(first, 50)) == 6
    plain, compressed = (noise_floor(tiny_model, first, last, jpeg=q) for q in (None, 5))
    assert plain != compressed


def test_differences_come_back_in_the_order_of_the_stimuli(tiny_model, noise_picture):
    preprocessing = tiny_model.preprocessing
    mixed = [
        *stimuli(noise_picture, (1.0, 2.0), "resolution", preprocessing),
        *stimuli(noise_picture, (2.0,), "window", preprocessing),
        *stimuli(noise_picture, (2.0,), "zoom", preprocessing),
    ]
    together = read_differences(tiny_model, mixed)
    alone = [read_differences(tiny_model, [one])[0] for one in mixed]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_units_count_only_beyond_their_noise(noise):
    table = pd.DataFrame(
        {
            "scale": [1.0] * 3 + [1.5] * 3 + [2.0] * 3,
            "unit": ["SK_2_1", "SK_3_1", "SK_4_1"] * 3,
            "difference": [0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 0.2, -0.2, 0.01],
        }
    )
    found = movement(table, dict.fromkeys(table["unit"], noise))
    if noise == 0.05:
        assert found.larger == ("SK_2_1",)
        assert found.smaller == ("SK_3_1",)
        assert found.too_small == ("SK_4_1",)
    else:
        assert found.larger == found.smaller == ()
        assert len(found.too_small) == 3
