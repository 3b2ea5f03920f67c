"""Convolution over the sequence axis, by numbers of CNTK 2.7 and by differences."""

import numpy as np
import pytest
from gradients import check_gradients, ragged, sequences_of

from xquery_bridge import compute as cntk

KERNEL = np.arange(60.0).reshape(4, 5, 3) * 0.01


def convolved(lengths, **options):
    x = cntk.input_variable(cntk.Shape((5,)), "double")
    data = [np.arange(n * 5.0) for n in lengths]
    value = cntk.Value.batch_of_sequences(cntk.Shape((5,)), data, data_type="double")
    kernel = cntk.parameter(cntk.Shape((3, 5, 4)), "double", KERNEL)
    [result] = cntk.evaluate(cntk.convolution(kernel, x, sequential=True, **options), {x: value})
    return [a[:, 0].round(3).tolist() for a in result.sequences()]


def test_values_are_those_of_cntk():
    assert convolved([4, 3], auto_padding=[False]) == [[8.75, 14.0], [8.75]]
    assert convolved([4, 3, 1], auto_padding=[True, False]) == [[4.1, 8.75, 14.0, 10.15], [4.1, 8.75, 6.9], [1.0]]
    assert convolved([5, 2], auto_padding=[True, False], strides=[2]) == [[4.1, 14.0, 13.4], [4.1]]


def test_a_sequence_shorter_than_the_kernel_is_refused():
    with pytest.raises(cntk.CntkError, match="a sequence of 2 steps"):
        convolved([4, 2], auto_padding=[False])


def test_the_graph_is_cntks():
    with cntk.session() as session:
        kernel = cntk.parameter(cntk.Shape((3, 5, 4)), "float", 0.0)
        x = cntk.input_variable(cntk.Shape((5,)))
        function = cntk.convolution(kernel, x, sequential=True)
        assert session.uids_used == 23
        assert function.root_function.op_name == "ToSequenceOp"
        axis = function.output.sequence_axis.name
        assert axis == "ConvOverSequenceAxisPrefix" + function.root_function.operands[0].uid


@pytest.mark.parametrize("padded", [True, False])
def test_gradients(padded):
    like, steps = ragged([3, 5, 4])
    x, held = sequences_of(np.random.default_rng(1).standard_normal((3, 5, 2)), like)
    kernel = cntk.parameter(cntk.Shape((3, 2, 2)), "double", np.random.default_rng(2).standard_normal((2, 2, 3)))
    function = cntk.convolution(kernel, x, sequential=True, auto_padding=[padded, False])
    check_gradients(function, [held, kernel], {like: steps})
