"""Operators that pick, fill, assign and scale: by definition, by gradients, by CNTK's refusals."""

import numpy as np
import pytest
from gradients import batch_of, check_gradients, parameter
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.evaluation import Executor
from xquery_bridge.compute.partial_sort import largest_by_heap

BATCH = [cntk.Axis.default_batch()]


def batch(array, name=""):
    array = np.asarray(array, np.float64)
    shape = cntk.Shape(array.shape[1:][::-1])
    x = cntk.input_variable(shape, "double", name=name, dynamic_axes=BATCH)
    return x, cntk.Value.batch(shape, array.reshape(-1), "double")


def value_of(function, bindings=None):
    return cntk.evaluate(function, bindings or {})[0].array


@given(st.integers(1, 6), st.integers(1, 3), st.sampled_from([0, 1, -1]), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_top_k_gives_the_largest_and_their_places(size, k, axis, seed):
    data = np.random.default_rng(seed).integers(0, 4, (3, 6, max(size, k))).astype(float)
    x, value = batch(data)
    function = cntk.top_k(x, k, cntk.Axis.static(axis))
    values, indices = (v.array for v in cntk.evaluate(function, {x: value}))
    along = 2 if axis == 0 else 1
    np.testing.assert_array_equal(values, np.flip(np.sort(data, along), along).take(range(k), along))
    np.testing.assert_array_equal(np.take_along_axis(data, indices.astype(int), along), values)
    assert [v.shape[0 if along == 2 else 1] for v in function.outputs] == [k, k]


def test_top_k_finds_equal_elements_in_the_order_of_cntk():
    x, value = batch([[3, 1, 3, 3, 2, 3, 1]])
    for k, wanted in ((1, [0]), (2, [2, 0]), (3, [3, 0, 2])):
        np.testing.assert_array_equal(cntk.evaluate(cntk.top_k(x, k), {x: value})[1].array[0], wanted)


@given(
    st.integers(1, 300).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size))),
    st.integers(1, 2000),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0]),
    st.integers(0, 9999),
)
@settings(max_examples=100, deadline=None)
def test_top_k_takes_every_element_that_the_heap_takes(size_and_k, different, special, seed):
    (size, k), random = size_and_k, np.random.default_rng(seed)
    data = random.integers(-different, different, (3, size)).astype(float)
    data[random.random(data.shape) < 0.03] = special
    x, value = batch(data)
    indices = cntk.evaluate(cntk.top_k(x, k), {x: value})[1].array
    assert indices.tolist() == [largest_by_heap(row.tolist(), k) for row in data]


def test_top_k_of_many_and_more_than_there_are():
    data = np.random.default_rng(0).standard_normal((2, 1000))
    x, value = batch(data)
    _, indices = (v.array for v in cntk.evaluate(cntk.top_k(x, 7), {x: value}))
    np.testing.assert_array_equal(indices, np.argsort(-data, -1, kind="stable")[:, :7])
    with pytest.raises(cntk.CntkError, match=r"requested elements k \(=1001\) exceeds"):
        cntk.evaluate(cntk.top_k(x, 1001), {x: value})


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_one_hot_puts_the_classes_in_at_an_axis(axis):
    data = np.array([[[0, 3], [2.7, -1], [4, 1]]])
    x, value = batch(data)
    function = cntk.one_hot_op(x, 4, False, cntk.Axis.static(axis))
    ones = (np.trunc(data)[..., None] == np.arange(4)).astype(float)  # (frames, d2, d1, classes)
    place = 2 if axis == -1 else axis
    wanted = np.moveaxis(ones, -1, 3 - place)
    np.testing.assert_array_equal(value_of(function, {x: value}), wanted)
    assert function.output.shape == cntk.Shape(wanted.shape[1:][::-1])


def test_gathering_along_the_last_and_along_another_axis():
    reference = parameter(np.random.default_rng(1).standard_normal((5, 3)))  # [3 x 5]
    indices, value = batch([[0, 4.6], [4, 2]])
    bound = {indices: value}
    rows = np.array([[0, 4], [4, 2]])
    np.testing.assert_array_equal(value_of(cntk.gather_op(indices, reference), bound), reference.data[rows])
    by_first = cntk.gather_op(cntk.clip(indices, cntk.scalar("double", 0), cntk.scalar("double", 2)), reference, FIRST)
    assert by_first.output.shape == cntk.Shape((2, 5))
    wanted = reference.data.T[np.array([[0, 2], [2, 2]])].swapaxes(1, 2)
    np.testing.assert_array_equal(value_of(by_first, bound), wanted)
    check_gradients(cntk.gather_op(indices, reference), [reference], bound)
    check_gradients(by_first, [reference], bound)
    for wrong in (-1, 5):
        with pytest.raises(cntk.CntkError, match="indices from 0 to 4"):
            value_of(
                cntk.gather_op(indices, reference), {indices: cntk.Value.batch(cntk.Shape((2,)), [0, wrong], "double")}
            )


FIRST = cntk.Axis.static(0)
IMAGE = np.random.default_rng(5).standard_normal((2, 4, 3, 5))  # [5 x 3 x 4], two samples

