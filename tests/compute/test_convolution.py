"""Convolutions in graphs: shapes, numbers and refusals of CNTK 2.7, gradients, and the layers over them."""

import numpy as np
import pytest

from xquery_bridge import compute as cntk
from xquery_bridge.compute import Axis, CntkError, Parameter, Shape, Value
from xquery_bridge.compute.evaluation import Executor


def image(shape, sequence=False):
    axes = None if sequence else [Axis.default_batch()]
    return cntk.input_variable(Shape(shape), "double", name="x", dynamic_axes=axes)


def counted(shape, first=1):
    """An array of the shape (CNTK order) with first, first + 1, … in memory order."""
    size = int(np.prod(shape))
    return np.arange(first, first + size, dtype=np.float64).reshape(tuple(shape)[::-1])


def kernel(shape):
    return Parameter(Shape(shape), "double", counted(shape), "k")


def batch(array):
    return Value(array, Shape(array.shape[:0:-1]), True, None)


def evaluate(function, x, array):
    [value] = cntk.evaluate(function, {x: batch(array[None])})
    return value.array[0]


@pytest.fixture(autouse=True)
def _session():
    with cntk.session():
        yield


# kernel, operand, options, shape of the result; CNTK order
SHAPES = [
    ((3, 3, 2, 4), (6, 5, 2), {"auto_padding": (True, True, False)}, (6, 5, 4)),
    ((3, 3, 2, 4), (6, 5, 2), {}, (6, 5, 8)),
    ((3, 3, 2, 4), (6, 5, 2), {"auto_padding": (False,)}, (4, 3, 4)),
    ((3, 3, 2, 6), (6, 5, 4), {"auto_padding": (True, True, False), "groups": 2}, (6, 5, 6)),
    ((2, 2), (3, 3), {"auto_padding": (False,)}, (2, 2)),
    ((2, 2), (3, 3), {}, (3, 3)),
    ((3, 3, 2, 3), (8, 7, 2), {"auto_padding": (True, True, False), "strides": (1, 2, 2)}, (8, 4, 3)),
    ((3, 3, 2, 3), (8, 7, 2), {"auto_padding": (True, True, False), "strides": (3, 2)}, (3, 4, 3)),
    ((3, 2, 3), (9, 2), {"lower_pad": (2,), "upper_pad": (1,), "strides": (2,)}, (5, 3)),
    ((3, 2, 3), (9, 2), {"auto_padding": (False,), "dilation": (2,)}, (5, 3)),
    ((3, 3, 3, 2, 2), (5, 4, 3, 2), {"auto_padding": (True, True, True, False)}, (5, 4, 3, 2)),
    ((3, 3), (6, 5), {"auto_padding": (False,), "reduction_rank": 0}, (4, 3, 1)),
    ((3, 3, 2), (6, 5), {"reduction_rank": 0}, (6, 5, 2)),
]
TRANSPOSED_SHAPES = [
    ((2, 2), (3, 3), {"auto_padding": (False,)}, (4, 8)),
    ((3, 3), (2, 2), {"auto_padding": (False,)}, (4, 5)),
    ((2, 2), (3, 3), {}, (3, 8)),
    ((3, 3, 4, 2), (6, 5, 2), {"auto_padding": (False,), "strides": (2, 2)}, (13, 11, 4)),
    ((3, 3, 4, 2), (6, 5, 2), {"strides": (2, 2), "output_shape": (12, 10, 4)}, (12, 10, 4)),
    ((3, 3, 3, 2), (4, 3, 2), {}, (4, 3, 3)),
    ((3, 4, 2), (3, 2), {"strides": (2,), "lower_pad": (1, 0), "upper_pad": (0, 0)}, (6, 4)),
    ((3, 3), (6, 5), {"auto_padding": (False,), "reduction_rank": 0}, (8, 7, 1)),
    ((3, 3, 2), (6, 5), {"auto_padding": (False,), "reduction_rank": 0}, (8, 7, 2)),
]


@pytest.mark.parametrize(("taps", "operand", "options", "result"), SHAPES)
def test_shapes(taps, operand, options, result):
    function = cntk.convolution(kernel(taps), image(operand), **options)
    assert function.output.shape == result
    assert function.root_function.op_name == "Convolution"


@pytest.mark.parametrize(("taps", "operand", "options", "result"), TRANSPOSED_SHAPES)
def test_transposed_shapes(taps, operand, options, result):
    function = cntk.convolution_transpose(kernel(taps), image(operand), **options)
    assert function.output.shape == result
    name = "ConvolutionTranspose" if options.get("reduction_rank") == 0 else "Convolution"
    assert function.root_function.op_name == name


