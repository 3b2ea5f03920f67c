"""Forward and backward passes apart, and the memory of plans: large inputs read in place, large results lent out."""

import numpy as np
import pytest

from xquery_bridge import compute as cntk
from xquery_bridge.compute.shape import FREE

BATCH = [cntk.Axis.default_batch()]
LARGE = (64, 2048)
"""Samples that are not copied at the border of a plan."""


@pytest.fixture(autouse=True)
def session():
    with cntk.session():
        yield


def batch_input(size, data_type="float"):
    return cntk.input_variable(cntk.Shape((size,)), data_type, dynamic_axes=BATCH)


def batch(array):
    return cntk.Value(array, cntk.Shape(array.shape[:0:-1]), True)


def test_gradients_by_inputs_and_parameters_are_those_of_the_formula():
    rng = np.random.default_rng(0)
    x, w = batch_input(3, "double"), cntk.parameter(cntk.Shape((2, 3)), "double", rng.standard_normal((3, 2)))
    samples, seed = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    y = cntk.tanh(cntk.times(w, x))
    found = cntk.gradients(y, {x: batch(samples)}, batch(seed), [x, w])
    inner = seed * (1 - np.tanh(samples @ w.data) ** 2)
    np.testing.assert_allclose(found[x].array, inner @ w.data.T)
    np.testing.assert_allclose(found[w].array, samples.T @ inner)


def test_without_a_root_gradient_the_elements_are_summed():
    x = batch_input(2, "double")
    samples = np.array([[1.0, 2.0], [3.0, -1.0]])
    found = cntk.gradients(cntk.square(x), {x: batch(samples)}, None, [x])
    np.testing.assert_array_equal(found[x].array, 2 * samples)


def test_a_state_can_be_used_again_and_a_later_forward_pass_uses_it_up():
    x = batch_input(4, "double")
    y = cntk.exp(cntk.negate(cntk.tanh(x)))
    samples = np.random.default_rng(1).standard_normal((3, 4))
    state = cntk.forward(y, {x: batch(samples)}, [x])
    seed = batch(np.ones((3, 4)))
    first, second = (state.backward({y: seed})[x].array for _ in range(2))
    np.testing.assert_array_equal(first, second)
    cntk.forward(y, {x: batch(samples)}, [x])
    with pytest.raises(cntk.CntkError, match="forward state"):
        state.backward({y: seed})


def test_several_outputs_and_variables_that_nothing_depends_on():
    x, other = batch_input(2, "double"), batch_input(2, "double")
    a, b = cntk.square(x), cntk.negate(x)
    both = cntk.combine([a.output, b.output])
    values = {x: batch(np.array([[1.0, 2.0]])), other: batch(np.array([[5.0, 5.0]]))}
    unused = cntk.parameter(cntk.Shape((2,)), "double", 1.0)
    state = cntk.forward(both, values, [x, unused])
    found = state.backward({b.output: batch(np.array([[1.0, 10.0]]))})
    np.testing.assert_array_equal(found[x].array, [[-1, -10]])
    np.testing.assert_array_equal(found[unused].array, [0, 0])
    found = state.backward({a: batch(np.array([[1.0, 1.0]])), b: batch(np.array([[1.0, 10.0]]))})
    np.testing.assert_array_equal(found[x].array, [[1, -6]])


def test_an_input_with_a_free_dimension_that_nothing_depends_on_has_a_gradient_of_zeros():
    x, y = batch_input(FREE, "double"), batch_input(2, "double")
    total = cntk.plus(cntk.reduce_sum(cntk.stop_gradient(x), cntk.Axis.static(0)), y)
    found = cntk.gradients(total, {x: batch(np.ones((2, 3))), y: batch(np.ones((2, 2)))}, None, [x, y])
    assert found[x].array.tolist() == [[0, 0, 0]] * 2
    assert found[y].array.tolist() == [[1, 1]] * 2


def test_wrong_root_gradients_are_refused():
    x = batch_input(2)
    y = cntk.square(x)
    state = cntk.forward(y, {x: batch(np.ones((1, 2), np.float32))}, [x])
    with pytest.raises(cntk.CntkError, match="of 2 elements was expected"):
        state.backward({y: batch(np.ones((2, 2), np.float32))})
    with pytest.raises(cntk.CntkError, match="not an output"):
        state.backward({x: batch(np.ones((1, 2), np.float32))})