GRADIENTS = {
    "top k": lambda x: cntk.top_k(x, 2).outputs[0],
    "top k on axis": lambda x: cntk.top_k(x, 2, cntk.Axis.static(1)).outputs[0],
    "crop": lambda x: cntk.crop(x, cntk.constant(cntk.Shape((2, 2, 4)), "double", 0), [1, 1]),
    "cast": lambda x: cntk.cast(x, "double"),
    "unpack batch": cntk.unpack_batch,
    "lrn": lambda x: cntk.local_response_normalization(x, 1, 1.5, 0.7, 0.75),
    "mvn": cntk.mean_variance_normalization,
    "mvn across": lambda x: cntk.mean_variance_normalization(x, 0.1, True),
    "image scaler": lambda x: cntk.image_scaler(x, 0.5, [1, 2, 3, 4]),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    x, held = batch_of(IMAGE)
    check_gradients(GRADIENTS[name](x), [held])


def test_normalizations_follow_their_formulas():
    x, value = batch(IMAGE)
    bound = {x: value}
    squares = np.pad(IMAGE**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    sums = sum(squares[:, i : i + 4] for i in range(3))
    wanted = IMAGE / (1.5 + 0.7 / 3 * sums) ** 0.75
    np.testing.assert_allclose(value_of(cntk.local_response_normalization(x, 1, 1.5, 0.7, 0.75), bound), wanted, 1e-9)
    for across, axes in ((False, (2, 3)), (True, (1, 2, 3))):
        centred = IMAGE - IMAGE.mean(axes, keepdims=True)
        plain = cntk.mean_variance_normalization(x, 1e-5, across, False)
        np.testing.assert_allclose(value_of(plain, bound), centred, atol=1e-12)
        scaled = centred / (IMAGE.std(axes, keepdims=True) + 1e-5)
        np.testing.assert_allclose(value_of(cntk.mean_variance_normalization(x, 1e-5, across), bound), scaled, 1e-9)
    biases = np.arange(4.0)
    scaler = cntk.image_scaler(x, 0.5, biases)
    np.testing.assert_allclose(value_of(scaler, bound), IMAGE * 0.5 + biases[:, None, None], 1e-9)
    mean, inverse = (cntk.constant(cntk.Shape((5, 3, 4)), "double", v) for v in (0.25, 2))
    by_dimension = cntk.per_dim_mean_variance_normalize(x, mean, inverse)
    np.testing.assert_allclose(value_of(by_dimension, bound), (IMAGE - 0.25) * 2, 1e-12)


def test_likenesses_take_shape_and_axes_only():
    x, value = batch(np.zeros((2, 3)))
    for function, number in ((cntk.zeros_like(x), 0), (cntk.ones_like(x), 1), (cntk.constant_like(x, 2.5), 2.5)):
        assert function.root_function.op_name == "ConstantOp"
        np.testing.assert_array_equal(value_of(function, {x: value}), np.full((2, 3), number))
    np.testing.assert_array_equal(value_of(cntk.eye_like(x), {x: value}), np.eye(2, 3))
    with pytest.raises(cntk.CntkError, match="must have exactly 2 axes"):
        cntk.eye_like(cntk.input_variable(cntk.Shape((3, 3))))


def test_batch_axes_come_and_go():
    held = parameter(np.arange(6.0).reshape(3, 2))
    as_batch = cntk.to_batch(held)
    assert as_batch.as_string().endswith("[2], [#])")
    back = cntk.unpack_batch(as_batch)
    assert back.as_string().endswith("[2 x *], [])")
    np.testing.assert_array_equal(value_of(back), held.data)
    with pytest.raises(cntk.CntkError, match="ToBatch: the input should not have dynamic axis"):
        cntk.to_batch(as_batch)
    with pytest.raises(cntk.CntkError, match="UnpackBatch: only support input with batch axis"):
        cntk.unpack_batch(cntk.input_variable(cntk.Shape((2,))))


def test_an_assignment_is_seen_after_the_evaluation_and_not_after_one_that_failed():
    target = parameter(np.zeros(2))
    source = parameter(np.array([1.0, 2]))
    function = cntk.assign(target, cntk.plus(source, target))
    before = target.time_stamp
    np.testing.assert_array_equal(value_of(function), [1, 2])
    np.testing.assert_array_equal(target.data, [1, 2])
    assert target.time_stamp > before
    np.testing.assert_array_equal(value_of(function), [2, 4])
    proxy = cntk.custom_proxy_op([cntk.assign(target, source)], (2,), "double")
    with pytest.raises(cntk.CntkError, match="can be built and saved, not evaluated"):
        cntk.evaluate(proxy, {})
    np.testing.assert_array_equal(target.data, [2, 4])
    check_gradients(cntk.assign(parameter(np.zeros(2)), cntk.square(source)), [source])
    with pytest.raises(cntk.CntkError, match="same sample layout"):
        cntk.assign(target, parameter(np.zeros(3)))
    with pytest.raises(cntk.CntkError, match="can have dynamic axes"):
        cntk.assign(target, cntk.input_variable(cntk.Shape((2,)), "double"))


def test_cast_changes_the_type_of_values_and_of_gradients():
    held = parameter(np.array([1.1, 2.2]))
    function = cntk.cast(held, "float")
    assert function.output.data_type == "float"
    plan, _ = Executor([cntk.square(function).output], True, [held]).run({})
    assert plan.outputs[0][0].dtype == np.float32
    assert plan.gradients[held].dtype == np.float64
    np.testing.assert_allclose(plan.gradients[held], [2.2, 4.4], rtol=1e-6)


def test_crop_refuses_a_window_that_does_not_fit():
    x, value = batch(IMAGE)
    like = cntk.constant(cntk.Shape((4, 3, 4)), "double", 0)
    with pytest.raises(cntk.CntkError, match="Input is small to be cropped along x dimension"):
        value_of(cntk.crop(x, like, [2, 0]), {x: value})
