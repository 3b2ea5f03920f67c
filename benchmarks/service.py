"""The documented program over HTTP, warm, against the query `1`: what a graph costs beside a request.

python -m benchmarks.service [--rounds N]
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
PROGRAM = (ROOT / "examples" / "convolution-transpose.xqy").read_text(encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_up(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the service did not start")


def seconds(client: httpx.Client, query: str, count: int) -> float:
    """The median time of a request."""
    times: list[float] = []
    for _ in range(count):
        begin = time.perf_counter()
        answer = client.post("/v1/eval", data={"xquery": query})
        times.append(time.perf_counter() - begin)
        answer.raise_for_status()
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds: int = parser.parse_args().rounds
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "server.cli", "serve", "--port", str(port), "--data", data, "--workers", "1"]
        service = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("admin", "admin"), timeout=60) as client:
                wait_until_up(client)
                for query in ("1", PROGRAM):
                    seconds(client, query, 20)
                pairs = [(seconds(client, "1", 100), seconds(client, PROGRAM, 100)) for _ in range(rounds)]
        finally:
            service.terminate()
            service.wait()
    one, program = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    print(
        f"query 1 {one * 1e3:.2f} ms, documented program {program * 1e3:.2f} ms, ratio {ratio:.2f} (median of {rounds})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
