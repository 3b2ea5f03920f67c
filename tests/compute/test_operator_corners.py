"""Corners of elementwise operators, reductions and shapes, as CNTK 2.7 answers them in double."""

import math

import numpy as np
import pytest

from xquery_bridge import compute as cntk

BATCH = [cntk.Axis.default_batch()]
STATIC = cntk.Axis.static
INF = math.inf


def variable(*dimensions, axes=BATCH):
    return cntk.input_variable(cntk.Shape(dimensions), "double", dynamic_axes=axes, needs_gradient=True)


def constant(numbers, *dimensions):
    return cntk.constant(cntk.Shape(dimensions), "double", np.reshape(numbers, dimensions[::-1]))


def value_of(function, data, x):
    """The result for samples of a shape without free dimensions, flat."""
    [result] = cntk.evaluate(function, {x: cntk.Value.batch(x.shape, data, "double")})
    return result.array.ravel().tolist()


def gradient_of(function, data, x):
    found = cntk.gradients(function, {x: cntk.Value.batch(x.shape, data, "double")}, None, [x])
    return found[x].array.ravel().tolist()


def test_clipping_between_crossed_bounds_looks_at_the_minimum_first():
    x = variable(4)
    clipped = cntk.clip(x, constant(1, 1), constant(-2, 1))
    assert value_of(clipped, [-3, 0, 1, 5], x) == [1, 1, -2, -2]


def test_powers_of_bases_that_are_not_positive():
    x = variable(6)
    exponents = [3, 2, 2, -1, 0.5, 0]
    bases = [2, -2, 0, 0, 3, -1]
    power = cntk.pow(x, constant(exponents, 6))
    assert value_of(power, bases, x) == pytest.approx([8, 4, 0, 0, 1.7320508075688772, 1])
    assert gradient_of(power, bases, x) == pytest.approx([12, -4, 0, 0, 0.28867513459481287, 0])
    y = variable(6)
    power = cntk.pow(constant(bases, 6), y)
    assert gradient_of(power, exponents, y) == pytest.approx([5.545177444479562, 0, 0, 0, 1.902852301792692, 0])


def test_the_gradient_of_a_product_gives_nothing_to_elements_of_0():
    x = variable(3)
    product = cntk.reduce_prod(x, STATIC(0))
    assert gradient_of(product, [1, -2, 2, 2, 0, -2], x) == [-4, 2, -2, 0, 0, 0]


def test_one_infinity_makes_the_sum_of_exponentials_infinite():
    x = variable(3)
    assert value_of(cntk.reduce_log_sum(x, STATIC(0)), [INF, 1, 2, -INF, 0, -INF], x) == [INF, 0]


def test_an_infinite_operand_of_log_add_exp_gets_the_whole_gradient():
    x = variable(4)
    added = cntk.log_add_exp(x, constant([1, 1, INF, 0], 4))
    assert gradient_of(added, [INF, -INF, 1, 0], x) == [1, 0, 0, 0.5]
    assert gradient_of(cntk.softplus(x), [INF, -INF, 0, 800], x) == [1, 0, 0.5, 1]


@pytest.mark.parametrize("samples", [2, 3])
def test_spliced_operands_without_a_batch_stand_in_every_sample(samples):
    """Also where their last dimension is as large as the batch."""
    x, rows = variable(2, 3), constant(range(6), 2, 3)
    data = np.arange(6.0 * samples) + 10
    spliced = np.array(value_of(cntk.splice([rows, x], STATIC(-2)), data, x)).reshape(samples, 3, 4)
    np.testing.assert_array_equal(spliced[..., :2], np.broadcast_to(np.arange(6.0).reshape(3, 2), (samples, 3, 2)))
    np.testing.assert_array_equal(spliced[..., 2:], data.reshape(samples, 3, 2))


SHAPES = [
    (lambda: cntk.flatten(variable(4), STATIC(-1)), (4, 1)),
    (lambda: cntk.flatten(variable(3, 2, 4), STATIC(-4)), (1, 24)),
    (lambda: cntk.flatten(variable(), STATIC(-1)), (1, 1)),
    (lambda: cntk.flatten(variable(2, cntk.FREE, 3, 2), STATIC(0)), (1, cntk.FREE)),
    (lambda: cntk.flatten(variable(cntk.FREE, 3, 2, 2), STATIC(-2)), (cntk.FREE, 2)),
    (lambda: cntk.flatten(variable(1, cntk.FREE, 2)), (cntk.FREE, 1)),
    (lambda: cntk.splice([variable(), variable()], STATIC(1)), (1, 2)),
    (lambda: cntk.splice([variable(2, 4)], STATIC(3)), (2, 4, 1, 1)),
    (lambda: cntk.transpose_axes(variable(2, 3, 2, 4), STATIC(4), STATIC(-1)), (2, 3, 2, 1, 4)),
    (lambda: cntk.transpose_axes(variable(1, 3), STATIC(1), cntk.Axis.end_static()), (1, 1, 3)),
    (lambda: cntk.transpose_axes(variable(3), STATIC(-1), STATIC(0)), (3,)),
    (lambda: cntk.top_k(variable(3, 4), 1, STATIC(2)).outputs[0], (3, 4, 1)),
    (lambda: cntk.gather_op(variable(2), constant(range(12), 3, 4), STATIC(0)), (2, 4)),
    (lambda: cntk.gather_op(variable(3, 4), constant(range(8), 4, 2), STATIC(0)), (4, 3, 2)),
    (lambda: cntk.gather_op(variable(2, 3), constant(range(18), 2, 3, 3), STATIC(1)), (2, 3, 2, 3)),
    (lambda: cntk.gather_op(variable(2), constant(range(2), 2), STATIC(-1)), (2,)),
]


