"""What a training step of an embedding costs in a large table and in a small one: the ratio should be near 1.

python -m benchmarks.sparse [--rounds N]

Both look up as many rows; the tables have 345,861 and 3,458 rows of 300 numbers.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from xquery_bridge import compute as cntk
from xquery_bridge.compute.learners import AdaGrad, Learner, MomentumSgd, Sgd

WIDTH, LOOKUPS, STEPS = 300, 256, 20
LARGE, SMALL = 345_861, 3_458
RATE = cntk.Schedule.from_constant(0.01, 1)
RULES: dict[str, Callable[[list[cntk.Parameter]], Learner]] = {
    "SGD": lambda p: Sgd(p, RATE),
    "MomentumSGD": lambda p: MomentumSgd(p, RATE, cntk.Schedule.from_constant(0.9, 1)),
    "AdaGrad": lambda p: AdaGrad(p, RATE),
}


def step_of(rows: int, way: str, rule: str) -> Callable[[], object]:
    """A training step of an embedding of so many rows."""
    table = cntk.parameter(cntk.Shape((WIDTH, rows)), "float", 0.1)
    x = cntk.input_variable(cntk.Shape(()), dynamic_axes=[cntk.Axis.default_batch()])
    if way == "gather":
        embedded = cntk.gather_op(x, table)
    else:
        embedded = cntk.times(table, cntk.one_hot_op(x, rows, True, cntk.Axis.static(0)))
    loss = cntk.reduce_sum(cntk.element_times(embedded, embedded), cntk.Axis.all_static_axes())
    trainer = cntk.Trainer(embedded, loss, None, [RULES[rule]([table])])
    chosen = np.random.default_rng(1).integers(0, SMALL, LOOKUPS)
    value = cntk.Value.batch(cntk.Shape(()), chosen * (rows // SMALL))
    return lambda: trainer.train_minibatch({x: value})


def seconds(step: Callable[[], object]) -> float:
    begin = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - begin) / STEPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{'':<28}{LARGE:>12,} rows{SMALL:>12,} rows{'ratio':>10}")
    for way, rule in [("one-hot", rule) for rule in RULES] + [("gather", "SGD")]:
        large, small = step_of(LARGE, way, rule), step_of(SMALL, way, rule)
        large(), small()
        pairs = [(seconds(large), seconds(small)) for _ in range(rounds)]
        ratio = statistics.median(a / b for a, b in pairs)
        best = [min(times) * 1e3 for times in zip(*pairs, strict=True)]
        print(f"{way + ', ' + rule:<28}{best[0]:>14.3f} ms{best[1]:>14.3f} ms{ratio:>10.2f}")


if __name__ == "__main__":
    main()
