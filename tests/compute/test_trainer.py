"""A training step is forward, backward and update, all or nothing, and counts as CNTK's trainer does."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute import LearnerOptions, Schedule

PER_SAMPLE = Schedule.from_constant(0.1, 1)
PER_MINIBATCH = Schedule.from_constant(0.1)
STILL = Schedule.from_constant(0.0)
ALL_STATIC = cntk.Axis.all_static_axes()


@pytest.fixture(autouse=True)
def fresh_session():
    with cntk.session():
        yield


def batch_input(*dimensions: int, data_type: str = "double") -> cntk.Variable:
    return cntk.input_variable(cntk.Shape(dimensions), data_type, dynamic_axes=[cntk.Axis.default_batch()])


def learned(values, data_type: str = "double") -> cntk.Parameter:
    array = np.array(values, float)
    return cntk.parameter(cntk.Shape(array.shape[::-1]), data_type, array)


def summed(operand) -> cntk.Function:
    return cntk.reduce_sum(operand, ALL_STATIC)


def batch(variable: cntk.Variable, rows) -> cntk.Value:
    return cntk.Value.batch(variable.shape, np.ravel(rows).tolist(), data_type=variable.data_type)


ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def linear() -> tuple[cntk.Variable, list[cntk.Parameter], cntk.Function]:
    """loss = p·x + q·x² over the samples: the gradients are the sums of x and of x²."""
    x, p, q = batch_input(2), learned([1.0, 1.0]), learned([2.0, 2.0])
    return x, [p, q], summed(cntk.plus(cntk.element_times(p, x), cntk.element_times(q, cntk.square(x))))


@given(
    st.lists(st.lists(st.floats(-3, 3), min_size=3, max_size=3), min_size=1, max_size=5),
    st.integers(0, 2**31),
    st.integers(1, 4),
)
@settings(max_examples=15, deadline=None)
def test_a_linear_model_takes_the_steps_of_its_normal_equations(rows, seed, steps):
    generator = np.random.default_rng(seed)
    weights, bias = generator.normal(size=(3, 2)), generator.normal(size=2)
    inputs = np.array(rows)
    targets = generator.normal(size=(len(rows), 2))
    with cntk.session():
        x, y = batch_input(3), batch_input(2)
        w, b = learned(weights), learned(bias)
        model = cntk.plus(cntk.times(w, x), b)
        loss = cntk.squared_error(model, y)
        trainer = cntk.Trainer(model, loss, None, [cntk.Sgd([w, b], Schedule.from_constant(0.01, 1))])
        for _ in range(steps):
            error = inputs @ weights + bias - targets
            assert trainer.train_minibatch({x: batch(x, inputs), y: batch(y, targets)})
            assert trainer.previous_minibatch_loss_average == pytest.approx((error**2).sum() / len(rows), rel=1e-12)
            weights = weights - 0.01 * 2 * inputs.T @ error
            bias = bias - 0.01 * 2 * error.sum(0)
            np.testing.assert_allclose(w.data, weights, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(b.data, bias, rtol=1e-12, atol=1e-12)
    assert trainer.previous_minibatch_sample_count == len(rows)
    assert trainer.total_number_of_samples_seen == steps * len(rows)


def test_parameters_without_a_learner_stay():
    x, (p, q), loss = linear()
    cntk.Trainer(loss, loss, None, [cntk.Sgd([p], PER_SAMPLE)]).train_minibatch({x: batch(x, ROWS)})
    assert p.data.tolist() == pytest.approx([0.1, -0.2]) and q.data.tolist() == [2.0, 2.0]


def test_several_learners_take_their_own_steps():
    x, (p, q), loss = linear()
    trainer = cntk.Trainer(
        loss, loss, None, [cntk.Sgd([q], PER_SAMPLE), cntk.MomentumSgd([p], PER_MINIBATCH, Schedule.from_constant(0.5))]
    )
    assert trainer.train_minibatch({x: batch(x, ROWS)})
    assert q.data.tolist() == pytest.approx([2 - 0.1 * 35, 2 - 0.1 * 56])
    assert p.data.tolist() == pytest.approx([1 - 0.05 * 9 / 3, 1 - 0.05 * 12 / 3])


@pytest.mark.parametrize(
    ("rates", "updated", "total"),
    [((STILL, PER_SAMPLE), True, 0), ((PER_SAMPLE, STILL), True, 3), ((STILL, STILL), False, 0)],
)
def test_a_learner_at_rate_0_stands_still_and_the_first_one_counts(rates, updated, total):
    x, parameters, loss = linear()
    before = [p.data.copy() for p in parameters]
    learners = [cntk.Sgd([p], rate) for p, rate in zip(parameters, rates, strict=True)]
    trainer = cntk.Trainer(loss, loss, None, learners)
    assert trainer.train_minibatch({x: batch(x, ROWS)}) is updated
    assert trainer.previous_minibatch_sample_count == 3
    assert trainer.total_number_of_samples_seen == total
    for p, old, rate in zip(parameters, before, rates, strict=True):
        assert np.array_equal(p.data, old) is (rate is STILL)


def test_the_loss_average_is_that_before_the_update():
    x, parameters, loss = linear()
    trainer = cntk.Trainer(loss, loss, loss, [cntk.Sgd(parameters, PER_MINIBATCH)])
    averages = []
    for _ in range(2):
        trainer.train_minibatch({x: batch(x, ROWS)})
        averages.append((trainer.previous_minibatch_loss_average, trainer.previous_minibatch_evaluation_average))
    # as CNTK 2.7 has them
    assert averages[0] == pytest.approx((67.66666666666667,) * 2)
    assert averages[1] == pytest.approx((16.711111111111112,) * 2)


def test_all_elements_of_a_loss_are_added_up():
    x, p = batch_input(2), learned([1.0, 1.0])
    loss = cntk.element_times(p, x)
    trainer = cntk.Trainer(loss, loss, loss, [cntk.Sgd([p], PER_SAMPLE)])
    trainer.train_minibatch({x: batch(x, ROWS)})
    assert trainer.previous_minibatch_loss_average == trainer.previous_minibatch_evaluation_average == 7.0
    assert p.data.tolist() == pytest.approx([0.1, -0.2])


def test_a_loss_without_axes_counts_the_samples_below_it():
    x, p = batch_input(2), learned([1.0, 1.0])
    loss = cntk.reduce_sum(cntk.element_times(p, x), cntk.Axis.all_axes())
    trainer = cntk.Trainer(loss, loss, None, [cntk.Sgd([p], PER_MINIBATCH)])
    trainer.train_minibatch({x: batch(x, ROWS)})
    assert trainer.previous_minibatch_sample_count == 3 and trainer.previous_minibatch_loss_average == 7.0
    assert p.data.tolist() == pytest.approx([1 - 0.1 * 3, 1 - 0.1 * 4])


def test_steps_of_sequences_are_samples():
    x, p = cntk.input_variable(cntk.Shape((2,)), "double"), learned([1.0, 1.0])
    loss = summed(cntk.element_times(p, x))
    trainer = cntk.Trainer(loss, loss, None, [cntk.Sgd([p], PER_MINIBATCH)])
    value = cntk.Value.batch_of_sequences(x.shape, [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4]], data_type="double")
    trainer.train_minibatch({x: value})
    assert trainer.previous_minibatch_sample_count == 5 and trainer.previous_minibatch_loss_average == 31 / 5
    assert p.data.tolist() == pytest.approx([1 - 0.1 * 13 / 5, 1 - 0.1 * 18 / 5])


def test_the_evaluation_is_averaged_over_the_samples_of_the_loss():
    x, y, p = batch_input(2), cntk.input_variable(cntk.Shape((1,)), "double"), learned([1.0, 1.0])
    loss = summed(cntk.element_times(p, x))
    trainer = cntk.Trainer(loss, loss, summed(y), [cntk.Sgd([p], PER_SAMPLE)])
    value = cntk.Value.batch_of_sequences(y.shape, [[1, 2, 3], [4], [5, 6]], data_type="double")
    trainer.train_minibatch({x: batch(x, ROWS), y: value})
    assert trainer.previous_minibatch_evaluation_average == 21 / 3


def test_reported_sweep_ends_move_the_schedules_on():
    x, (p, _), loss = linear()
    trainer = cntk.Trainer(loss, loss, None, [cntk.Sgd([p], Schedule.from_sequence([0.3, 0.1], minibatch_size=1))])
    moves = []
    for end in (False, True, False):
        before = p.data.copy()
        trainer.train_minibatch({x: batch(x, ROWS)}, end)
        moves += ((before - p.data)[0] / 9,)
    assert moves == pytest.approx([0.3, 0.3, 0.1])


def test_statistics_of_batch_normalization_move_with_the_step():
    x = batch_input(2, data_type="float")
    model = cntk.batch_normalization_layer(x, normalization_time_constant=0)
    loss = summed(cntk.square(model))
    trainer = cntk.Trainer(model, loss, None, [cntk.Sgd(model.parameters, PER_SAMPLE)])
    trainer.train_minibatch({x: batch(x, ROWS)})
    statistics = {v.name: v.data.tolist() for v in model.constants}
    assert statistics["aggregate_mean"] == [3.0, 4.0] and statistics["aggregate_count"] == 3.0


# Checkpoints

NOISE = LearnerOptions(gaussian_noise_injection_std_dev=0.01, l2_regularization_weight=0.01)
HALF = 3


def run_of_training() -> tuple[cntk.Trainer, list[dict[cntk.Variable, cntk.Value]]]:
    """A model with dropout and batch normalization, three learners, and its minibatches: the same each time."""
    x, y = batch_input(4), batch_input(2)
    hidden = cntk.dropout_layer(cntk.batch_normalization_layer(cntk.dense_layer(x, (5,), cntk.tanh)), 0.3)
    model = cntk.dense_layer(hidden, (2,))
    loss = cntk.squared_error(model, y)
    first, second, *rest = model.parameters
    falling = Schedule.from_sequence([0.1, 0.05], epoch_size=20)
    learners = [
        cntk.Adam([first], falling, Schedule.from_constant(0.9)),
        cntk.MomentumSgd([second], falling, Schedule.from_constant(0.9), options=NOISE),
        cntk.RmsProp(rest, PER_MINIBATCH, 0.95, 1.2, 0.7, 10.0, 0.001),
    ]
    generator = np.random.default_rng(7)
    minibatches = [
        {x: batch(x, generator.normal(size=(count, 4))), y: batch(y, generator.normal(size=(count, 2)))}
        for count in (8, 5, 8, 7, 8, 5)
    ]
    return cntk.Trainer(model, loss, loss, learners), minibatches


def train(trainer: cntk.Trainer, minibatches) -> list[bytes]:
    """The bits of the loss at each step."""
    losses = []
    for minibatch in minibatches:
        trainer.train_minibatch(minibatch)
        losses.append(np.float64(trainer.previous_minibatch_loss_average).tobytes())
    return losses


def bits(trainer: cntk.Trainer) -> list[bytes]:
    return [v.data.tobytes() for v in (*trainer.model.parameters, *trainer.model.constants)]


def test_a_run_that_was_broken_off_goes_on_from_its_checkpoint_to_the_same_bits():
    with cntk.session():
        whole, minibatches = run_of_training()
        losses = train(whole, minibatches)
    with cntk.session():
        broken, minibatches = run_of_training()
        train(broken, minibatches[:HALF])
        kept = pickle.dumps(broken.checkpoint())
    with cntk.session():
        run_of_training()  # takes seeds: those of the checkpoint count
        continued, minibatches = run_of_training()
        continued.restore(pickle.loads(kept))
        assert train(continued, minibatches[HALF:]) == losses[HALF:]
    assert bits(continued) == bits(whole)
    assert continued.total_number_of_samples_seen == whole.total_number_of_samples_seen
    assert repr(continued.checkpoint()) == repr(whole.checkpoint())


def test_a_trainer_goes_back_to_its_checkpoint():
    trainer, minibatches = run_of_training()
    start = trainer.checkpoint()
    losses = train(trainer, minibatches)
    end = bits(trainer)
    trainer.restore(start)
    assert train(trainer, minibatches) == losses and bits(trainer) == end


def test_a_checkpoint_of_another_trainer_is_refused_and_changes_nothing():
    trainer, minibatches = run_of_training()
    train(trainer, minibatches)
    saved, before = trainer.checkpoint(), bits(trainer)
    for learner in trainer.learners:
        learner.reset()
    states = [repr(learner.checkpoint()) for learner in trainer.learners]
    _, parameters, loss = linear()
    foreign = cntk.Trainer(loss, loss, None, [cntk.Sgd(parameters, PER_SAMPLE)]).checkpoint()
    for bad, sentence in (
        (foreign, "does not belong to a trainer of this model"),
        ({**saved, "learners": saved["learners"][:2]}, "has 2 learners, the trainer 3"),
        ({**saved, "learners": [*saved["learners"][:2], foreign["learners"][0]]}, "to a RMSProp learner"),
    ):
        with pytest.raises(cntk.CntkError, match=sentence):
            trainer.restore(bad)
        assert bits(trainer) == before and [repr(learner.checkpoint()) for learner in trainer.learners] == states


# Refusals


def test_before_the_first_minibatch_there_is_no_average():
    _, parameters, loss = linear()
    trainer = cntk.Trainer(loss, loss, loss, [cntk.Sgd(parameters, PER_SAMPLE)])
    assert trainer.previous_minibatch_sample_count == trainer.total_number_of_samples_seen == 0
    for name in ("previous_minibatch_loss_average", "previous_minibatch_evaluation_average"):
        with pytest.raises(cntk.CntkError, match="There was no preceding call to TrainMinibatch"):
            getattr(trainer, name)


def test_without_an_evaluation_function_there_is_no_evaluation_average():
    x, parameters, loss = linear()
    trainer = cntk.Trainer(loss, loss, None, [cntk.Sgd(parameters, PER_SAMPLE)])
    trainer.train_minibatch({x: batch(x, ROWS)})
    with pytest.raises(cntk.CntkError, match="no evaluation function was specified during 'this' trainer's construct"):
        _ = trainer.previous_minibatch_evaluation_average


def test_what_cannot_be_trained_is_refused_at_once():
    _, (p, q), loss = linear()
    stranger = learned([1.0])
    for learners, sentence in (
        ([], "These must be at least one learner."),
        ([cntk.Sgd([p], PER_SAMPLE), cntk.Sgd([q, p], PER_SAMPLE)], "is covered by 2 different learners"),
        ([cntk.Sgd([p, stranger], PER_SAMPLE)], "1 of the learner parameters 'Parameter.* are not part of the model"),
    ):
        with pytest.raises(cntk.CntkError, match=sentence):
            cntk.Trainer(loss, loss, None, learners)
    with pytest.raises(cntk.CntkError, match="Failed to find a variable underlying the graph"):
        cntk.Trainer(p, summed(p), None, [cntk.Sgd([p], PER_SAMPLE)])


def state(trainer: cntk.Trainer) -> tuple:
    return (
        [p.data.tolist() for p in trainer.parameters],
        [repr(learner.checkpoint()) for learner in trainer.learners],
        trainer.previous_minibatch_sample_count,
        trainer.previous_minibatch_loss_average,
        trainer.total_number_of_samples_seen,
    )


def test_a_refused_step_changes_nothing():
    x, (p, q), loss = linear()
    y = batch_input(1)
    noise = LearnerOptions(gaussian_noise_injection_std_dev=0.1)
    trainer = cntk.Trainer(
        loss, loss, summed(y), [cntk.Adam([p], PER_SAMPLE, PER_MINIBATCH), cntk.Sgd([q], PER_SAMPLE, noise)]
    )
    good = {x: batch(x, ROWS), y: batch(y, [1, 2, 3])}
    trainer.train_minibatch(good)
    before = state(trainer)
    for bad in ({x: good[x]}, {**good, y: batch(y, [1, 2])}, {**good, x: batch(y, [1, 2, 3])}):
        with pytest.raises(cntk.CntkError):
            trainer.train_minibatch(bad)
        assert state(trainer) == before
    trainer.train_minibatch(good)
    assert state(trainer) != before


def test_parameters_the_loss_does_not_reach_stay():
    x, (p, q), _ = linear()
    loss = summed(cntk.element_times(p, x))
    model = cntk.plus(loss, summed(q))
    trainer = cntk.Trainer(model, loss, None, [cntk.Sgd([p, q], PER_SAMPLE)])
    assert trainer.train_minibatch({x: batch(x, ROWS)})
    assert p.data.tolist() == pytest.approx([0.1, -0.2]) and q.data.tolist() == [2.0, 2.0]
