"""Writes docker/requirements.txt: the dependencies of pyproject.toml and all that they need, at the installed versions.

.venv/bin/python docker/pin_requirements.py      (or: make pins)
"""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# What the image installs; written by `make pins` from the versions the tests ran with.\n"


def main() -> None:
    pins: dict[str, str] = {}
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]:
        _pin(Requirement(text), pins)
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items())]
    (ROOT / "docker/requirements.txt").write_text(HEAD + "".join(lines), "utf-8")


def _pin(needed: Requirement, pins: dict[str, str]) -> None:
    """Add a distribution and what it needs to the pins."""
    extras = needed.extras or {""}
    if needed.marker is not None and not any(needed.marker.evaluate({"extra": extra}) for extra in extras):
        return
    found = distribution(needed.name)
    name = found.metadata["Name"].lower().replace("_", "-")
    if name in pins:
        return
    pins[name] = found.version
    for text in found.requires or ():
        below = Requirement(text)
        if below.marker is None or any(below.marker.evaluate({"extra": extra}) for extra in extras):
            _pin(Requirement(text.partition(";")[0]), pins)


if __name__ == "__main__":
    main()
