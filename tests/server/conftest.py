"""A service in processes of its own, as a user starts it, and a client to it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "admin", "admin"


@dataclass
class Service:
    """A running service: its process and its address."""

    process: subprocess.Popen[str]
    base: str

    @property
    def workers(self) -> list[psutil.Process]:
        """The worker processes; they are children of the service."""
        found = psutil.Process(self.process.pid).children()
        return [each for each in found if "server.worker" in " ".join(each.cmdline())]

    def client(self, auth: httpx.Auth | None = None) -> httpx.Client:
        return httpx.Client(base_url=self.base, auth=auth or httpx.BasicAuth(USER, PASSWORD), timeout=30)

    def query(self, text: str, **fields: str) -> httpx.Response:
        """Evaluate a query over a connection of its own."""
        with self.client() as client:
            return client.post("/v1/eval", data={"xquery": text, **fields})


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of the service, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CNTK_XQUERY_")}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def start(data: Path, *options: str, **variables: str) -> Service:
    """Start a service and wait until it says where it is."""
    command = [sys.executable, "-m", "server.cli", "serve", "--port", "0", "--data", str(data), *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(**variables), cwd=data.parent
    )
    assert process.stdout is not None
    greeting = process.stdout.readline()
    found = re.search(r"http://[^/]+", greeting)
    assert found is not None, f"no address in {greeting!r}"
    return Service(process, found[0])


def end(service: Service) -> None:
    if service.process.poll() is None:
        service.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.process.wait(15)
    service.process.kill()
    service.process.wait()
    if service.process.stdout is not None:
        service.process.stdout.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the tests that leave it as it is; its limits are short, so that tests of limits are quick."""
    data = tmp_path_factory.mktemp("service") / "data"
    running = start(data, "--workers", "2", "--time-limit", "2", "--memory-limit", "300", "--body-limit", "8")
    yield running
    end(running)


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def parts(response: httpx.Response) -> list[tuple[str, str, bytes]]:
    """The parts of a multipart answer: Content-Type, X-Primitive and body of each."""
    if response.headers["content-length"] == "0":
        return []
    assert response.status_code == 200, response.text
    boundary = re.fullmatch(r"multipart/mixed; boundary=([0-9a-f]{16})", response.headers["content-type"])
    assert boundary is not None
    first, *middle, last = response.content.split(b"\r\n--" + boundary[1].encode())
    assert (first, last) == (b"", b"--\r\n")
    found = []
    for piece in middle:
        head, _, body = piece.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        found.append((lines["Content-Type"], lines["X-Primitive"], body))
    return found


def strings(response: httpx.Response) -> list[str]:
    """The bodies of an answer's parts as text."""
    return [body.decode() for _, _, body in parts(response)]


def error(response: httpx.Response) -> dict[str, object]:
    """The fields of an error in JSON."""
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    fields: dict[str, object] = response.json()["errorResponse"]
    assert fields["statusCode"] == response.status_code
    return fields


def wait_until(condition: object, seconds: float) -> bool:
    """Whether `condition()` comes true within that time."""
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False
