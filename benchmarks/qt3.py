"""Runs the W3C's QT3 tests, and fails when one that passed before is lost.

A test that seems lost is run again alone with three times the limit before it counts: the machine may have been busy.

    python -m benchmarks.qt3 [--suite DIR] [--sets REGEX] [--jobs N] [--update]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from benchmarks.ratchet import Ratchet

DEFAULT = Path(__file__).parents[2] / "shared" / "qt3"
ROOT = Path(__file__).parents[1]
SECONDS = 10


def harness(suite: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_qt3", suite / "run_qt3.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(suite))
    spec.loader.exec_module(module)
    return module


def failures(suite: Path, seconds: int, jobs: int, *selection: str) -> set[str]:
    """Run the harness in a process of its own; the names of the tests that did not pass."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, str(suite / "run_qt3.py"), "--adapter", "benchmarks.qt3_adapter:evaluate"]
        command += ["--path", str(ROOT), "--strict", "--timeout", str(seconds), "--jobs", str(jobs)]
        subprocess.run([*command, "--json", file.name, *selection], cwd=ROOT, check=True)
        return {f"{entry['set']}/{entry['name']}" for entry in json.load(file)["failures"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", type=Path, default=DEFAULT)
    parser.add_argument("--sets", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--update", action="store_true", help="keep what passes now as the new ratchet")
    options = parser.parse_args()

    suite = options.suite.resolve()
    module = harness(suite)
    tests = [t for t in module.load_suite(suite, "xquery") if re.search(options.sets, t["set"])]
    runnable = {f"{t['set']}/{t['name']}" for t in tests if not t.get("skip")}
    selection = ["--sets", options.sets] if options.sets else []
    passed = runnable - failures(suite, SECONDS, options.jobs, *selection)

    ratchet = Ratchet("qt3")
    lost = (ratchet.passing() & runnable) - passed
    if lost:
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as names:
            names.write("\n".join(sorted(lost)))
            names.flush()
            again = failures(suite, 3 * SECONDS, 1, "--only-names", names.name)
        passed |= lost - again
        lost &= again
    if options.update:
        ratchet.write((ratchet.passing() - lost) | passed)
    return ratchet.report(passed, lost)


if __name__ == "__main__":
    sys.exit(main())
