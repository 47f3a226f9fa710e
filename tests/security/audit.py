"""What is known against the packages that this project runs on: part of ``make test``.

``pip check`` and pip-audit, which asks the database of osv.dev. Without a network that is said and
nothing fails. A known fault fails only where a version without it fits everybody's bounds, so that
updating the environment mends it; others are told.
"""

from __future__ import annotations

import importlib.metadata
import json
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

SERVICE = "api.osv.dev"
SECONDS = 3.0  # to find out whether the service can be reached
LONGEST = 120.0  # for all answers


def closure(name: str) -> dict[str, str]:
    """Every installed package that a package needs to run, and its version."""
    found: dict[str, str] = {}
    waiting = [name]
    while waiting:
        one = importlib.metadata.distribution(waiting.pop())
        for text in one.requires or ():
            needed = Requirement(text)
            if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                continue
            key = needed.name.lower().replace("_", "-")
            if key not in found:
                found[key] = importlib.metadata.version(needed.name)
                waiting.append(needed.name)
    return found


def bounds_of(names: Iterable[str]) -> dict[str, SpecifierSet]:
    """The bounds that these packages together set on others."""
    found: dict[str, SpecifierSet] = {}
    for name in names:
        for text in importlib.metadata.distribution(name).requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                key = needed.name.lower().replace("_", "-")
                found[key] = found.get(key, SpecifierSet()) & needed.specifier
    return found


def judge(
    answer: Mapping[str, Any], bounds: Mapping[str, SpecifierSet]
) -> tuple[list[str], list[str]]:
    """What must be mended, and what can only be told, of pip-audit's JSON."""
    wrong: list[str] = []
    told: list[str] = []
    for package in answer["dependencies"]:
        allowed = bounds.get(package["name"].lower(), SpecifierSet())
        for fault in package.get("vulns", ()):
            fixed = [v for v in fault["fix_versions"] if allowed.contains(v, prereleases=False)]
            line = f"{package['name']} {package['version']}: {fault['id']}"
            if fixed:
                wrong.append(f"{line}, mended in {fixed[-1]}: update the environment")
            else:
                told.append(f"{line}, not mended in any version that fits")
    return wrong, told


def reachable() -> str:
    """Why the service cannot be asked; "" when it can."""
    if "https" in urllib.request.getproxies():
        return ""  # the proxy is asked instead, and answers for it
    try:
        socket.create_connection((SERVICE, 443), timeout=SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def ask(packages: Iterable[tuple[str, str]]) -> dict[str, Any] | None:
    """pip-audit's answer; None when it got none."""
    # Versions of a build, such as 2.9.0+cpu, are of the same sources.
    lines = [f"{name}=={version.partition('+')[0]}\n" for name, version in packages]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "packages.txt"
        listed.write_text("".join(lines))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(listed)]
        command += ["--no-deps", "--disable-pip", "--vulnerability-service", "osv"]
        command += ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, timeout=LONGEST, check=False
            )
            answer: dict[str, Any] = json.loads(ended.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            return None
    return answer


def main() -> int:
    """Audit the environment; the exit code."""
    if subprocess.run([sys.executable, "-m", "pip", "check"], check=False).returncode:
        return 1
    packages = closure("sk-viz")
    why = reachable()
    answer = None if why else ask(packages.items())
    if answer is None:
        reason = why or "no answer"
        print(f"pip-audit: {len(packages)} packages were not audited ({SERVICE}: {reason}).")
        return 0
    wrong, told = judge(answer, bounds_of(["sk-viz", *packages]))
    print(f"pip-audit: {len(packages)} packages, {len(wrong)} to update, {len(told)} to know of.")
    print("".join(f"  {line}\n" for line in wrong + told), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
