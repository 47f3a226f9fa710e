"""Coverage-guided fuzzing: ``python tests/fuzz/fuzzers.py TARGET [-max_total_time=SECONDS]``.

What follows the target goes to libFuzzer. An input that breaks a promise is written to a file
``crash-...`` in the current folder; give that file's name in place of a time to run it again.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import atheris

Target = Callable[[bytes], None]
MEGABYTES = 1500  # what a decoding process may take, and enough for torch itself
PAGES = (
    "compare", "explore.view", "figures.page", "how_far", "learn.page", "state.settings",
    "survey.page", "survey.start", "survey.view", "what_if.page", "why", "what_if.worth",
)  # fmt: skip
# What addresses and scales are made of, right and wrong.
TOKENS = (
    *"0123456789.,:;=-+_ /\\%<&'\"eEx", "1:2:11", "1,1.5,2", "0.5,0.5", "inf", "nan", "1e3",
    "zoom", "blur", "object", "SK_3_4", "largest", "class", "in", "upload", "..", "9" * 40,
    "1" * 5000, "\n", "\0", "\N{ARABIC-INDIC DIGIT ONE}", "\u2028", "½", "é",
)  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, -1, 0, 1, 2, 3, 2.5, 10**9, 10**400, 1e308, float("nan"), "")
VALUES = (*VALUES, "x", "cifar", [], [1], [3, 5], [5, 3], [[1]], [10**9] * 4, {}, {"name": 1})


def _sentence(error: Exception) -> None:
    """What a user is told is one line of some length."""
    text = str(error)
    assert text, "an empty sentence"
    assert "\n" not in text, text


def _text(give: atheris.FuzzedDataProvider, most: int) -> str:
    """Any text, or one put together of tokens."""
    if give.ConsumeBool():
        return str(give.ConsumeUnicodeNoSurrogates(most))
    count = give.ConsumeIntInRange(0, 9)
    return "".join(give.PickValueInList(list(TOKENS)) for _ in range(count))


def picture() -> Target:
    """A picture or a PictureError."""
    from sk_viz.errors import PictureError
    from sk_viz.pictures import read_picture
    from sk_viz.pictures.decoding import formats

    formats.MAX_PIXELS = 1_000_000  # large ones take long and walk the same code

    def run(data: bytes) -> None:
        try:
            found = read_picture(data, "x")
        except PictureError as error:
            _sentence(error)
            return
        assert found.pixels.shape == (found.height, found.width, 3)
        assert 0 < found.width * found.height <= formats.MAX_PIXELS

    return run


def scales() -> Target:
    """Scales that a sweep takes, a point in the picture, or a ScaleError."""
    from sk_viz.cli.options import parse_point
    from sk_viz.errors import ScaleError
    from sk_viz.measures.attribution.targets import parse_target
    from sk_viz.pictures import PROTOCOLS, check_point, check_scales, parse_scales

    def run(data: bytes) -> None:
        give = atheris.FuzzedDataProvider(data)
        protocol, side = give.PickValueInList(list(PROTOCOLS)), give.ConsumeIntInRange(1, 4096)
        text = _text(give, 300)
        try:
            checked = check_scales(parse_scales(text), protocol, side)
        except ScaleError as error:
            _sentence(error)
        else:
            assert 0 < len(checked) == len(set(checked))
            assert all(0 < scale <= 64 for scale in checked)
        try:
            point = check_point(parse_point(text))
        except ScaleError as error:
            _sentence(error)
        else:
            assert all(0 <= share <= 1 for share in point)
        assert isinstance(parse_target(text), str | int | tuple)

    return run


def address() -> Target:
    """Settings that make an address which makes the same settings, and one line a refusal."""
    from sk_viz.app.state.address import MAX_LENGTH, from_address, to_address
    from sk_viz.app.state.settings import MAX_COUNT, Settings
    from sk_viz.errors import ScaleError

    pages = [importlib.import_module(f"sk_viz.app.{name}") for name in PAGES]
    kinds = [
        kind
        for page in pages
        for kind in vars(page).values()
        if dataclasses.is_dataclass(kind)
        and kind.__module__ == page.__name__
        and any(field.metadata for field in dataclasses.fields(kind))
    ]

    def run(data: bytes) -> None:
        give = atheris.FuzzedDataProvider(data)
        kind = give.PickValueInList(kinds)
        parameters = {
            field.metadata["name"]: _text(give, MAX_LENGTH + 20)
            for field in dataclasses.fields(kind)
            if field.metadata and give.ConsumeBool()
        }
        settings, refused = from_address(kind, parameters)
        assert all("\n" not in sentence for sentence in refused), refused
        written = to_address(settings)
        assert all(isinstance(text, str) for text in written.values()), written
        again, refused = from_address(kind, written)
        assert not refused, refused
        assert again == settings, (again, settings)
        if isinstance(settings, Settings):
            try:
                assert 0 < len(settings.scale_values) <= MAX_COUNT
            except ScaleError as error:
                _sentence(error)

    return run


def config() -> Target:
    """The settings of a model's folder, from which a network can be built, or a ModelError."""
    import torch

    from sk_viz.errors import ModelError
    from sk_viz.networks.sknet import SKNet
    from sk_viz.paths import models_dir
    from sk_viz.zoo.bundled import CONFIG, read_config

    folder = Path(tempfile.mkdtemp(dir=_FOLDER.name))
    whole = json.loads(next(models_dir().glob(f"*/{CONFIG}")).read_text(encoding="utf-8"))
    whole["classes"] = whole["classes"][:2]
    small = {"depths": [1, 1], "unit_widths": [8, 8], "out_widths": [8, 8], "classes": 2}
    whole["network"] |= small
    good = json.dumps(whole)

    def run(data: bytes) -> None:
        give = atheris.FuzzedDataProvider(data)
        raw = json.loads(good)
        for _ in range(give.ConsumeIntInRange(1, 3)):
            _change(raw, give)
        (folder / CONFIG).write_text(json.dumps(raw), encoding="utf-8")
        try:
            with torch.device("meta"):
                SKNet(read_config(folder).network)
        except ModelError as error:
            _sentence(error)

    return run


