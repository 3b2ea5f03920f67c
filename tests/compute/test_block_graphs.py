"""Blocks have CNTK's graphs: the ids they use up, the constants they hold, the order of their operands."""

import numpy as np
import pytest

from xquery_bridge import compute as cntk


def x(*dimensions, axes=None):
    return cntk.input_variable(cntk.Shape(dimensions or (4, 2)), "double", dynamic_axes=axes)


def prelu():
    return cntk.pre_lu(cntk.parameter(cntk.Shape((4, 2)), "double"), x())


def gemm():
    return cntk.gemm(x(3, 4, axes=()), x(4, 2, axes=()), x(3, 2, axes=()), 2.0, 3.0)


USED = {
    "ELU": (25, lambda: cntk.elu(x(), 0.5)),
    "SELU": (30, lambda: cntk.selu(x())),
    "LeakyReLU": (21, lambda: cntk.leaky_relu(x(), 0.01)),
    "PReLU": (23, prelu),
    "HardSigmoid": (36, lambda: cntk.hard_sigmoid(x(), 0.2, 0.5)),
    "Softsign": (37, lambda: cntk.softsign(x())),
    "ElementMax": (18, lambda: cntk.element_max(x(), x())),
    "And": (26, lambda: cntk.element_and(x(), x())),
    "Or": (26, lambda: cntk.element_or(x(), x())),
    "Xor": (22, lambda: cntk.element_xor(x(), x())),
    "Not": (20, lambda: cntk.element_not(x())),
    "Sum": (22, lambda: cntk.sum([x(), x(), x()])),
    "Mean": (45, lambda: cntk.mean([x(), x(), x()])),
    "Gemm": (32, gemm),
    "DepthToSpace": (22, lambda: cntk.depth_to_space(x(3, 2, 8), 2)),
    "SpaceToDepth": (22, lambda: cntk.space_to_depth(x(6, 4, 2), 2)),
    "CrossEntropyWithSoftmax": (22, lambda: cntk.cross_entropy_with_softmax(x(4), x(4))),
    "ClassificationError": (23, lambda: cntk.classification_error(x(4), x(4))),
    "Select": (7, lambda: cntk.element_select(x(), x(), x())),
}


@pytest.mark.parametrize("name", USED)
def test_a_block_uses_up_as_many_ids_as_in_cntk(name):
    ids, make = USED[name]
    with cntk.session() as session:
        function = make()
        assert function.root_function.op_name == name
        assert session.uids_used == ids


def test_constants_are_those_of_cntk():
    with cntk.session():
        assert [float(v.data) for v in cntk.element_and(x(), x()).constants] == [0.0]
        assert [float(v.data) for v in cntk.element_not(x()).constants] == [0.0, 1.0]
        assert [v.shape for v in gemm().constants] == [cntk.Shape((1, 1))] * 2
        assert [v.data.item() for v in gemm().constants] == [3.0, 2.0]


def test_gemm_weighs_product_and_addend():
    draw = np.random.default_rng(0)
    a, b, c = draw.normal(size=(4, 3)), draw.normal(size=(2, 4)), draw.normal(size=(2, 3))
    function = gemm()
    arrays = {array.shape[::-1]: array for array in (a, b, c)}
    values = {v: cntk.Value.of(v.shape, arrays[tuple(v.shape)].ravel(), "double") for v in function.arguments}
    np.testing.assert_allclose(cntk.evaluate(function, values)[0].array, 3 * c + 2 * (b @ a), rtol=1e-12)


def test_the_corners_of_the_hard_sigmoid_have_no_slope():
    corner = cntk.input_variable(cntk.Shape((3,)), "double", dynamic_axes=[cntk.Axis.default_batch()])
    value = cntk.Value.batch(cntk.Shape((3,)), [-1.0, 0.0, 1.0], "double")
    function = cntk.hard_sigmoid(corner, 0.5, 0.5)
    np.testing.assert_array_equal(cntk.evaluate(function, {corner: value})[0].array, [[0, 0.5, 1]])
    np.testing.assert_array_equal(
        cntk.gradients(function, {corner: value}, None, [corner])[corner].array, [[0, 0.5, 0]]
    )


def test_depth_and_space_are_inverse():
    image = np.arange(48.0)
    with cntk.session():
        made = x(3, 2, 8, axes=[cntk.Axis.default_batch()])
        there = cntk.depth_to_space(made, 2)
        back = cntk.space_to_depth(there, 2)
        value = cntk.Value.batch(made.shape, image, "double")
        [spread, again] = (cntk.evaluate(f, {made: value})[0].array for f in (there, back))
    np.testing.assert_array_equal(again.ravel(), image)
    channels = image.reshape(8, 2, 3)
    wanted = channels.reshape(2, 2, 2, 2, 3).transpose(2, 3, 0, 4, 1).reshape(2, 4, 6)
    np.testing.assert_array_equal(spread[0], wanted)
