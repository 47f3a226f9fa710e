"""A small random model on disk, and sources of small pictures drawn by numpy."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName, save_bundled

CLASSES = ("circle", "square", "noise")
CONFIG = SKNetConfig(
    depths=(1, 1),
    unit_widths=(16, 32),
    out_widths=(16, 32),
    stem_width=8,
    stem="small",
    groups=4,
    classes=len(CLASSES),
)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


def _random_model_folder(folder: Path, seed: int = 0) -> Path:
    """A model with random weights, its units alive: they answer different pictures differently."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = SKNet(CONFIG)
        for name, parameter in network.named_parameters():
            if "select" in name:
                torch.nn.init.normal_(parameter, std=0.5)
    names = [ClassName(name) for name in CLASSES]
    save_bundled(folder, network, Preprocessing(input_size=32), names, "Random weights.")
    return folder


def _encoded_picture(number: int, side: int = 48) -> bytes:
    """A PNG file; every number gives another picture."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 256, (side, side + number % 5, 3), dtype=np.uint8)
    pixels[: side // 2] = 40 * (number % 6)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    return _random_model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def class_folders(tmp_path):
    """An ImageFolder: 4 pictures of each of 3 classes, and one file that is no picture."""
    root = tmp_path / "pictures"
    for c, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for n in range(4):
            (root / name / f"{n}.png").write_bytes(_encoded_picture(10 * c + n))
    (root / "noise" / "broken.jpg").write_bytes(b"\xff\xd8\xffnot a whole picture")
    return root


def _write_table(path: Path, numbers: range, row_group_size: int = 7) -> Path:
    """A parquet file of pictures with boxes around a part of them; labels are numbers."""
    boxes = [[4, 8, 28, 20] if n % 3 else None for n in numbers]
    table = pa.table(
        {
            "jpeg": [_encoded_picture(n) for n in numbers],
            "label": pa.array([n % 3 for n in numbers], pa.int16()),
            "name": [f"picture {n}" for n in numbers],
            "box": pa.array(boxes, pa.list_(pa.int16(), 4)),
        }
    )
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def _write_labels(folder: Path) -> None:
    """A labels.json in which label 0 is the model's last class."""
    entries = [{"label": n, "name": name} for n, name in enumerate(reversed(CLASSES))]
    (folder / "labels.json").write_text(json.dumps(entries))


@pytest.fixture(scope="session")
def random_model_folder():
    return _random_model_folder


@pytest.fixture(scope="session")
def encoded_picture():
    return _encoded_picture


@pytest.fixture(scope="session")
def write_table():
    return _write_table


@pytest.fixture(scope="session")
def write_labels():
    return _write_labels