@pytest.mark.parametrize(("make", "shape"), SHAPES)
def test_axes_behind_the_last_dimension_and_counted_from_the_end(make, shape):
    made = make()
    assert getattr(made, "output", made).shape == cntk.Shape(shape)


def test_gathering_along_axis_minus_1_is_the_primitive():
    reference = constant(range(12), 3, 4)
    assert cntk.gather_op(variable(2), reference, STATIC(-1)).root_function.op_name == "Gather"
    assert cntk.gather_op(variable(2), reference, STATIC(1)).root_function.op_name == "GatherOp"


def test_indices_of_a_matrix_along_the_first_axis():
    x = variable(2, 2)
    gathered = cntk.gather_op(x, constant(range(6), 2, 3), STATIC(0))
    assert gathered.output.shape == cntk.Shape((2, 2, 3))
    assert value_of(gathered, [0, 1, 1, 1], x) == [0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5]


@pytest.mark.parametrize("is_sparse", [False, True])
def test_numbers_below_0_are_of_no_class(is_sparse):
    x = variable(4)
    hot = cntk.one_hot_op(x, 2, is_sparse, STATIC(0))
    assert value_of(hot, [-0.5, 0.5, -0.0, 1.99], x) == [0, 0, 1, 0, 1, 0, 0, 1]


BATCH_AXIS, ALL, ALL_STATIC = cntk.Axis.default_batch(), cntk.Axis.all_axes(), cntk.Axis.all_static_axes()
SAMPLE = [1.0, 2, 3, 4, 5, 6]


def sequence(*dimensions):
    return cntk.input_variable(cntk.Shape(dimensions), "double")


REFUSED = [
    (lambda: cntk.reduce_sum(variable(2, axes=[]), BATCH_AXIS), "No batch axis found during reduction along the batch"),
    (
        lambda: cntk.reduce_max_on_axes(variable(2), [ALL_STATIC], False),
        "Cannot query the static axis index for a non-",
    ),
    (lambda: cntk.reduce_l1(variable(2), [BATCH_AXIS], False), "Cannot query the static axis index for a non-static"),
    (
        lambda: cntk.reduce_sum_on_axes(variable(2), [STATIC(0), STATIC(1)]),
        "number (2) of reduction axes exceeds the rank",
    ),
    (lambda: cntk.reduce_max_on_axes(variable(1), [STATIC(-1), STATIC(0)]), "number (2) of reduction axes exceeds"),
    (lambda: cntk.transpose(variable(3)), "[3], [#])'; only 2D operands are supported."),
    (lambda: cntk.transpose_times(variable(2, 3, 2), variable(2)), "requires the left operand"),
    (lambda: cntk.transpose_times(variable(2, 3, 2), variable(2)), "[2 x 3 x 2], [#])' to be of rank 1 or 2"),
    (lambda: cntk.times(variable(2, 3, 4), variable(3), 1), "rank (1) must be >= #axes (2) being reduced over."),
    (lambda: cntk.times(variable(2), variable(3), 0), "Times: Output rank (0) must be > 0."),
    (
        lambda: cntk.times(variable(2, 2), variable(2), 1, 1),
        "Times: Input map rank (1) must be < rank (1) of the right",
    ),
    (lambda: cntk.crop(variable(4, 4), variable(2), [0, 0]), "have different ranks."),
    (lambda: cntk.crop(variable(4), variable(2), [0, 0]), "must have rank at least 2."),
    (lambda: cntk.eye_like(sequence()), "can not have sequence axis."),
    (lambda: cntk.pad(variable(3), "constant", [], []), "the length of head and foot does not match input operand's"),
    (lambda: cntk.pad(variable(3), "reflect", [3], [0]), "must be no greater than input dimension - 1."),
    (lambda: cntk.pad(variable(3), "symmetric", [0], [4]), "with SYMMETRICPAD mode, the head and foot length must be"),
    (
        lambda: cntk.slice(variable(5), [STATIC(0)], [-6], [2]),
        "range [-6,2), interpreted as [-1,2), is invalid for input",
    ),
    (
        lambda: cntk.slice(variable(5), [STATIC(0)], [2], [2]),
        "Invalid bounds parameter, dimensions must be at least one.",
    ),
    (lambda: cntk.slice(variable(5), [STATIC(0)], [1], [4], [0]), "NarrowTo: Narrow with stride 0 is not supported."),
    (
        lambda: cntk.slice(variable(5), [STATIC(0)], [0], [3], [-4]),
        "NarrowTo: stride 4 is invalid for interval [0, 3).",
    ),
]


