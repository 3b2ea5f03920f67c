"""Reports of long work: what is counted, how often it is told, and how long it will still take."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.learners import Sgd
from xquery_bridge.compute.progress import INTERVAL, ProgressMeter


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=40))
def test_reports_are_apart_by_the_interval_and_count_everything_so_far(waits):
    clock, told, counted = Clock(), [], 0
    meter = ProgressMeter(lambda report: told.append((clock.now, report)), clock=clock)
    for wait in waits:
        clock.now += wait
        counted += 10
        before = len(told)
        meter.count("training", 10, 0.5)
        if len(told) > before:
            assert told[-1][1].samples == counted
    times = [100.0, *(when for when, _ in told)]
    assert all(b - a >= INTERVAL * 0.999 for a, b in itertools.pairwise(times))
    assert len(told) >= sum(waits) // (INTERVAL + 1.0)


def report(minibatches, seconds, **options):
    clock, told = Clock(), []
    meter = ProgressMeter(told.append, clock=clock, **options)
    for _ in range(minibatches):
        clock.now += seconds
        meter.count("training", 8, 0.25)
    return told[-1]


def test_a_report_tells_rate_and_loss():
    found = report(5, 2.0)
    assert (found.work, found.minibatches, found.samples, found.loss, found.seconds) == ("training", 5, 40, 0.25, 10.0)
    assert found.rate == pytest.approx(4.0)
    assert found.time_left is None and found.share is None


def test_time_left_is_that_to_a_declared_total_else_to_the_time_limit():
    assert report(5, 2.0, total=80).time_left == pytest.approx(10.0)
    assert report(5, 2.0, total=80).share == pytest.approx(0.5)
    assert report(5, 2.0, limit=40.0).time_left == pytest.approx(30.0)
    assert report(5, 2.0, limit=40.0).share == pytest.approx(0.25)


def test_training_and_evaluation_of_a_session_are_reported():
    told, clock = [], Clock()
    with cntk.session() as session:
        session.progress = ProgressMeter(told.append, clock=clock)
        x = cntk.input_variable(cntk.Shape((2,)), "double", dynamic_axes=[cntk.Axis.default_batch()])
        w = cntk.parameter(cntk.Shape((1, 2)), "double", 1.0)
        z = cntk.times(w, x)
        loss = cntk.reduce_sum(cntk.element_times(z, z), cntk.Axis.all_static_axes())
        trainer = cntk.Trainer(z, loss, None, [Sgd([w], cntk.Schedule.from_constant(0.01, 1))])
        bindings = {x: cntk.Value.batch(cntk.Shape((2,)), np.ones(6), "double")}
        for _ in range(3):
            clock.now += 1.0
            trainer.train_minibatch(bindings)
        for _ in range(3):
            clock.now += 1.0
            cntk.evaluate(z, bindings)
    assert [(r.work, r.samples) for r in told] == [("training", 3 * n) for n in (1, 2, 3)] + [
        ("evaluation", 3 * n) for n in (1, 2, 3)
    ]
    assert told[0].loss == 4.0 and told[1].loss < 4.0 and told[-1].loss is None
