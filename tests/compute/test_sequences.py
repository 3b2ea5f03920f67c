"""Sequence operators against their definitions, on ragged batches; their gradients against differences."""

import numpy as np
import pytest
from gradients import check_gradients, ragged, sequences_of
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk

LENGTHS = st.lists(st.integers(1, 5), min_size=1, max_size=4)
SAMPLES = st.sampled_from([(), (2,), (2, 3)])


def sequences(lengths, sample, seed=0):
    draw = np.random.default_rng(seed)
    return [draw.standard_normal((n, *sample)) for n in lengths]


def given_sequences(arrays):
    sample = cntk.Shape(arrays[0].shape[1:][::-1])
    x = cntk.input_variable(sample, "double")
    return x, cntk.Value.batch_of_sequences(sample, [a.reshape(-1) for a in arrays], data_type="double")


def results(function, bindings):
    [value] = cntk.evaluate(function, bindings)
    return [np.asarray(a) for a in value.sequences()]


def same(found, wanted):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@given(LENGTHS, SAMPLES)
@settings(max_examples=20, deadline=None)
def test_folds_and_softmax_go_over_the_steps_of_each_sequence(lengths, sample):
    arrays = sequences(lengths, sample)
    x, value = given_sequences(arrays)
    same(results(cntk.sequence_reduce_sum(x), {x: value}), [a.sum(0) for a in arrays])
    same(results(cntk.sequence_reduce_max(x), {x: value}), [a.max(0) for a in arrays])
    powers = [np.exp(a) for a in arrays]
    same(results(cntk.sequence_softmax(x), {x: value}), [p / p.sum(0) for p in powers])
    same(results(cntk.sequence_first(x), {x: value}), [a[0] for a in arrays])
    same(results(cntk.sequence_last(x), {x: value}), [a[-1] for a in arrays])
    same(results(cntk.sequence_is_first(x), {x: value}), [np.arange(len(a)) == 0 for a in arrays])
    same(results(cntk.sequence_is_last(x), {x: value}), [np.arange(len(a)) == len(a) - 1 for a in arrays])


@given(LENGTHS, st.integers(-3, 3), st.integers(-3, 3))
@settings(max_examples=60, deadline=None)
def test_a_slice_takes_the_steps_that_python_takes(lengths, begin, end):
    arrays = sequences(lengths, (2,))
    x, value = given_sequences(arrays)
    wanted = [a[begin : end or None] for a in arrays]
    function = cntk.sequence_slice(x, begin, end)
    if begin == end == 0:
        same(results(function, {x: value}), arrays)
    elif any(len(a) == 0 for a in wanted):
        with pytest.raises(cntk.CntkError, match="Sequences must be a least one frame long"):
            results(function, {x: value})
    elif function.output.has_sequence_axis:
        same(results(function, {x: value}), wanted)
    else:
        same(results(function, {x: value}), [a[0] for a in wanted])


def test_derived_axes_are_named_after_their_origin():
    with cntk.session():
        x = cntk.input_variable(cntk.Shape((4,)))
        assert [a.name for a in cntk.sequence_slice(x, 0, 2).output.dynamic_axes] == [
            "defaultDynamicAxis_fixedSliceOf_2",
            "defaultBatchAxis",
        ]
        assert cntk.sequence_slice(x, 1, -1).output.sequence_axis.name == "defaultDynamicAxis_times_1_minus_2"
        assert cntk.sequence_slice(x, -1, 0).output.sequence_axis is None
        c = cntk.input_variable(cntk.Shape((1,)))
        assert cntk.sequence_gather(x, c).output.sequence_axis.name == f"whereNodeDynamicAxis_conditionVar_{c.uid}"
        m = cntk.input_variable(cntk.Shape((2, 4)), dynamic_axes=[cntk.Axis.default_batch()])
        assert cntk.to_sequence(m).output.as_string().endswith(f"[2], [toSequence_{m.uid}, #])")


