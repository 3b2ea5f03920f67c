"""Softmax and Hardmax where CNTK's matrix is not the sample, and the graphs they make; numbers of CNTK 2.7."""

import numpy as np
import pytest

from xquery_bridge import compute as cntk


def test_without_dynamic_axes_they_go_along_the_first_dimension():
    held = cntk.parameter(cntk.Shape((2, 2)), "double", np.array([[0.0, 1], [2, 0]]))
    [soft] = cntk.evaluate(cntk.softmax(held), {})
    np.testing.assert_allclose(soft.array, [[0.268941, 0.731059], [0.880797, 0.119203]], atol=1e-6)
    [hard] = cntk.evaluate(cntk.hardmax(held), {})
    assert hard.array.tolist() == [[0, 1], [1, 0]]
    squared = cntk.square(cntk.softmax(held))
    gradient = cntk.gradients(squared, {}, None, [held])[held].array
    np.testing.assert_allclose(gradient, [[-0.181715, 0.181715], [0.159925, -0.159925]], atol=1e-6)


@pytest.mark.parametrize(
    ("scores", "place"), [([2, 1.3, np.nan], 0), ([np.nan, 1, 2], 0), ([1, np.nan, 2], 2), ([-np.inf, np.nan, 1], 2)]
)
def test_hardmax_never_finds_a_nan_larger_nor_anything_larger_than_a_nan(scores, place):
    x = cntk.input_variable(cntk.Shape((3,)), "double", dynamic_axes=[cntk.Axis.default_batch()])
    [value] = cntk.evaluate(cntk.hardmax(x), {x: cntk.Value.batch(cntk.Shape((3,)), scores, data_type="double")})
    assert value.array.tolist() == [[float(i == place) for i in range(3)]]


def test_along_the_only_axis_of_a_vector_softmax_is_the_primitive():
    with cntk.session():
        x = cntk.input_variable(cntk.Shape((3,)), "double")
        assert cntk.softmax(x, cntk.Axis.static(0)).output.uid == "Softmax1_Output_0"
    assert cntk.softmax(x, cntk.Axis.static(-1)).root_function.is_block


def test_all_static_axes_of_a_vector_are_refused_as_in_cntk():
    x = cntk.input_variable(cntk.Shape((3,)), "double")
    with pytest.raises(cntk.CntkError, match="Cannot query the static axis index for a non-static axis"):
        cntk.softmax(x, cntk.Axis.all_static_axes())
