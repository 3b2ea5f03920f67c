"""Work on several threads: the same numbers as on one, errors that come through, work inside work."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.kernels import kernel
from xquery_bridge.compute.kernels.thread_pool import (
    Lending,
    parallel,
    set_threads,
    single_threaded_blas,
    threaded_blas,
    threads,
)

BATCH = [cntk.Axis.default_batch()]


@pytest.fixture(autouse=True)
def session():
    before = threads()
    with cntk.session():
        yield
    set_threads(before)


def batch(array):
    return cntk.Value(array, cntk.Shape(array.shape[:0:-1]), True)


def test_every_item_is_done_once_and_the_first_error_is_raised():
    done = []
    parallel(lambda item, worker: done.append(item), 20, 3)
    assert sorted(done) == list(range(20))

    def fail(item, worker):
        if item == 7:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        parallel(fail, 20, 3)


def test_threads_that_begin_when_all_is_done_do_nothing():
    calls = []
    for call in range(300):
        done = []
        parallel(lambda item, worker, done=done: done.append((item, worker)), 2, 3)
        assert sorted(item for item, _ in done) == [0, 1], call
        calls.append((done, list(done)))
    time.sleep(0.02)
    assert all(later == then and all(worker < 2 for _, worker in then) for later, then in calls)


def test_an_error_is_raised_after_the_others_have_stopped():
    ended = []

    def work(item, worker):
        if item == 0:
            raise ZeroDivisionError
        time.sleep(0.01)
        ended.append(item)

    with pytest.raises(ZeroDivisionError):
        parallel(work, 4, 2)
    assert sorted(ended) == [1, 2, 3]


def test_work_inside_work_ends():
    done = []

    def outer(item, worker):
        parallel(lambda inner, _: done.append((item, inner)), 4, 2)

    parallel(outer, 4, 2)
    assert len(set(done)) == len(done) == 16


@settings(max_examples=10, deadline=None)
@given(
    rows=st.integers(1, 300),
    inner=st.integers(1, 200),
    columns=st.integers(1, 300),
    workers=st.integers(1, 3),
    transposed=st.booleans(),
    seed=st.integers(0, 9),
)
def test_products_are_those_of_numpy(rows, inner, columns, workers, transposed, seed):
    set_threads(workers)
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((inner, rows)).T if transposed else rng.standard_normal((rows, inner))
    right, out = rng.standard_normal((inner, columns)), np.empty((rows, columns))
    kernel("product")(left, right, out)()
    np.testing.assert_allclose(out, left @ right, atol=1e-10)


@pytest.mark.parametrize(("rows", "columns"), [(700, 90), (90, 700), (2000, 33)])
def test_large_products_are_split(rows, columns):
    set_threads(2)
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((rows, 400)), rng.standard_normal((400, columns))
    out = np.empty((rows, columns))
    kernel("product")(left, right, out)()
    np.testing.assert_allclose(out, left @ right, atol=1e-10)


@pytest.mark.parametrize("columns", [512, 2048, 40])
def test_products_of_few_rows_are_those_of_numpy(columns):
    rng = np.random.default_rng(0)
    left, right, out = rng.standard_normal((16, 128)), rng.standard_normal((128, columns)), np.empty((16, columns))
    calls = kernel("product-of-few-rows")(left, right, out)
    for call in calls:
        call()
    assert len(calls) == {512: 2, 2048: 1, 40: 1}[columns]
    np.testing.assert_allclose(out, left @ right, atol=1e-10)


SPLIT = {
    "one shape": lambda x, b: cntk.tanh(cntk.element_times(x, x)),
    "a row for all": lambda x, b: cntk.relu(cntk.plus(x, b)),
    "a number": lambda x, b: cntk.sigmoid(cntk.minus(cntk.scalar("double", 2), x)),
    "softmax": lambda x, b: cntk.softmax(x, cntk.Axis.static(0)),
    "softmax of the sample": lambda x, b: cntk.softmax(x),
    "log softmax": lambda x, b: cntk.log_softmax(x),
}


@pytest.mark.parametrize("name", SPLIT)
@pytest.mark.parametrize("frames", [1, 3, 301])
def test_values_and_gradients_do_not_depend_on_the_number_of_threads(name, frames):
    size = 140_000 // frames
    rng = np.random.default_rng(frames)
    samples, seed = rng.standard_normal((2, frames, size))
    row = rng.standard_normal(size)
    found = []
    for count in (1, 2, 3):
        set_threads(count)
        x = cntk.input_variable(cntk.Shape((size,)), "double", dynamic_axes=BATCH)
        b = cntk.parameter(cntk.Shape((size,)), "double", row)
        y = SPLIT[name](x, b)
        state = cntk.forward(y, {x: batch(samples)}, [x])
        gradient = state.backward({y.output: batch(seed)})[x]
        [value] = cntk.evaluate(y, {x: batch(samples)})
        np.testing.assert_array_equal(value.array, state.values[0].array)
        found.append((value.array, gradient.array))
    for value, gradient in found[1:]:
        np.testing.assert_array_equal(value, found[0][0])
        np.testing.assert_array_equal(gradient, found[0][1])


def test_threads_are_lent_to_the_blas_only_while_it_makes_use_of_them():
    lending, quick = Lending(), 1e8 / 1e11
    lending.book(1e8, 0, quick)
    assert lending.is_allowed(1)
    lending.book(1e8, 1, 1 + 10 * quick)  # a thread was held up once
    lending.book(1e8, 2, 2 + quick)
    assert lending.is_allowed(2.1)
    lending.book(1e8, 3, 4)  # processors are shared for a long time
    pauses, now = [], 4
    for _ in range(8):
        lending.book(1e8, now, now + 1)
        now += 1
        pauses.append(next(second for second in range(1, 1000) if lending.is_allowed(now + second)))
        now += pauses[-1]
    assert pauses == [2, 4, 8, 16, 32, 64, 64, 64]
    lending.book(1e8, now, now + quick)
    assert lending.is_allowed(now + quick)


def test_a_product_on_lent_threads_leaves_the_blas_as_it_was():
    set_threads(2)
    left, right = (np.random.default_rng(seed).standard_normal((160, 160)) for seed in (0, 1))
    out = np.empty((160, 160))
    multiply = kernel("product")(left, right, out)
    for lends in (False, True):
        with single_threaded_blas(lends):
            multiply()
            with threaded_blas(1e9) as is_lent:
                assert not is_lent or lends
            with single_threaded_blas(), threaded_blas(1e9) as is_lent:
                assert not is_lent  # others need the threads
        np.testing.assert_allclose(out, left @ right, rtol=1e-12)
