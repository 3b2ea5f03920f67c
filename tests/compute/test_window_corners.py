"""Corners of pooling, of regions and of channel padding, against numbers and sentences of CNTK 2.7."""

import numpy as np
import pytest

from xquery_bridge import compute as cntk
from xquery_bridge.compute import Axis, CntkError, Parameter, Shape, Value


@pytest.fixture(autouse=True)
def _session():
    with cntk.session():
        yield


def operand(shape):
    axes = [Axis.default_batch()]
    return cntk.input_variable(Shape(shape), "double", needs_gradient=True, name="x", dynamic_axes=axes)


def counted(shape):
    return Value(np.arange(1.0, np.prod(shape) + 1).reshape(1, *shape[::-1]), Shape(shape), True, None)


POOLED = [  # type, operand, window, strides, flags of padding, ceil, shape, numbers
    ("max", (5, 1), (3,), (3,), (True,), True, (3, 1), [1, 4, 5]),
    ("max", (6, 1), (3,), (2,), (True,), True, (4, 1), [2, 4, 6, 6]),
    ("max", (3, 3), (2,), (2, 2), (False,), False, (1, 2), [2, 8]),
    ("average", (3, 3), (2, 2), (1, 1), (False, True), False, (2, 3), [3, 4, 6, 7, 7.5, 8.5]),
    ("max", (3, 2, 2), (2, 1, 2), (1,), (False, True), False, (2, 2, 2), [8, 9, 11, 12, 8, 9, 11, 12]),
]


@pytest.mark.parametrize(("kind", "shape", "window", "strides", "padded", "ceil", "result", "numbers"), POOLED)
def test_options_reach_beyond_the_window_and_padding_goes_with_ceil(
    kind, shape, window, strides, padded, ceil, result, numbers
):
    x = operand(shape)
    function = cntk.pooling(x, kind, window, strides, padded, ceil)
    assert function.output.shape == result
    [value] = cntk.evaluate(function, {x: counted(shape)})
    assert value.array.ravel().tolist() == numbers


@pytest.mark.parametrize(
    ("size", "window", "stride", "lower", "upper"), [(5, 4, 4, 0, 2), (6, 2, 3, 1, 0), (7, 2, 4, 1, 1)]
)
def test_a_padded_pooling_must_reach_the_last_element(size, window, stride, lower, upper):
    with pytest.raises(CntkError, match=r"^Convolution requires that kernel fills the entire space if auto-padding is"):
        cntk.pooling_with_explicit_padding(operand((size, 1)), "max", (window,), (stride,), (lower,), (upper,))


def test_a_pooling_without_padding_need_not_reach_the_last_element():
    assert cntk.pooling(operand((5, 1)), "max", (4,), (4,)).output.shape == (1, 1)


def test_a_grid_larger_than_the_map_is_refused():
    x, regions = operand((4, 2, 1)), operand((4, 1))
    with pytest.raises(CntkError) as refusal:
        cntk.roi_pooling(x, regions, "max", (5, 1), 1.0)
    assert str(refusal.value) == (
        "ROIPoolingNode: input Width (4) must be >= ROI window Width (5) and input Height (2) must be >= ROI window "
        "Height (1)."
    )


def test_rows_of_a_map_below_its_width_get_no_gradient_from_regions():
    shape, pixels = (2, 4, 1), [(x, y, x, y) for y in range(4) for x in range(2)]
    x, regions = operand(shape), operand((4, len(pixels)))
    function = cntk.roi_pooling(x, regions, "max", (1, 1), 1.0)
    corners = Value(np.array([pixels], float), Shape((4, len(pixels))), True, None)
    gradient = cntk.gradients(function, {x: counted(shape), regions: corners}, None, [x])[x].array
    assert gradient.ravel().tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def convolved(shape, taps, **options):
    x = operand(shape)
    kernel = Parameter(Shape(taps), "double", np.arange(1.0, np.prod(taps) + 1).reshape(taps[::-1]))
    function = cntk.convolution(kernel, x, **options)
    [value] = cntk.evaluate(function, {x: counted(shape)})
    return function.output.shape, value.array.ravel().tolist()