@pytest.mark.parametrize(("make", "sentence"), REFUSED)
def test_what_is_refused_when_the_graph_is_built(make, sentence):
    with pytest.raises(cntk.CntkError) as refusal:
        make()
    assert sentence in str(refusal.value)


REFUSED_WITH_DATA = [
    (lambda x: cntk.argmax(x, ALL), "NeutralValue: Invalid operation code; allowed are: 'opSum'"),
    (lambda x: cntk.argmin(x, BATCH_AXIS), "NeutralValue: Invalid operation code; allowed are: 'opSum'"),
    (lambda x: cntk.reduce_sum(x, STATIC(2)), "operation) [3 x 2] can not be reduced along axes [3]"),
    (lambda x: cntk.reduce_sum_on_axes(x, [STATIC(0), STATIC(2)]), "can not be reduced along axes [1, 3]"),
    (lambda x: cntk.transpose_times(x, x, 2), "TransposeTimes does not yet support outputRank other than 1"),
]


@pytest.mark.parametrize(("make", "sentence"), REFUSED_WITH_DATA)
def test_what_is_refused_when_data_comes(make, sentence):
    x = variable(3, 2)
    with pytest.raises(cntk.CntkError) as refusal:
        value_of(make(x), SAMPLE, x)
    assert sentence in str(refusal.value)


def test_sequences_of_several_steps_are_not_reconciled_to_single_samples():
    x, y = sequence(2), variable(1)
    bound = {
        x: cntk.Value.batch_of_sequences(x.shape, [[1, 2, 3, 4], [5, 6]], data_type="double"),
        y: cntk.Value.batch(y.shape, [1, 2], "double"),
    }
    with pytest.raises(cntk.CntkError, match="produced an MB layout that is incompatible with that of"):
        cntk.evaluate(cntk.reconcile_dynamic_axes(x, y), bound)


STEPS = cntk.Axis.default_sequence()
OVER_STEPS = [
    ("sum", [STEPS], [8 / 3, 10 / 3, 4, 14 / 3, 16 / 3, 6, 20 / 3, 22 / 3, 0, 1, 2, 3, 4, 5, 6, 7]),
    ("mean", [STATIC(0), STEPS], [11 / 6, 19 / 6, 0.75, 2.75]),
    ("mean", [STEPS, BATCH_AXIS], [2 / 3, 13 / 12, 1.5, 23 / 12, 7 / 3, 2.75, 19 / 6, 43 / 12]),
    ("max", [STEPS, STATIC(0)], [11 / 3, 5, 3, 7]),
    ("min", [STATIC(0), STATIC(1), STEPS], [0, 0]),
    ("prod", [STATIC(1), STEPS], [0, 7.222222222222222, 20.74074074074074, 42.77777777777778, 0, 5, 12, 21]),
    ("log_sum", [STATIC(0), STEPS], [4.688518104251292, 6.021851437584625, 3.4401896985611953, 7.440189698561196]),
]


@pytest.mark.parametrize(("operation", "axes", "wanted"), OVER_STEPS)
def test_a_list_of_axes_may_hold_the_sequence_axis(operation, axes, wanted):
    x = cntk.input_variable(cntk.Shape((4, 2)), "double", needs_gradient=True)
    value = cntk.Value.batch_of_sequences(x.shape, [np.arange(16.0) / 3, np.arange(8.0)], data_type="double")
    reduced = getattr(cntk, f"reduce_{operation}_on_axes")(x, axes)
    dropped = {a.static_index for a in axes if a.is_static}
    assert reduced.output.shape == cntk.Shape((*(1 if i in dropped else d for i, d in enumerate((4, 2))), 1))
    assert list(reduced.output.dynamic_axes) == ([] if BATCH_AXIS in axes else BATCH)
    [result] = cntk.evaluate(reduced, {x: value})
    assert result.array.ravel() == pytest.approx(np.array(wanted), rel=1e-12)
    gradient = cntk.gradients(reduced, {x: value}, None, [x])[x].array
    assert gradient.shape == (3, 2, 4)
    if operation == "mean" and axes[0] == STATIC(0):
        np.testing.assert_array_equal(gradient, 0.125)  # the longest sequence has two steps


def test_samples_that_are_scalars_are_reduced_along_the_batch():
    x = variable()
    assert value_of(cntk.reduce_sum(x, BATCH_AXIS), [1, 2, 4], x) == [7]
    assert value_of(cntk.reduce_sum_on_axes(x, [BATCH_AXIS]), [1, 2, 4], x) == [7]


def test_a_scalar_is_padded_by_nothing():
    x = variable(axes=[])
    padded = cntk.pad(x, "constant", [], [])
    value = cntk.Value.of(x.shape, [3.0], data_type="double")
    [result] = cntk.evaluate(padded, {x: value})
    assert result.array == 3
    assert cntk.gradients(padded, {x: value}, None, [x])[x].array == 1