# kernel and operand hold 1, 2, 3, … and 0, 1, 2, …
NUMBERS = [
    ((2, 2), (3, 3), {}, [[27, 37, 17], [57, 67, 29], [20, 23, 8]]),
    ((2, 1), (3, 3), {}, [[2, 5, 2], [11, 14, 5], [20, 23, 8]]),
    ((2, 2), (3, 3), {"auto_padding": (True, False)}, [[27, 37, 17], [57, 67, 29]]),
    ((2, 2), (3, 3), {"auto_padding": (False, True)}, [[27, 37], [57, 67], [20, 23]]),
    ((2, 2), (3, 3), {"strides": (2,)}, [[27, 17], [20, 8]]),
    (
        (2, 2, 1, 2),
        (3, 3, 3),
        {"auto_padding": (True, True, False)},
        [
            [[27, 37, 17], [57, 67, 29], [20, 23, 8]],
            [[117, 127, 53], [147, 157, 65], [47, 50, 17]],
            [[207, 217, 89], [237, 247, 101], [74, 77, 26]],
            [[59, 85, 45], [137, 163, 81], [72, 83, 40]],
            [[293, 319, 153], [371, 397, 189], [171, 182, 85]],
            [[527, 553, 261], [605, 631, 297], [270, 281, 130]],
        ],
    ),
]
TRANSPOSED_NUMBERS = [
    (
        (3, 4, 2),
        (3, 2),
        {"auto_padding": (False,)},
        [[39, 95, 170, 137, 81], [48, 119, 215, 173, 102], [57, 143, 260, 209, 123], [66, 167, 305, 245, 144]],
    ),
    (
        (3, 4, 2),
        (3, 2),
        {"strides": (2,), "output_shape": (6, 4)},
        [
            [42, 98, 58, 130, 74, 81],
            [51, 122, 73, 166, 95, 102],
            [60, 146, 88, 202, 116, 123],
            [69, 170, 103, 238, 137, 144],
        ],
    ),
    (
        (3, 4, 2),
        (3, 2),
        {"strides": (2,), "lower_pad": (2,), "upper_pad": (2,)},
        [[98, 58, 130], [122, 73, 166], [146, 88, 202], [170, 103, 238]],
    ),
    (
        (3, 4, 2),
        (3, 2),
        {"auto_padding": (False,), "strides": (2,), "output_shape": (8, 4)},
        [
            [39, 42, 98, 58, 130, 74, 81, 0],
            [48, 51, 122, 73, 166, 95, 102, 0],
            [57, 60, 146, 88, 202, 116, 123, 0],
            [66, 69, 170, 103, 238, 137, 144, 0],
        ],
    ),
]


@pytest.mark.parametrize(("taps", "operand", "options", "result"), NUMBERS)
def test_numbers_of_cntk(taps, operand, options, result):
    x = image(operand)
    function = cntk.convolution(kernel(taps), x, **options)
    np.testing.assert_allclose(evaluate(function, x, counted(operand, 0)), np.array(result))


@pytest.mark.parametrize(("taps", "operand", "options", "result"), TRANSPOSED_NUMBERS)
def test_transposed_numbers_of_cntk(taps, operand, options, result):
    x = image(operand)
    function = cntk.convolution_transpose(kernel(taps), x, **options)
    np.testing.assert_allclose(evaluate(function, x, counted(operand, 0)), np.array(result))


REFUSED_WHEN_BUILT = [
    (cntk.convolution, (5, 2, 2), (3, 2), {}, r"requires that kernel dim 5 <= input dim 3\."),
    (cntk.convolution, (3, 2), (3, 2, 2), {}, r"rank \(2\) should be >= rank \(3\) of the shape of the input operand"),
    (cntk.convolution, (3, 3, 1, 2), (6, 5), {"reduction_rank": 0}, "must have the same rank as the input or greater"),
    (cntk.convolution, (3, 3), (6, 5), {"reduction_rank": 2}, "reductionRank: must be 1 or 0."),
    (cntk.convolution, (3, 3, 2, 6), (6, 5, 5), {"groups": 2}, r"number of input kernel channels \(kC\) \* groups"),
    (cntk.convolution, (3, 3, 2, 5), (6, 5, 4), {"groups": 2}, "number of output channels must be divisble by groups"),
    (cntk.convolution, (3, 3, 2, 6), (6, 5, 4), {"groups": 0}, "Must be strictly positive, i.e. groups > 0."),
    (cntk.convolution_transpose, (3, 3), (2, 2), {"auto_padding": (False, False), "output_shape": (4,)}, "same rank"),
    (cntk.convolution_transpose, (3, 3), (2, 2), {}, r"requires that kernel dim 3 <= input dim 2\."),
    (
        cntk.convolution_transpose,
        (3, 4, 2),
        (3, 2),
        {"strides": (2,), "output_shape": (7, 4)},
        r"The shape '\[3 x 2\]' of the convolution transpose operand .* the resulting shape '\[4 x 2\]' from "
        r"convolving the specified output shape '\[7 x 4\]'",
    ),
]


