"""Runs the conformance cases whose functions all exist here, and fails when one that passed before is lost.

python -m benchmarks.conformance [--cases FILE] [--group NAME*] [--id TEXT] [--update] [--failures]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.ratchet import Ratchet

DEFAULT = Path(__file__).parents[2] / "shared" / "conformance"
CNTK = "http://marklogic.com/cntk"


def judge(directory: Path) -> ModuleType:
    """The module that came with the cases and says whether an answer is right."""
    spec = importlib.util.spec_from_file_location("run_conformance", directory / "run_conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def known_functions() -> set[str]:
    """The local names of the cntk: functions in the registry."""
    from xquery_bridge.library import tables

    return {row.local for table in tables() for row in table.rows if row.uri == CNTK}


def run(job: tuple[str, dict[str, Any]]) -> tuple[str, str, str | None]:
    """One case: its group, id, and what is wrong with the answer (None: right)."""
    from benchmarks.conformance_adapter import evaluate

    directory, case = job
    items, error = None, None
    try:
        items = evaluate(case["query"])
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    try:
        why = judge(Path(directory)).check(case["expect"], items, error)
    except Exception as raised:
        why = f"cannot compare: {raised}"
    return case["group"], case["id"], why


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=DEFAULT / "cases.json")
    parser.add_argument("--group", default="*")
    parser.add_argument("--id", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--update", action="store_true", help="keep what passes now as the new ratchet")
    parser.add_argument("--failures", action="store_true", help="print each failing case")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    known = known_functions()
    every = json.loads(options.cases.read_text(encoding="utf-8"))["cases"]
    chosen = [case for case in every if fnmatch(case["group"], options.group) and options.id in case["id"]]
    runnable = [case for case in chosen if set(case["functions"]) <= known]
    jobs = [(str(options.cases.parent), case) for case in runnable]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        results = pool.map(run, jobs, chunksize=8)

    passed = {f"{group}/{name}" for group, name, why in results if why is None}
    groups, right = Counter(case["group"] for case in chosen), Counter(g for g, _, why in results if why is None)
    ran = Counter(case["group"] for case in runnable)
    print(f"{'group':<40}{'passed':>8}{'failed':>8}{'not run':>9}")
    for group in sorted(groups):
        print(f"{group:<40}{right[group]:>8}{ran[group] - right[group]:>8}{groups[group] - ran[group]:>9}")
    if options.failures:
        for group, name, why in results:
            if why is not None:
                print(f"{group}/{name}: {why}")
    ratchet = Ratchet("conformance")
    if options.update:
        ratchet.write(ratchet.passing() | passed)
    wanted = {f"{case['group']}/{case['id']}" for case in chosen}
    return ratchet.report(passed, (ratchet.passing() & wanted) - passed)


if __name__ == "__main__":
    sys.exit(main())