@given(LENGTHS, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_gathering_and_scattering_follow_a_computed_condition(lengths, seed):
    arrays = sequences(lengths, (2,), seed)
    conditions = [np.array([1.0, *np.random.default_rng(seed).integers(0, 2, len(a) - 1)]) for a in arrays]
    x, value = given_sequences(arrays)
    c, condition = given_sequences(conditions)
    bindings = {x: value, c: condition}
    computed = cntk.element_times(c, cntk.scalar("double", 2))
    same(results(cntk.sequence_where(computed), bindings), [np.flatnonzero(k).repeat(2) for k in conditions])
    gathered = cntk.sequence_gather(x, computed)
    same(results(gathered, bindings), [a[k != 0].repeat(2, 0) for a, k in zip(arrays, conditions, strict=True)])
    back = cntk.sequence_scatter(gathered, computed)
    same(results(back, bindings), [a * 2 * (k != 0)[:, None] for a, k in zip(arrays, conditions, strict=True)])


def test_a_sequence_left_without_a_step_is_refused():
    x, value = given_sequences(sequences([2, 3], ()))
    with pytest.raises(cntk.CntkError, match="AddSequence: Sequences must be a least one frame long"):
        cntk.evaluate(cntk.sequence_where(cntk.element_times(x, cntk.scalar("double", 0))), {x: value})


@given(LENGTHS, st.integers(1, 3), st.booleans(), st.sampled_from(["number", "batch"]))
@settings(max_examples=30, deadline=None)
def test_delays_shift_steps_and_put_the_initial_state_beyond_the_ends(lengths, offset, past, kind):
    arrays = sequences(lengths, (2,))
    x, value = given_sequences(arrays)
    bindings = {x: value}
    start = np.arange(2.0 * len(lengths)).reshape(-1, 2)
    if kind == "batch":
        initial = cntk.input_variable(cntk.Shape((2,)), "double", dynamic_axes=[cntk.Axis.default_batch()])
        bindings[initial] = cntk.Value.batch(cntk.Shape((2,)), start.reshape(-1), "double")
    else:
        start[:] = 7
        initial = cntk.scalar("double", 7)
    function = (cntk.past_value if past else cntk.future_value)(x, initial, offset)
    wanted = []
    for a, s in zip(arrays, start, strict=True):
        outside = np.broadcast_to(s, (offset, 2))
        wanted.append(np.concatenate([outside, a])[: len(a)] if past else np.concatenate([a, outside])[offset:])
    same(results(function, bindings), wanted)


def test_a_sequence_as_initial_state_gives_its_nearest_steps():
    arrays = [np.arange(1.0, 6), np.array([10.0, 20])]
    x, value = given_sequences(arrays)
    q = cntk.input_variable(cntk.Shape(()), "double", dynamic_axes=[cntk.Axis.dynamic("q"), cntk.Axis.default_batch()])
    starts = cntk.Value.batch_of_sequences(cntk.Shape(()), [[-1, -2, -3], [-4, -5, -6]], data_type="double")
    same(results(cntk.past_value(x, q, 2), {x: value, q: starts}), [[-2, -3, 1, 2, 3], [-5, -6]])
    same(results(cntk.future_value(x, q, 2), {x: value, q: starts}), [[3, 4, 5, -1, -2], [-4, -5]])


def test_unpacking_pads_and_gives_a_mask():
    x, value = given_sequences([np.arange(1.0, 4), np.array([9.0])])
    function = cntk.sequence_unpack(x, -1)
    data, mask = cntk.evaluate(function, {x: value})
    np.testing.assert_array_equal(data.array, [[1, 2, 3], [9, -1, -1]])
    np.testing.assert_array_equal(mask.array, [[1, 1, 1], [1, 0, 0]])
    assert function.as_string().endswith("[*], [#]), Output('" + function.outputs[1].uid + "', [*], [#])")


def test_the_last_dimension_becomes_steps():
    batch = cntk.input_variable(cntk.Shape((2, 3)), "double", dynamic_axes=[cntk.Axis.default_batch()])
    data = np.arange(12.0).reshape(2, 3, 2)
    value = cntk.Value.batch(cntk.Shape((2, 3)), data.reshape(-1), "double")
    same(results(cntk.to_sequence(batch), {batch: value}), list(data))
    lengths = cntk.input_variable(cntk.Shape((1,)), "double", dynamic_axes=[cntk.Axis.default_batch()])
    bound = {batch: value, lengths: cntk.Value.batch(cntk.Shape((1,)), [2, 3], "double")}
    same(results(cntk.to_sequence(batch, "s", lengths), bound), [data[0, :2], data[1]])
    like, steps = ragged([3, 1])
    same(results(cntk.to_sequence_like(batch, like), {batch: value, like: steps}), [data[0], data[1, :1]])


def test_what_needs_a_sequence_axis_refuses_operands_without():
    x = cntk.input_variable(cntk.Shape((2,)), dynamic_axes=[cntk.Axis.default_batch()])
    for make in (cntk.sequence_softmax, cntk.sequence_reduce_sum, cntk.sequence_unpack):
        with pytest.raises(cntk.CntkError, match="sentinel cannot be resolved"):
            make(x)
    with pytest.raises(cntk.CntkError, match="#dynamic axes != 2"):
        cntk.sequence_first(x)


MAKERS = {
    "first": cntk.sequence_first,
    "slice": lambda x: cntk.sequence_slice(x, -2, 0),
    "sum": cntk.sequence_reduce_sum,
    "max": cntk.sequence_reduce_max,
    "softmax": cntk.sequence_softmax,
    "unpack": lambda x: cntk.sequence_unpack(x, 0.5, True),
    "past": lambda x: cntk.past_value(x, 0.5, 2),
    "future": lambda x: cntk.future_value(x, None, 1),
    "broadcast": lambda x: cntk.broadcast_as(cntk.sequence_reduce_sum(x), x),
    "gather": lambda x: cntk.sequence_gather(x, cntk.greater(cntk.reduce_sum(cntk.square(x), ALL), ZERO)),
    "scatter": lambda x: cntk.sequence_scatter(
        cntk.sequence_gather(x, cntk.sequence_is_first(x)), cntk.sequence_is_first(x)
    ),
    "reduced unpacked": lambda x: cntk.reduce_log_sum(cntk.sequence_unpack(x, 0, True), cntk.Axis.static(-1)),
}
ALL = cntk.Axis.all_static_axes()
ZERO = cntk.scalar("double", 0)


@pytest.mark.parametrize("name", MAKERS)
def test_gradients(name):
    like, steps = ragged([3, 1, 4] if name != "slice" else [3, 2, 4])
    x, held = sequences_of(np.random.default_rng(3).standard_normal((3, 4, 2)), like)
    check_gradients(MAKERS[name](x), [held], {like: steps})


@pytest.mark.parametrize("past", [True, False])
def test_the_initial_state_of_a_delay_has_a_gradient(past):
    like, steps = ragged([3, 1, 4])
    x, held = sequences_of(np.random.default_rng(3).standard_normal((3, 4, 2)), like)
    delay = cntk.past_value if past else cntk.future_value
    start = cntk.parameter(cntk.Shape((2,)), "double", np.array([0.3, -0.4]))
    check_gradients(delay(x, start, 2), [held, start], {like: steps})
    samples = cntk.parameter(cntk.Shape((2, 3)), "double", np.arange(6.0).reshape(3, 2))
    check_gradients(delay(x, cntk.to_batch(samples), 2), [held, samples], {like: steps})


def test_a_condition_says_how_often_a_step_is_taken():
    condition, times = given_sequences([np.array([[2.0], [0], [1]]), np.array([[0.5], [0.5], [1.5]])])
    x, value = given_sequences([np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([[7.0, 8], [9, 10], [11, 12]])])
    bound = {condition: times, x: value}
    same(results(cntk.sequence_where(condition), bound), [[0, 0, 2], [0, 2, 2]])
    gathered = cntk.sequence_gather(x, condition)
    same(results(gathered, bound), [[[1, 2], [1, 2], [5, 6]], [[7, 8], [11, 12], [11, 12]]])
    scattered = cntk.sequence_scatter(gathered, condition)
    same(results(scattered, bound), [[[2, 4], [0, 0], [5, 6]], [[7, 8], [0, 0], [22, 24]]])


@pytest.mark.parametrize(
    ("condition", "taken"),
    [([5, 0.3, -0.3, 1.5, -1.5], [0] * 5 + [1, 3]), ([1, -5, 3], [0]), ([0, 1e-12], [1]), ([1, np.nan, 1], [0])],
)
def test_steps_are_taken_until_the_sum_of_the_condition_is_reached(condition, taken):
    x, value = given_sequences([np.array(condition, np.float64)[:, None]])
    same(results(cntk.sequence_where(x), {x: value}), [taken])


def test_steps_that_are_taken_twice_get_both_gradients():
    condition, times = given_sequences([np.array([[2.0], [0], [1]]), np.array([[1.0], [2]])])
    x, held = sequences_of(np.random.default_rng(3).standard_normal((2, 3, 2)), condition)
    gathered = cntk.sequence_gather(x, condition)
    scattered = cntk.sequence_scatter(gathered, condition)
    for function in (gathered, scattered):
        check_gradients(function, [held], {condition: times})


def test_a_vector_has_no_dimension_that_could_become_steps():
    x = cntk.input_variable(cntk.Shape((3,)), "double", dynamic_axes=[cntk.Axis.default_batch()])
    bound = {x: cntk.Value.batch(cntk.Shape((3,)), [1, 2, 3], data_type="double")}
    with pytest.raises(cntk.CntkError, match="ToSequence operation can only operate on input data of rank >= 2"):
        cntk.evaluate(cntk.to_sequence(x), bound)
    like, steps = given_sequences([np.zeros((3, 1))])
    with pytest.raises(cntk.CntkError, match="ToSequenceLike operation can only operate on input data of rank >= 2"):
        cntk.evaluate(cntk.to_sequence_like(x, like), {**bound, like: steps})


def test_where_asks_for_scalars():
    x, value = given_sequences([np.ones((2, 2))])
    with pytest.raises(cntk.CntkError, match="Where operation can only operate on scalar input"):
        cntk.evaluate(cntk.sequence_where(x), {x: value})
