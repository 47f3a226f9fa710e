from __future__ import annotations

import numpy as np
import pytest

from sk_viz.pictures.nulls import blobs, scale_free_noise, texture


def spectrum(picture):
    """Mean power by frequency in cycles a picture."""
    grey = picture.pixels.mean(axis=2)
    power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    side = grey.shape[0]
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))) * side
    ring = np.rint(radius).astype(int)
    return np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())


def test_the_noise_has_the_same_power_in_every_octave():
    power = np.mean([spectrum(scale_free_noise(seed, 256)) for seed in range(6)], axis=0)
    frequency = np.arange(1, 100)
    octaves = [
        (power[low : 2 * low] * 2 * np.pi * frequency[low - 1 : 2 * low - 1]).sum()
        for low in (4, 8, 16, 32)
    ]
    assert max(octaves) / min(octaves) < 1.35


def test_blobs_are_of_one_size_whatever_the_side():
    for side in (256, 512):
        power = spectrum(blobs(1, side))[1 : side // 2] * np.arange(1, side // 2)
        assert np.argmax(power) == pytest.approx(176 / 12, abs=2)
        assert power[30:60].sum() < 0.05 * power.sum()


def test_a_texture_has_a_direction():
    grey = texture(3).pixels.mean(axis=2)
    power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    rows, columns = np.meshgrid(np.fft.fftfreq(512), np.fft.fftfreq(512), indexing="ij")
    along = np.abs((power * np.exp(2j * np.arctan2(rows, columns))).sum()) / power.sum()
    assert along > 0.7
    blob = blobs(3).pixels.mean(axis=2)
    power = np.abs(np.fft.fft2(blob - blob.mean())) ** 2
    assert np.abs((power * np.exp(2j * np.arctan2(rows, columns))).sum()) / power.sum() < 0.3


@pytest.mark.parametrize("make", [scale_free_noise, blobs, texture])
def test_the_seed_alone_decides(make):
    assert make(1, 64).sha256 == make(1, 64).sha256
    assert make(1, 64).sha256 != make(2, 64).sha256