@pytest.mark.parametrize("taps", [(1, 2), (1, 2, 1)])
def test_one_map_may_be_padded_behind_the_last_channel(taps):
    assert convolved((3, 2), taps) == ((3, 2), [9, 12, 15, 4, 5, 6])


def test_padded_channels_with_one_place_are_computed():
    shape, numbers = convolved((3, 3), (2, 3, 2), strides=(1, 3))
    assert (shape, numbers) == ((3, 2), [120, 141, 66, 282, 339, 174])


@pytest.mark.parametrize(
    ("shape", "taps"), [((3, 2), (1, 2, 2)), ((3, 2), (2, 1, 2)), ((3, 3), (2, 3, 1)), ((3, 4), (2, 3))]
)
def test_other_padding_over_the_channels_is_refused(shape, taps):
    with pytest.raises(CntkError, match="detected padding over channel axis"):
        convolved(shape, taps)


@pytest.mark.parametrize(
    ("shape", "taps", "strides", "result"),
    [
        ((7, 7, 4), (1, 1, 1, 1), (1, 2), (7, 4, 2)),
        ((7, 7, 5), (1, 1, 1, 1), (3, 1), (3, 7, 5)),
        ((7, 7, 7, 5), (1, 1, 1, 1, 1), (3, 2), (3, 4, 4, 3)),
    ],
)
def test_the_last_stride_is_repeated(shape, taps, strides, result):
    kernel = Parameter(Shape(taps), "double", 1.0)
    assert cntk.convolution(kernel, operand(shape), strides, auto_padding=(False,)).output.shape == result


def test_an_output_shape_of_other_channels_is_refused():
    kernel = Parameter(Shape((4,)), "double", 1.0)
    with pytest.raises(CntkError, match=r"resulting shape '\[3 x 2\]' from convolving the specified output shape"):
        cntk.convolution_transpose(
            kernel, operand((3,)), (3,), auto_padding=(False, False), output_shape=(10, 2), reduction_rank=0
        )


NEIGHBOURS = [  # radius, how many channels each sum takes in
    (1, [1]),
    (1, [2, 1]),
    (2, [2, 1]),
    (2, [2, 3, 2]),
    (3, [3, 4, 5, 4, 3]),
    (3, [4, 5, 6, 7, 7, 6, 5, 4]),
    (4, [5, 6, 7, 8, 7, 6, 5, 4]),
]


@pytest.mark.parametrize(("radius", "counts"), NEIGHBOURS)
def test_the_window_of_local_response_normalization_is_no_wider_than_the_channels(radius, counts):
    shape = (1, 1, len(counts))
    x = operand(shape)
    function = cntk.local_response_normalization(x, radius, 1.0, 2.0 * radius + 1, 1.0)
    [value] = cntk.evaluate(function, {x: Value(np.ones((1, len(counts), 1, 1)), Shape(shape), True, None)})
    np.testing.assert_allclose(1 / value.array.ravel() - 1, counts, rtol=1e-12)


def test_the_gradient_of_a_window_that_reaches_further_behind():
    x = operand((1, 1, 4))
    function = cntk.local_response_normalization(x, 2, 1.0, 1.0, 0.5)
    given = Value(np.arange(1.0, 5).reshape(1, 4, 1, 1) / 10, Shape((1, 1, 4)), True, None)
    gradient = cntk.gradients(function, {x: given}, None, [x])[x].array.ravel()
    expected = [0.9807032273764908, 0.9490908267888607, 0.9166046277438833, 0.9094436728821226]
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_a_vector_is_normalized_as_a_whole():
    x = operand((3,))
    function = cntk.mean_variance_normalization(x, 0.5)
    [value] = cntk.evaluate(function, {x: Value(np.array([[1.0, 2, 4], [0, 1, -7]]), Shape((3,)), True, None)})
    expected = [
        [-0.7631174082634693, -0.1907793520658672, 0.9538967603293371],
        [0.49272903366611065, 0.739093550499166, -1.2318225841652766],
    ]
    np.testing.assert_allclose(value.array, expected, rtol=1e-12)


def test_a_scalar_has_no_mean_variance_normalization():
    with pytest.raises(CntkError, match=r"^The rank of the operand must be >= 1.$"):
        cntk.mean_variance_normalization(operand(()), use_stats_across_channels=True)
