"""Random operators: CNTK's numbers, one stream a function, and what dropout does in training."""

import numpy as np
import pytest
from gradients import batch_of, check_gradients

from xquery_bridge import compute as cntk
from xquery_bridge.compute.evaluation import Executor
from xquery_bridge.compute.random import RandomStream

WEIGHTS = np.array([1, 2, 3, 4], np.float32)


def uniform_like(lengths, seed=7):
    x = cntk.input_variable(cntk.Shape((2,)))
    value = cntk.Value.batch_of_sequences(cntk.Shape((2,)), [np.zeros(2 * n) for n in lengths])
    [result] = cntk.evaluate(cntk.uniform_random_like(x, seed=seed), {x: value})
    return [a[:, 0].astype(np.float64).round(3).tolist() for a in result.sequences()]


def test_sequences_draw_in_the_order_of_cntks_columns():
    """Expected numbers: CNTK 2.7, seed 7."""
    assert uniform_like([4]) == [[0.754, 0.117, 0.141, 0.833]]
    assert uniform_like([2, 2]) == [[0.754, 0.141], [0.117, 0.833]]
    assert uniform_like([1, 3]) == [[0.754], [0.117, 0.833, 0.756]]
    assert uniform_like([3, 1, 2]) == [[0.754, 0.141, 0.257], [0.117], [0.833, 0.756]]


def test_an_evaluation_goes_on_where_the_last_one_ended():
    function = cntk.uniform_random(cntk.Shape((2,)), "double", seed=7)
    wanted = np.empty(4)
    RandomStream(7).uniform(wanted)
    found = [cntk.evaluate(function, {})[0].array for _ in range(2)]
    np.testing.assert_array_equal(np.concatenate(found), wanted)


def test_unseeded_functions_count_their_seeds_and_a_fixed_one_holds_for_all():
    with cntk.session() as session:
        x = cntk.input_variable(cntk.Shape((2,)))
        seeds = [f.root_function.attributes["rngSeed"] for f in (cntk.dropout(x, 0.5), cntk.normal_random_like(x))]
        assert seeds == [0, 1]
        assert cntk.dropout(x, 0.5, cntk.AUTOMATIC_RANDOM_SEED).root_function.attributes["rngSeed"] == 2
        session.fixed_seed = 9
        assert cntk.dropout(x, 0.5).root_function.attributes["rngSeed"] == 9
        assert cntk.dropout(x, 0.5, 4).root_function.attributes["rngSeed"] == 4


@pytest.mark.parametrize(
    "make, low, high",
    [
        (lambda x: cntk.normal_random_like(x, 5, 0.1), 4, 6),
        (lambda x: cntk.gumbel_random_like(x, 2, 1), -1, 20),
        (lambda x: cntk.bernoulli_random_like(x, 0.25), 0, 1),
        (lambda x: cntk.uniform_random_like(x, -2, 3), -2, 3),
    ],
)
def test_distributions_take_shape_and_axes_of_their_operand(make, low, high):
    x = cntk.input_variable(cntk.Shape((3,)), dynamic_axes=[cntk.Axis.default_batch()])
    value = cntk.Value.batch(cntk.Shape((3,)), np.zeros(60))
    [result] = cntk.evaluate(make(x), {x: value})
    assert result.array.shape == (20, 3)
    assert low <= result.array.min() < result.array.max() <= high


def test_dropout_passes_in_evaluation_and_scales_what_it_keeps_in_training():
    x, held = batch_of(np.random.default_rng(0).uniform(1, 2, (50, 4)))
    function = cntk.dropout(x, 0.25, 3)
    [result] = cntk.evaluate(function, {})
    np.testing.assert_array_equal(result.array, held.data)
    plan, _ = Executor([function.output], True, [held]).run({})
    factors = plan.outputs[0][0] / held.data
    mask = np.empty((50, 4))
    RandomStream(3).dropout_mask(mask, 0.25)
    np.testing.assert_allclose(factors, mask, rtol=1e-12)
    np.testing.assert_allclose(plan.gradients[held], mask, rtol=1e-12)


def test_dropout_in_evaluation_is_differentiated_as_what_it_is():
    x, held = batch_of(np.arange(6.0).reshape(3, 2))
    check_gradients(cntk.dropout(x, 0.5), [held], training=False)


def test_samples_are_those_of_cntk():
    """Expected numbers: CNTK 2.7, seed 3."""
    weights = cntk.constant(cntk.Shape((4,)), "float", WEIGHTS)
    function = cntk.random_sample(weights, 5, True, 3)
    assert function.output.as_string().endswith("[4 x 5], [])")
    found = [cntk.evaluate(function, {})[0].array.argmax(1).tolist() for _ in range(3)]
    assert found == [[2, 1, 2, 2, 2], [2, 3, 2, 3, 1], [1, 2, 2, 3, 1]]
    function = cntk.random_sample(weights, 3, False, 3)
    assert [cntk.evaluate(function, {})[0].array.argmax(1).tolist() for _ in range(3)] == [
        [2, 1, 3],
        [2, 3, 1],
        [1, 2, 3],
    ]


def test_inclusion_frequencies_are_those_of_cntk():
    weights = cntk.constant(cntk.Shape((4,)), "float", WEIGHTS)
    [often] = cntk.evaluate(cntk.random_sample_inclusion_frequency(weights, 3, True, 3), {})
    np.testing.assert_allclose(often.array, [0.3, 0.6, 0.9, 1.2], rtol=1e-6)
    [once] = cntk.evaluate(cntk.random_sample_inclusion_frequency(weights, 3, False, 3), {})
    np.testing.assert_allclose(once.array, [0.42788240, 0.69353772, 0.84898514, 0.93328836], rtol=1e-6)


def test_samplers_refuse_what_cannot_be_drawn():
    weights = cntk.constant(cntk.Shape((4,)), "float", -WEIGHTS)
    with pytest.raises(cntk.CntkError, match="must be less than the number of classes"):
        cntk.random_sample(weights, 5, False)
    with pytest.raises(cntk.CntkError, match=r"Sampling weights contain negative number -1\.000000"):
        cntk.evaluate(cntk.random_sample(weights, 2, True), {})
    batch = cntk.input_variable(cntk.Shape((4,)))
    with pytest.raises(cntk.CntkError, match="without dynamic axes"):
        cntk.random_sample(batch, 2, True)


def test_as_many_samples_as_classes_are_refused_without_duplicates():
    weights = cntk.constant(cntk.Shape((3,)), "double", 1.0)
    with pytest.raises(cntk.CntkError, match=r"samples \(3\) must be less than the number of classes \(3\)"):
        cntk.random_sample(weights, 3, False, 5)


def test_an_inclusion_frequency_is_estimated_once_for_the_same_weights():
    weights = cntk.parameter(cntk.Shape((5,)), "float", np.array([0.5, 1, 3, 1, 0.1], np.float32))
    frequency = cntk.random_sample_inclusion_frequency(weights, 2, False, 77)
    expected = [0.28587254881858826, 0.5074489116668701, 0.9368422031402588, 0.5074489116668701, 0.06280754506587982]
    for _ in range(3):
        [value] = cntk.evaluate(frequency, {})
        np.testing.assert_allclose(value.array, expected, rtol=1e-6)
    weights.data[...] = [0.1, 1, 3, 1, 0.5]
    [value] = cntk.evaluate(frequency, {})
    assert value.array[0] < value.array[4]
