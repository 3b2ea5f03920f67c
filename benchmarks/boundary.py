"""What XQuery costs beside the same work on the compute backend and NumPy: ratios within one run.

python -m benchmarks.boundary [--rounds N]
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xquery_bridge import Engine
from xquery_bridge import compute as cntk
from xquery_bridge.compute.learners import Sgd
from xquery_bridge.library.cntk.arrays import arrays
from xquery_bridge.runtime.json_items import JsonArray

ROOT = Path(__file__).parents[1]
EPOCHS = 50


def seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compared(name: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> None:
    """Print the ratio of two pieces of work, measured in turn."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    ratio = statistics.median(mine / other for mine, other in pairs)
    best = [min(times) * 1e3 for times in zip(*pairs, strict=True)]
    print(f"{name:<44}{best[0]:>10.2f} ms {best[1]:>10.2f} ms   ratio {ratio:.2f}")


def flowers() -> tuple[list[float], list[float]]:
    """Measures and one-hot species of the iris flowers, flat."""
    with (ROOT / "examples" / "iris" / "iris.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    kinds = sorted({row[4] for row in rows})
    measures = [float(cell) for row in rows for cell in row[:4]]
    return measures, [float(kind == row[4]) for row in rows for kind in kinds]


TRAINING = """
declare variable $measures as json:array external;
declare variable $labels as json:array external;
declare variable $epochs as xs:integer external;
let $x := cntk:input-variable(cntk:shape((4)), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())
let $y := cntk:input-variable(cntk:shape((3)), "float", fn:false(), fn:false(), "y", cntk:default-batch-axis())
let $options := map:map() => map:with("output-shape", cntk:shape((16))) => map:with("activation", "tanh")
let $hidden := cntk:dense-layer($x, $options)
let $z := cntk:dense-layer($hidden, map:map() => map:with("output-shape", cntk:shape((3))))
let $loss := cntk:cross-entropy-with-softmax($z, $y)
let $learner := cntk:sgd-learner(cntk:function-parameters($z), cntk:learning-rate-schedule-from-constant(0.1))
let $trainer := cntk:trainer($z, $learner, $loss)
let $bindings := json:to-array((
  json:to-array(($x, cntk:batch(cntk:shape((4)), $measures))),
  json:to-array(($y, cntk:batch(cntk:shape((3)), $labels)))))
for $epoch in 1 to $epochs
let $_ := cntk:train-minibatch($trainer, $bindings)
return cntk:previous-minibatch-loss-average($trainer)
"""


def train_directly(measures: list[float], labels: list[float], epochs: int) -> list[float]:
    """The steps of TRAINING as calls of the backend."""
    with cntk.session():
        batch = [cntk.Axis.default_batch()]
        x = cntk.input_variable(cntk.Shape((4,)), "float", name="x", dynamic_axes=batch)
        y = cntk.input_variable(cntk.Shape((3,)), "float", name="y", dynamic_axes=batch)
        hidden = cntk.dense_layer(x, cntk.Shape((16,)), activation=cntk.tanh)
        z = cntk.dense_layer(hidden, cntk.Shape((3,)))
        loss = cntk.cross_entropy_with_softmax(z, y)
        learner = Sgd(z.parameters, cntk.Schedule.from_constant(0.1))
        trainer = cntk.Trainer(z, loss, None, [learner])
        bindings = {x: cntk.Value.batch(cntk.Shape((4,)), measures), y: cntk.Value.batch(cntk.Shape((3,)), labels)}
        losses: list[float] = []
        for _ in range(epochs):
            trainer.train_minibatch(bindings)
            losses.append(trainer.previous_minibatch_loss_average)
        return losses


LAYERS = """
let $x := cntk:input-variable(cntk:shape((4)), "float")
let $options := map:map() => map:with("output-shape", cntk:shape((4))) => map:with("init", 0.5)
return fn:count(fn:fold-left(1 to 100, $x, function($z, $i) { cntk:dense-layer($z, $options) }))
"""


def layers_directly() -> None:
    with cntk.session():
        z: Any = cntk.input_variable(cntk.Shape((4,)), "float")
        for _ in range(100):
            z = cntk.dense_layer(z, cntk.Shape((4,)), init=0.5)


IN = "declare variable $a as json:array external; fn:exists(cntk:batch(cntk:shape((10)), $a))"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: int = parser.parse_args().rounds
    engine = Engine()
    measures, labels = flowers()
    given: dict[str, Any] = {"measures": JsonArray(measures), "labels": JsonArray(labels), "epochs": EPOCHS}
    training, layers, going_in = (engine.compile(query) for query in (TRAINING, LAYERS, IN))
    compared(
        f"iris 4-16-3, {EPOCHS} epochs",
        lambda: training.run(given),
        lambda: train_directly(measures, labels, EPOCHS),
        rounds,
    )
    many: dict[str, Any] = {**given, "epochs": 1000}
    compared(
        "train-minibatch on iris, 1000 steps",
        lambda: training.run(many),
        lambda: train_directly(measures, labels, 1000),
        rounds,
    )
    compared("a graph of 100 dense layers", layers.run, layers_directly, rounds)
    numbers = np.random.default_rng(1).random(1_000_000).tolist()
    compared(
        "json:array of 1e6 numbers to a batch",
        lambda: going_in.run({"a": JsonArray(numbers)}),
        lambda: np.array(numbers),
        rounds,
    )
    for data_type in ("double", "float"):
        value = cntk.Value.batch(cntk.Shape((1000,)), numbers, data_type)
        flat = value.array.reshape(-1)
        compared(
            f"a batch of 1e6 {data_type}s to a json:array",
            lambda value=value: arrays(value),
            flat.tolist,
            rounds,
        )
        compared(
            f"the same {data_type}s, every member read",
            lambda value=value: [member.boxed for member in arrays(value).boxed],
            flat.tolist,
            rounds,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
