"""A disk that is full in earnest: the kernel refuses what goes beyond so many bytes a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sk_viz.networks.sknet import SKNet, SKNetConfig
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.bundled import ClassName, save_bundled

resource = pytest.importorskip("resource", reason="no such bounds on this system")

Fault = Callable[[], AbstractContextManager[None]]


@contextmanager
def _full_disk(most: int = 100) -> Iterator[None]:
    """No file of this process can grow beyond ``most`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _read_only() -> Iterator[None]:
    """No file can be made; root may write everywhere, so that permissions would not do."""

    opened, closed = os.open, (errno.EROFS, os.strerror(errno.EROFS))

    def open_old(path: Path, flags: int, *more: int, **settings: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(*closed)
        return opened(path, flags, *more, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_old)
        yield


@pytest.fixture(params=[_full_disk, _read_only], ids=["full disk", "read-only"])
def fault(request: pytest.FixtureRequest) -> Fault:
    """Inside it nothing can be written whole."""
    chosen: Fault = request.param
    return chosen


@pytest.fixture
def full_disk() -> Fault:
    """Inside it the disk is full."""
    return _full_disk


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model."""
    config = SKNetConfig(
        depths=(1, 1), unit_widths=(8, 16), out_widths=(16, 24), stem_width=8, stem="small",
        groups=2, min_features=4, classes=6,
    )  # fmt: skip
    network = SKNet(config)
    network.wake()
    folder = tmp_path_factory.mktemp("model")
    classes = [ClassName(f"thing {i}") for i in range(6)]
    save_bundled(folder, network.eval(), Preprocessing(32, 1.0), classes, "Random, for a test.")
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of two classes."""
    folder = tmp_path_factory.mktemp("pictures")
    for n in range(12):
        place = folder / f"thing {n % 2}"
        place.mkdir(exist_ok=True)
        pixels = np.random.default_rng(n).integers(0, 256, (48, 56, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{n:02}.png")
    return folder


def _files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too, but for locks."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """What lies in a folder, by name."""
    return _files_of
