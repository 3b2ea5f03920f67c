"""Cosine distance of samples, and of samples with one operand that all of them share."""

import numpy as np
import pytest
from gradients import batch_of, check_gradients, parameter

from xquery_bridge import compute as cntk


@pytest.mark.parametrize("shared_first", [True, False])
def test_an_operand_that_all_samples_share_gets_the_sum_of_their_gradients(shared_first):
    draw = np.random.default_rng(1)
    samples, held = batch_of(draw.normal(size=(3, 4)))
    shared = parameter(draw.normal(size=4))
    pair = (shared, samples) if shared_first else (samples, shared)
    check_gradients(cntk.cosine_distance(*pair), [held, shared])


def test_both_operands_of_samples_have_gradients():
    draw = np.random.default_rng(2)
    (first, one), (second, other) = batch_of(draw.normal(size=(3, 4))), batch_of(draw.normal(size=(3, 4)))
    check_gradients(cntk.cosine_distance(first, second), [one, other])


def test_operands_of_unequal_sizes_are_refused_in_cntks_words():
    samples, _ = batch_of(np.ones((3, 4)))
    with pytest.raises(cntk.CntkError, match="Binary elementwise operation CosDistance: Left operand"):
        cntk.cosine_distance(samples, parameter(np.ones(3)))


ROWS = [[[1, 0], [1, 1], [0, 1]], [[1, 2]], [[2, 1], [0, 3]]]
OTHERS = [[[1, 2], [2, 1], [3, 4]], [[4, 3]], [[1, 1], [2, 5]]]
"""Sequences of 3, 1 and 2 steps: the last two share a row of CNTK's matrix."""


def with_negatives(rows, others):
    shape = cntk.Shape((2,))
    x, y = (cntk.input_variable(shape, "double", needs_gradient=True) for _ in range(2))
    bindings = {
        v: cntk.Value.batch_of_sequences(shape, [np.ravel(a) for a in arrays], data_type="double")
        for v, arrays in ((x, rows), (y, others))
    }
    function = cntk.cosine_distance_with_negative_samples(x, y, 1, 1)
    [value] = cntk.evaluate(function, bindings)
    squares = cntk.gradients(cntk.element_times(function, function), bindings, None, [x, y])
    return value.array, squares[x].array, squares[y].array


def test_negative_samples_of_sequences_are_the_neighbours_in_cntks_matrix():
    value, left, right = with_negatives(ROWS, OTHERS)
    wanted = [0.8, 1, 0.928477, 0.8, 0.894427, 0.894427]
    np.testing.assert_allclose(value[:, 1], wanted, atol=1e-6)
    wanted = [[0, 1.76], [0.3, -0.3], [1.649655, 0], [0.704, -0.352], [-0.28, 0.56], [0.496552, 0]]
    np.testing.assert_allclose(left, wanted, atol=1e-6)
    wanted = [[0, 0], [-0.312, 0.624], [-0.0256, 0.0192], [0.0192, -0.0256], [0.3, -0.3], [-0.237812, 0.095125]]
    np.testing.assert_allclose(right, wanted, atol=1e-6)


def test_a_neighbour_that_no_sequence_fills_has_the_cosine_0():
    value, _, right = with_negatives([ROWS[0], [[1, 2], [2, 1]]], [OTHERS[0], [[4, 3], [1, 1]]])
    np.testing.assert_allclose(value[:, 1], [0.8, 1, 0, 0.8, 0.894427], atol=1e-6)
    np.testing.assert_allclose(right[0], [0.32, -0.16], atol=1e-6)