def checkpoint() -> Target:
    """The tensors of a file, or a ModelError; the first byte says of which kind it is."""
    from sk_viz.errors import ModelError
    from sk_viz.zoo.checkpoints import read_state

    folder = Path(tempfile.mkdtemp(dir=_FOLDER.name))

    def run(data: bytes) -> None:
        path = folder / ("x.pth" if data[:1] == b"p" else "x.safetensors")
        path.write_bytes(data[1:])
        try:
            read = read_state(path)
        except ModelError as error:
            _sentence(error)
            return
        assert sum(value.nbytes for value in read.values()) <= len(data)

    return run


def weights() -> Target:
    """A network that holds the weights, or a ModelError, whatever their names and shapes."""
    import torch

    from sk_viz.errors import ModelError
    from sk_viz.networks.sknet import SKNet, SKNetConfig
    from sk_viz.zoo.layouts import network_from_state

    with torch.device("meta"):
        network = SKNet(SKNetConfig((1, 1), (32, 32), (8, 8), 8, classes=3))
    whole = {k: torch.zeros(v.shape) for k, v in network.state_dict().items()}
    by_timm = {k.replace("blocks.SK_2_1.", "layer1.0."): v for k, v in whole.items()}
    parts = ["0", "1", "2", "999", "10000", "blocks.SK_2_1", "SK", "_", "head", "stem", "layer1"]
    parts += [
        "sk.branches",
        "conv2.paths",
        "conv2.fcs",
        "sk.select",
        "weight",
        "bias",
        "module",
        "",
    ]

    def run(data: bytes) -> None:
        give = atheris.FuzzedDataProvider(data)
        state = dict(give.PickValueInList([whole, by_timm]))
        for _ in range(give.ConsumeIntInRange(1, 4)):
            name = give.PickValueInList(list(state))
            value = state.pop(name)
            if give.ConsumeIntInRange(0, 2):
                pieces = name.split(".")
                pieces[give.ConsumeIntInRange(0, len(pieces) - 1)] = give.PickValueInList(parts)
                name = ".".join(pieces)
            if give.ConsumeBool():
                axes = give.ConsumeIntInRange(0, 5)
                value = torch.zeros([give.ConsumeIntInRange(0, 40) for _ in range(min(axes, 4))])
            state[name] = value
        try:
            network_from_state(state, "x")
        except ModelError as error:
            _sentence(error)

    return run


