"""What CNTK's random numbers cost beside those of NumPy's own generator: ten million draws, ratios within one run.

python -m benchmarks.random_draws [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from xquery_bridge.compute.random import RandomStream

DRAWS = 10_000_000
#: At most so many times NumPy's time.
BOUNDS = {"uniform": 5.0, "normal": 20.0}


def seconds(work: Callable[[], object]) -> float:
    begin = time.thread_time()  # of this thread: others on the machine do not count
    work()
    return time.thread_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    stream, generator = RandomStream(1), np.random.default_rng(1)
    theirs = {"uniform": generator.random, "normal": generator.standard_normal}
    for name, bound in BOUNDS.items():
        for dtype in (np.float32, np.float64):
            out = np.empty(DRAWS, dtype)
            ours = partial(getattr(stream, name), out)
            their = partial(theirs[name], out=out, dtype=dtype)
            pairs = [(seconds(ours), seconds(their)) for _ in range(rounds)]
            ratio = statistics.median(a / b for a, b in pairs)
            best = [min(times) * 1e3 for times in zip(*pairs, strict=True)]
            label = f"{name}, {np.dtype(dtype).name}"
            print(f"{label:<20}{best[0]:>9.0f} ms{best[1]:>9.0f} ms   ratio {ratio:.2f} (at most {bound:g})")


if __name__ == "__main__":
    main()
