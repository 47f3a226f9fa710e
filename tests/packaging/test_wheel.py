"""The wheel that a user installs: what it holds, and that it opens the app by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.browser import browser, ready  # noqa: F401
from playwright.sync_api import Browser, expect
from server_process import free_port, wait_until_healthy

import sk_viz

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
DATA = {"assets": "assets", "models": "models", ".streamlit": "streamlit"}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def environment() -> dict[str, str]:
    """This process's environment, but for what would bring in the checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that ``python -m build`` makes of the files under version control alone."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    run(
        sys.executable, "-m", "build", "--outdir", source / "dist", cwd=source
    )  # by way of an sdist
    (built,) = (source / "dist").glob("*.whl")
    assert list((source / "dist").glob("*.tar.gz"))
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment with the wheel alone; it borrows the other packages from here.

    The line of a .pth file is a place to import from, whose own .pth files, such as that of an
    editable install, are not read.
    """
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--no-deps", "--quiet", wheel, cwd=folder)
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(scripts / "python", "-c", place, cwd=folder).strip())
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return scripts


def test_it_holds_every_file_of_the_package_and_its_data(contents: dict[str, bytes]) -> None:
    expected = set()
    for name in tracked():
        folder, _, rest = name.partition("/")
        if folder == "sk_viz":
            expected.add(name)
        elif folder in DATA:
            expected.add(f"sk_viz/_data/{DATA[folder]}/{rest}")
    found = {name for name in contents if name.startswith("sk_viz/")}
    assert found == expected
    for name in ("assets/samples.json", "models/sknet_tiny/model.safetensors"):
        assert contents[f"sk_viz/_data/{name}"] == (ROOT / name).read_bytes()


def test_it_states_its_licences(contents: dict[str, bytes]) -> None:
    (about,) = (name for name in contents if name.endswith(".dist-info/METADATA"))
    lines = contents[about].decode().splitlines()
    assert f"Version: {sk_viz.__version__}" in lines
    (expression,) = (line for line in lines if line.startswith("License-Expression: "))
    assert expression.startswith("License-Expression: Apache-2.0 AND ")
    folder = about.removesuffix("METADATA") + "licenses/"
    for name in ("LICENSE", "NOTICE", "assets/LICENSES.md"):
        assert contents[folder + name] == (ROOT / name).read_bytes()


def test_nothing_in_it_is_under_the_gpl(contents: dict[str, bytes]) -> None:
    for name, data in contents.items():
        assert b"GNU GENERAL PUBLIC LICENSE" not in data, name
    listed = json.loads(contents["sk_viz/_data/assets/samples.json"])["samples"]
    assert not [entry["id"] for entry in listed if "GPL" in entry["licence"]]


def test_the_command_line_of_a_bare_environment(bare: Path, tmp_path: Path) -> None:
    where = run(bare / "python", "-c", "import sk_viz; print(sk_viz.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(bare.parent)
    models = json.loads(run(bare / "sk-viz", "models", "--json", cwd=tmp_path))
    assert "sknet_tiny" in {model["id"] for model in models}
    coffee = str(ROOT / "assets" / "photos" / "coffee.jpg")
    command = ("sweep", coffee, "--scales", "1,1.5", "--json", "--device", "cpu")
    swept = json.loads(run(bare / "sk-viz", *command, cwd=tmp_path))
    assert swept["record"]["sk_viz"] == sk_viz.__version__
    assert swept["predictions"][0]["name"] == "espresso"
    again = json.loads(run(bare / "python", "-m", "sk_viz", *command, cwd=tmp_path))
    assert again == swept


@pytest.fixture(scope="module")
def server(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the app, opened by the wheel's own command in an empty folder."""
    folder, port = tmp_path_factory.mktemp("app"), free_port()
    command = [str(bare / "sk-viz"), "app", "--no-browser", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
    assert "Traceback" not in (folder / "log").read_text()


@pytest.mark.browser
def test_the_app_of_a_bare_environment_draws_its_first_screen(
    server: str,
    browser: Browser,  # noqa: F811
) -> None:
    page = browser.new_page()
    page.goto(server)
    ready(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.close()