@pytest.mark.parametrize(("make", "taps", "operand", "options", "sentence"), REFUSED_WHEN_BUILT)
def test_refusals_when_the_graph_is_built(make, taps, operand, options, sentence):
    with pytest.raises(CntkError, match=sentence):
        make(kernel(taps), image(operand), **options)


REFUSED_WHEN_EVALUATED = [
    (
        cntk.convolution,
        (3, 3, 2, 3),
        (6, 5, 2),
        {},
        "detected padding over channel axis. This is not supported in cuDnn",
    ),
    (cntk.convolution, (2, 2), (3, 3), {"auto_padding": (False,)}, "Mismatching outputShape and mapCount"),
    (cntk.convolution_transpose, (3, 3), (2, 2), {"auto_padding": (False,)}, "Mismatching outputShape and mapCount"),
    (cntk.convolution_transpose, (2, 2), (3, 3), {}, "GEMM convolution engine does not support this convolution"),
]


@pytest.mark.parametrize(("make", "taps", "operand", "options", "sentence"), REFUSED_WHEN_EVALUATED)
def test_refusals_when_the_graph_is_evaluated(make, taps, operand, options, sentence):
    x = image(operand)
    function = make(kernel(taps), x, **options)
    with pytest.raises(CntkError, match=sentence):
        evaluate(function, x, counted(operand))


def test_a_kernel_with_a_batch_is_refused():
    k, x = image((3, 2, 4)), image((6, 2))
    function = cntk.convolution(k, x, auto_padding=(True, False))
    values = {k: batch(np.ones((2, 4, 2, 3))), x: batch(np.ones((2, 2, 6)))}
    with pytest.raises(CntkError, match="Minibatch data cannot be interpreted as a single 2D tensor"):
        cntk.evaluate(function, values)


def test_an_input_as_kernel_is_refused_without_channels():
    k = cntk.input_variable(Shape((2, 2)), "double", dynamic_axes=[])
    with pytest.raises(CntkError, match="which is not a placeholder"):
        cntk.convolution(k, image((3, 3)), reduction_rank=0)


def test_the_map_comes_first_among_the_arguments():
    x = image((3, 3))
    k = cntk.input_variable(Shape((2, 2)), "double", name="k", dynamic_axes=[])
    assert [v.name for v in cntk.convolution(k, x).arguments] == ["k", "x"]
    assert [v.name for v in cntk.convolution_transpose(k, x).arguments] == ["k", "x"]


def test_attributes_are_kept_for_every_dimension():
    attributes = cntk.convolution_transpose(kernel((3, 3, 4, 2)), image((6, 5, 2))).root_function.attributes
    assert attributes["autoPadding"] == [True, True, False]
    assert attributes["strides"] == (1, 1, 2)
    assert attributes["dilation"] == (1, 1, 1)
    assert attributes["lowerPad"] == [0, 0, 0]
    assert attributes["kernelShape"] == (3, 3, 4)
    assert attributes["transpose"] is True


def test_an_inferred_number_of_channels_is_taken_from_the_operand():
    k = Parameter(Shape((3, 3, cntk.INFERRED, 4)), "double", 1.0)
    assert cntk.convolution(k, image((6, 5, 2))).output.shape == (6, 5, 8)
    assert k.shape == (3, 3, 2, 4)


def gradients(loss, parameters, values):
    executor = Executor([loss.output], True, parameters)
    plan, _ = executor.run(values)
    return {p: plan.gradients[p].copy() for p in parameters}, float(plan.outputs[0][0].sum())


GRADIENT_CASES = [
    (cntk.convolution, (3, 2, 2, 3), (5, 4, 2), {"auto_padding": (True, True, False), "strides": (2, 1)}),
    (cntk.convolution, (2, 2), (3, 3), {}),
    (cntk.convolution, (2, 2, 1, 2), (3, 3, 2), {"auto_padding": (True, True, False)}),
    (cntk.convolution, (3, 3), (4, 5), {"reduction_rank": 0}),
    (cntk.convolution_transpose, (3, 2, 3, 2), (3, 4, 2), {"strides": (2, 2)}),
    (cntk.convolution_transpose, (2, 2, 3, 2), (3, 4, 2), {"strides": (2, 2), "auto_padding": (False,)}),
]