def test_large_results_stay_what_they_were_while_they_are_held():
    x = batch_input(LARGE[1])
    y = cntk.relu(cntk.plus(x, cntk.scalar("float", 1)))
    arrays = [np.full(LARGE, i, np.float32) for i in range(4)]
    results = [cntk.evaluate(y, {x: batch(a)})[0].array for a in arrays]
    parts = [cntk.evaluate(y, {x: batch(a)})[0].array[3:5, 7] for a in arrays]
    for i, (result, part) in enumerate(zip(results, parts, strict=True)):
        np.testing.assert_array_equal(result, i + 1)
        np.testing.assert_array_equal(part, i + 1)


def test_large_results_that_nobody_holds_give_their_memory_to_the_next():
    x = batch_input(LARGE[1])
    y = cntk.negate(x)
    samples = batch(np.ones(LARGE, np.float32))
    addresses = {cntk.evaluate(y, {x: samples})[0].array.ctypes.data for _ in range(5)}
    assert len(addresses) == 1


def test_large_inputs_are_read_anew_whatever_their_layout():
    x = batch_input(LARGE[1])
    y = cntk.negate(x)
    samples = np.ones(LARGE, np.float32)
    value = batch(samples)
    assert cntk.evaluate(y, {x: value})[0].array[0, 0] == -1
    samples[...] = 2
    assert cntk.evaluate(y, {x: value})[0].array[0, 0] == -2
    strided = np.arange(LARGE[0] * LARGE[1], dtype=np.float32).reshape(LARGE[::-1]).T
    np.testing.assert_array_equal(cntk.evaluate(y, {x: batch(strided)})[0].array, -strided)
    assert cntk.evaluate(y, {x: value})[0].array[-1, -1] == -2


def test_large_gradients_are_lent_without_touching_those_before():
    x = batch_input(LARGE[1])
    y = cntk.square(x)
    samples = np.random.default_rng(2).standard_normal(LARGE, dtype=np.float32)
    state = cntk.forward(y, {x: batch(samples)}, [x])
    one, two = (state.backward({y: batch(np.full(LARGE, s, np.float32))})[x].array for s in (1, 2))
    np.testing.assert_allclose(one, 2 * samples, rtol=1e-6)
    np.testing.assert_allclose(two, 4 * samples, rtol=1e-6)
    np.testing.assert_array_equal(state.values[0].array, samples * samples)


def test_batch_normalization_learns_its_running_values_in_a_forward_pass():
    x = batch_input(3, "double")
    mean, variance = (cntk.constant(cntk.Shape((3,)), "double", v) for v in (0.0, 1.0))
    count = cntk.constant(cntk.Shape(()), "double", 0.0)
    scale, bias = (cntk.parameter(cntk.Shape((3,)), "double", v) for v in (1.0, 0.0))
    y = cntk.batch_normalization(x, scale, bias, mean, variance, count, False)
    samples = np.random.default_rng(3).standard_normal((6, 3))
    cntk.forward(y, {x: batch(samples)}, [x])
    np.testing.assert_allclose(mean.data, samples.mean(0))
    assert count.data == 6


@pytest.mark.parametrize("blend", [0.0, 7.0, np.inf])
def test_training_normalizes_by_the_minibatch_whatever_the_blend(blend):
    """Numbers: CNTK 2.7."""
    x = batch_input(1, "double")
    mean, variance = (cntk.constant(cntk.Shape((1,)), "double", v) for v in (0.5, 2.0))
    count = cntk.constant(cntk.Shape(()), "double", 4.0)
    scale, bias = (cntk.parameter(cntk.Shape((1,)), "double", v) for v in (1.5, 0.2))
    y = cntk.batch_normalization(x, scale, bias, mean, variance, count, False, 5, blend, 1e-3)
    state = cntk.forward(y, {x: batch(np.array([[0.3], [1.0], [-1.2]]))}, [x])
    np.testing.assert_allclose(state.values[0].array.ravel(), [0.635601, 1.779054, -1.814655], atol=1e-6)
    found = state.backward({y: batch(np.array([[1.0], [2.0], [4.0]]))})[x].array
    np.testing.assert_allclose(found.ravel(), [-1.707334, 1.161684, 0.545649], atol=1e-6)
    assert mean.data == pytest.approx(0.28944543017721236) and count.data == 7