def _change(raw: Any, give: atheris.FuzzedDataProvider) -> None:
    """Put another value somewhere into a JSON document, or take one away."""
    while True:
        keys = list(raw) if isinstance(raw, dict) else list(range(len(raw)))
        if not keys:
            return
        key = give.PickValueInList(keys)
        if isinstance(raw[key], dict | list) and give.ConsumeIntInRange(0, 3):
            raw = raw[key]
        elif isinstance(raw, dict) and not give.ConsumeIntInRange(0, 9):
            del raw[key]
            return
        else:
            raw[key] = json.loads(json.dumps(give.PickValueInList(list(VALUES))))
            return


def picture_seeds() -> Iterable[bytes]:
    """The crafted files that are small."""
    sys.path.append(str(Path(__file__).parents[1]))  # run by hand, it finds the tests' scene
    from crafted_pictures import pictures  # lies beside this file

    for crafted in pictures():
        data = crafted.make()
        if len(data) < 4000:
            yield data


def checkpoint_seeds() -> Iterable[bytes]:
    """The same two tensors in each kind of file."""
    import torch
    from safetensors.torch import save

    state = {"head.weight": torch.ones(2, 3), "head.bias": torch.ones(2).half()}
    yield b"s" + save(state)
    for zipped in (True, False):
        file = io.BytesIO()
        torch.save({"state_dict": state}, file, _use_new_zipfile_serialization=zipped)
        yield b"p" + file.getvalue()


TARGETS = {"picture": picture, "scales": scales, "address": address, "config": config}
TARGETS |= {"checkpoint": checkpoint, "weights": weights}
SEEDS = {"picture": picture_seeds, "checkpoint": checkpoint_seeds}
# What is instrumented tells the fuzzer where it has been; all else would only be slower.
WATCHED = {
    "picture": ["sk_viz.pictures", "PIL"],
    "scales": [
        "sk_viz.pictures.scales",
        "sk_viz.cli.options",
        "sk_viz.measures.attribution.targets",
    ],
    "address": ["sk_viz.app", "sk_viz.pictures.scales"],
    "config": ["sk_viz.zoo", "sk_viz.networks"],
    "checkpoint": ["sk_viz.zoo.checkpoints", "sk_viz.zoo.pickles"],
    "weights": ["sk_viz.zoo", "sk_viz.networks"],
}


def main() -> None:
    """Fuzz one target until the time is up or a promise is broken."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=WATCHED[name], enable_loader_override=False):
        target = TARGETS[name]()
    corpus = Path(_FOLDER.name) / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[name]() if name in SEEDS else ()):
        (corpus / f"{number}").write_bytes(seed)
    options = [sys.argv[0], "-timeout=30", f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1"]
    options += ["-len_control=0", "-max_len=4000", *sys.argv[1:]]
    if not any(Path(option).is_file() for option in sys.argv[1:]):
        options.append(str(corpus))
    atheris.Setup(options, target)
    atheris.Fuzz()


if __name__ == "__main__":
    _FOLDER = tempfile.TemporaryDirectory(prefix="sk-viz-fuzz-")
    main()
