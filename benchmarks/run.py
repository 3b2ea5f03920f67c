"""`make bench`: every measurement there is, or those named; each prints a table of ratios measured within one run.

    python -m benchmarks.run [service] [boundary] [xqbench] [perf] [memory] [sparse] [random]

xqbench and perf need the public suites beside this checkout and their peers installed (see their READMEs).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def _python(*command: str, directory: Path = ROOT, **environment: str) -> int:
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = {**os.environ, "PYTHONPATH": paths, **environment}
    return subprocess.run([sys.executable, *command], cwd=directory, env=settings, check=False).returncode


def service() -> int:
    """The documented program against `1`, over HTTP."""
    return _python("-m", "benchmarks.service")


def boundary() -> int:
    """XQuery against the same calls on the compute backend."""
    return _python("-m", "benchmarks.boundary")


def xqbench() -> int:
    """Queries, warm and cold, against SaxonC-HE."""
    suite = SHARED / "xqbench"
    if not suite.is_dir():
        print("xqbench: the suite is not beside this checkout")
        return 0
    adapter = ("--engines", "saxonche,ours", "--adapter", "benchmarks.xqbench_adapter:Engine", "--path", str(ROOT))
    status = _python("bench.py", *adapter, directory=suite)
    return _python("bench.py", *adapter, "--first-run", directory=suite) or status


def perf() -> int:
    """Operators and training steps against PyTorch, ONNX Runtime and JAX, those of them that are installed."""
    suite = SHARED / "perf"
    if not suite.is_dir():
        print("perf: the suite is not beside this checkout")
        return 0
    peers = "torch_peer,torch_cl_peer,ort_peer,jax_peer,ours_peer"
    command = ("bench.py", "--peers", peers, "--ours", "ours_peer")
    return _python(*command, directory=suite, PERF_PATH=str(ROOT / "benchmarks" / "perf"))


def memory() -> int:
    """Growth of peak memory over the built plan for a training step of a convolution."""
    return _python("-m", "benchmarks.memory")


def sparse() -> int:
    """A training step of an embedding of 345,861 rows against one of 3,458 rows."""
    return _python("-m", "benchmarks.sparse")


def random() -> int:
    """CNTK's random numbers against those of NumPy's own generator."""
    return _python("-m", "benchmarks.random_draws")


BENCHMARKS: dict[str, Callable[[], int]] = {
    "service": service,
    "boundary": boundary,
    "xqbench": xqbench,
    "perf": perf,
    "memory": memory,
    "sparse": sparse,
    "random": random,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    names: list[str] = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    status = 0
    for name in names:
        print(f"\n== {name}: {BENCHMARKS[name].__doc__}", flush=True)
        status = BENCHMARKS[name]() or status
    return status


if __name__ == "__main__":
    sys.exit(main())
