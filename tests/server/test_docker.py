"""The container image against the tree, without docker: what the image holds is laid out, and its command is run."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from .conftest import ROOT, environment

TEXT = (ROOT / "docker/Dockerfile").read_text().replace("\\\n", " ")
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]


def instructions(name: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in LINES if line.split()[0] == name]


COPIES = [tuple(line.split()) for line in instructions("COPY")]
VARIABLES = dict(pair.split("=", 1) for line in instructions("ENV") for pair in line.split())
COMMAND: list[str] = [*json.loads(instructions("ENTRYPOINT")[0]), *json.loads(instructions("CMD")[0])]


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """A directory that holds what the image's /app and /data hold."""
    for source, target in COPIES:
        place = tmp_path / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)
    (tmp_path / "data").mkdir()
    yield tmp_path


def run(image: Path, command: list[str], **more: str) -> subprocess.Popen[str]:
    """Start a command of the image with its environment, on this machine's Python and a free port."""
    inside = {name: re.sub(r"^/(app|data)\b", rf"{image}/\1", value) for name, value in VARIABLES.items()}
    return subprocess.Popen(
        [sys.executable, *command[1:]],
        env=environment(**inside) | more,
        cwd=image / instructions("WORKDIR")[0].lstrip("/"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_each_copied_source_is_in_the_tree_and_reaches_the_build() -> None:
    ignored = (ROOT / "docker/Dockerfile.dockerignore").read_text().splitlines()
    assert {target for _, target in COPIES} == {f"/app/{source}" for source, _ in COPIES}
    for source, _ in COPIES:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_the_image_runs_without_root_and_pins_what_the_project_needs() -> None:
    assert instructions("USER") == ["cntk"]
    assert instructions("VOLUME") == [VARIABLES["CNTK_XQUERY_DATA"]]
    assert instructions("EXPOSE") == [VARIABLES["CNTK_XQUERY_PORT"]]
    lines = (ROOT / "docker/requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        needed = Requirement(text)
        assert needed.specifier.contains(pins[needed.name.lower()]), text


def test_without_a_password_it_ends_with_a_sentence(image: Path) -> None:
    process = run(image, COMMAND)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Listening on 0.0.0.0 lets other machines in, so a password must be set." in errors
    assert "CNTK_XQUERY_PASSWORD_FILE" in errors


def test_its_command_serves_on_all_addresses_and_its_health_check_agrees(image: Path) -> None:
    assert COMMAND == ["python", "-m", "server.cli", "serve"]
    assert VARIABLES["CNTK_XQUERY_HOST"] == "0.0.0.0"
    with socket.socket() as free:
        free.bind(("0.0.0.0", 0))
        port = str(free.getsockname()[1])
    health = json.loads(instructions("HEALTHCHECK")[0].partition("CMD")[2])
    secret = image / "secret"
    secret.write_text("word\n")
    process = run(image, COMMAND, CNTK_XQUERY_PORT=port, CNTK_XQUERY_PASSWORD_FILE=str(secret), CNTK_XQUERY_WORKERS="1")
    try:
        assert process.stdout is not None
        process.stdout.readline()
        response = httpx.post(f"http://127.0.0.1:{port}/v1/eval", data={"xquery": "1"}, auth=("admin", "word"))
        assert response.status_code == 200
        assert httpx.post(f"http://127.0.0.1:{port}/v1/eval", auth=("admin", "admin")).status_code == 401
        assert "00000000:" + f"{int(port):04X}" in Path("/proc/net/tcp").read_text()
        assert (image / "data/documents.db").exists()
        check = run(image, health, CNTK_XQUERY_PORT=port)
        assert check.wait(20) == 0
    finally:
        process.terminate()
        assert process.wait(15) == 0
    check = run(image, health, CNTK_XQUERY_PORT=port)
    assert check.wait(20) == 1
