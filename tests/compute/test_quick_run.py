"""Evaluations and training steps that are repeated give what the first way to their plan gives."""

import numpy as np
import pytest

from xquery_bridge import compute as cntk

SHAPE = cntk.Shape((3,))
BATCH = [cntk.Axis.default_batch()]


@pytest.fixture(autouse=True)
def in_a_session():
    with cntk.session():
        yield


def batch(count, seed, data_type="float"):
    return cntk.Value.batch(SHAPE, np.random.default_rng(seed).standard_normal(3 * count), data_type)


def arrays(function, x, value):
    return [found.array for found in cntk.evaluate(function, {x: value})]


def many_steps(x):
    for _ in range(70):
        x = cntk.plus(cntk.tanh(x), cntk.scalar("float", 1))
    return x


GRAPHS = {
    "one call": lambda x: cntk.plus(x, cntk.scalar("float", 1)),
    "a result of another type than its operands": lambda x: cntk.greater(x, cntk.scalar("float", 0)),
    "a reduction": lambda x: cntk.reduce_sum(x, cntk.Axis.static(0)),
    "no call": cntk.alias,
    "several outputs": lambda x: cntk.combine([cntk.plus(x, cntk.scalar("float", 1)), cntk.tanh(x)]),
    "many calls": many_steps,
    "a random draw": lambda x: cntk.plus(x, cntk.normal_random(SHAPE, "float", seed=3)),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_every_evaluation_gives_arrays_of_its_own(graph):
    x, fresh = (cntk.input_variable(SHAPE, dynamic_axes=BATCH) for _ in range(2))
    function, other = graph(x), graph(fresh)
    values = [batch(2, 0), batch(2, 1), batch(5, 2), batch(2, 3), batch(2, 4)]
    repeated = [arrays(function, x, value) for value in values]
    for value, found in zip(values, repeated, strict=True):
        other.root_function.plans.clear()
        other.evaluator = None
        for array, expected in zip(found, arrays(other, fresh, value), strict=True):
            if graph is not GRAPHS["a random draw"]:
                np.testing.assert_array_equal(array, expected)
            assert array.dtype == expected.dtype
            assert array.shape == expected.shape
    assert len({id(array) for found in repeated for array in found}) == sum(map(len, repeated))


def test_a_value_that_does_not_fit_is_refused_after_ones_that_did():
    x = cntk.input_variable(SHAPE, dynamic_axes=BATCH)
    function = cntk.plus(x, cntk.scalar("float", 1))
    for _ in range(3):
        arrays(function, x, batch(2, 0))
    with pytest.raises(cntk.CntkError):
        arrays(function, x, batch(2, 0, "double"))
    with pytest.raises(cntk.CntkError, match="required arguments"):
        cntk.evaluate(function, {})


def test_repeated_steps_of_training_are_those_of_new_trainers():
    values = [(batch(count, seed), batch(count, seed + 50)) for count, seed in ((4, 0), (4, 1), (4, 2), (7, 3), (4, 4))]

    def train(trainers):
        x, y = (cntk.input_variable(SHAPE, dynamic_axes=BATCH) for _ in range(2))
        w = cntk.parameter(cntk.Shape((3, 3)), "float", np.eye(3, dtype=np.float32))
        z = cntk.times(w, x)
        rate = cntk.Schedule.from_constant(0.1, 1)
        made = [cntk.Trainer(z, cntk.squared_error(z, y), None, [cntk.Sgd([w], rate)]) for _ in range(trainers)]
        losses = []
        for index, (a, b) in enumerate(values):
            trainer = made[index % trainers]
            trainer.train_minibatch({x: a, y: b})
            losses.append(trainer.previous_minibatch_loss_average)
        return losses, w.data.tolist()

    assert train(1) == train(len(values))