@pytest.mark.parametrize(("make", "taps", "operand", "options"), GRADIENT_CASES)
def test_gradients_are_the_derivatives(make, taps, operand, options):
    random = np.random.default_rng(1)
    k = Parameter(Shape(taps), "double", random.standard_normal(taps[::-1]))
    shift = Parameter(Shape(operand), "double", 0.0)
    x = image(operand)
    values = {x: batch(random.standard_normal((2, *operand[::-1])))}
    function = make(k, cntk.plus(x, shift), **options)
    loss = cntk.element_times(function, function)
    found, _ = gradients(loss, [k, shift], values)
    step = 1e-6
    for parameter in (k, shift):
        flat = parameter.data.reshape(-1)
        for index in random.choice(flat.size, min(flat.size, 8), replace=False):
            before = flat[index]
            flat[index] = before + step
            upper = gradients(loss, [k], values)[1]
            flat[index] = before - step
            lower = gradients(loss, [k], values)[1]
            flat[index] = before
            wanted = (upper - lower) / (2 * step)
            assert found[parameter].reshape(-1)[index] == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_sequences_are_convolved_step_by_step():
    x = image((5, 2), sequence=True)
    function = cntk.convolution(kernel((3, 2, 3)), x, auto_padding=(True, False))
    frames = np.random.default_rng(2).standard_normal((4, 2, 5))
    [value] = cntk.evaluate(function, {x: Value(frames, Shape((5, 2)), True, np.array([3, 1]))})
    y = image((5, 2))
    [plain] = cntk.evaluate(cntk.convolution(kernel((3, 2, 3)), y, auto_padding=(True, False)), {y: batch(frames)})
    assert value.lengths.tolist() == [3, 1]
    np.testing.assert_allclose(value.array, plain.array)


def test_layers_have_the_parameters_of_cntk():
    x = image((9, 8, 2))
    layer = cntk.convolution_layer(x, (3, 2), 4, pad=(True, False), strides=2)
    assert layer.output.shape == (5, 4, 4)
    assert {p.name: p.shape for p in layer.parameters} == {"W": (3, 2, 2, 4), "b": (1, 1, 4)}
    assert layer.root_function.op_name == "Convolution"
    assert [v.name for v in layer.arguments] == ["x"]
    transposed = cntk.convolution_transpose_layer(x, (3, 2), 4, strides=(2, 1), output_shape=(20, 9))
    assert transposed.output.shape == (20, 9, 4)
    assert {p.name: p.shape for p in transposed.parameters} == {"W": (3, 2, 4, 2), "b": (1, 1, 4)}
    assert transposed.root_function.op_name == "ConvolutionTranspose"


def test_kernels_are_drawn_glorot_uniform_over_their_fans():
    layer = cntk.convolution_2d_layer(image((20, 20, 30)), 5, 40, bias=False)
    [weights] = layer.parameters
    bound = (6 / ((30 + 40) * 25)) ** 0.5
    assert np.abs(weights.data).max() <= bound
    assert weights.data.std() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_a_layer_without_filters_drops_the_channels():
    layer = cntk.convolution_layer(image((6, 5)), (3, 3), reduction_rank=0, pad=True)
    assert layer.output.shape == (6, 5)
    assert {p.name: p.shape for p in layer.parameters} == {"W": (3, 3, 1, 1), "b": (1, 1, 1)}


def test_layers_apply_the_activation():
    x = image((5, 1))
    layer = cntk.convolution_1d_layer(x, 2, 3, activation=cntk.relu, init=-1.0, init_bias=7.0)
    np.testing.assert_allclose(evaluate(layer, x, counted((5, 1))), [[4, 2, 0, 0]] * 3)


def test_layers_refuse_options_that_do_not_fit():
    x = image((9, 8, 2))
    with pytest.raises(CntkError, match="groups > 1, is not currently supported by Convolution layer"):
        cntk.convolution_layer(x, (3, 3), 4, groups=2)
    with pytest.raises(CntkError, match="must be a scalar or have same number of elements as the filter_shape"):
        cntk.convolution_layer(x, (3, 3), 4, strides=(1, 2, 3))
    with pytest.raises(CntkError, match="filter_shape must be a scalar or a 2D tuple"):
        cntk.convolution_2d_layer(x, (3, 3, 3), 4)
