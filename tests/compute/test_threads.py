"""Work on several threads: the same numbers as on one, errors that come through, work inside work."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute import instruction
from xquery_bridge.compute.evaluation import Executor
from xquery_bridge.compute.instruction import Instruction, Site, Splits
from xquery_bridge.compute.kernels import kernel
from xquery_bridge.compute.kernels.thread_pool import (
    Lending,
    parallel,
    set_threads,
    single_threaded_blas,
    threaded_blas,
    threads,
)
from xquery_bridge.compute.tensor import Layout, Tensor

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


def halves(x, y):
    """Results of half the size, which live in buffers of whole ones before and after."""
    axis = cntk.Axis.static(1)
    first, second = cntk.slice(x, [axis], [0], [2]), cntk.slice(y, [axis], [2], [4])
    return cntk.splice([cntk.tanh(cntk.minus(first, second)), cntk.plus(cntk.tanh(second), first)], axis)


CHAIN = {
    "halves": lambda x, y, row: halves(x, y),
    "times": lambda x, y, row: cntk.element_times(x, y),
    "row": lambda x, y, row: cntk.plus(x, row),
    "tanh": lambda x, y, row: cntk.tanh(y),
    "sigmoid": lambda x, y, row: cntk.sigmoid(x),
    "softmax": lambda x, y, row: cntk.softmax(x, cntk.Axis.static(0)),
    "softmax across": lambda x, y, row: cntk.softmax(x, cntk.Axis.static(1)),
    "transpose": lambda x, y, row: cntk.transpose_axes(cntk.minus(x, y), cntk.Axis.static(0), cntk.Axis.static(1)),
    "turn": lambda x, y, row: cntk.splice(
        [cntk.slice(x, [cntk.Axis.static(0)], [2], [4]), cntk.slice(y, [cntk.Axis.static(0)], [0], [2])],
        cntk.Axis.static(0),
    ),
    "fold": lambda x, y, row: cntk.minus(x, cntk.reduce_sum(y, cntk.Axis.static(0))),
    "add": lambda x, y, row: cntk.plus(x, y),
}


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(sorted(CHAIN)), st.integers(0, 5), st.integers(0, 5)), max_size=12),
    frames=st.sampled_from([1, 2, 5]),
)
def test_chains_that_threads_do_part_by_part_give_what_one_thread_gives(steps, frames):
    rng = np.random.default_rng(frames)
    samples, seed = rng.standard_normal((2, frames, 4, 4))
    row = rng.standard_normal(4)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instruction, "_SPLIT_SIZE", 2)
        for count in (1, 2, 3):
            set_threads(count)
            x = cntk.input_variable(cntk.Shape((4, 4)), "double", dynamic_axes=BATCH)
            b = cntk.parameter(cntk.Shape((4,)), "double", row)
            made = [x]
            for name, left, right in steps:
                made.append(CHAIN[name](made[-1 - left % len(made)], made[-1 - right % len(made)], b))
            y = cntk.plus(made[-1], made[len(made) // 2])
            state = cntk.forward(y, {x: batch(samples)}, [x, b])
            gradients = state.backward({y.output: batch(seed)})
            [value] = cntk.evaluate(y, {x: batch(samples)})
            found.append((value.array, gradients[x].array, gradients[b].array))
    for values in found[1:]:
        for one, other in zip(values, found[0], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_a_chain_is_one_meeting_of_the_threads():
    set_threads(2)
    x = cntk.input_variable(cntk.Shape((400_000,)), "float", dynamic_axes=BATCH)
    y = cntk.exp(cntk.negate(cntk.element_times(cntk.tanh(x), x)))
    value = batch(np.ones((1, 400_000), np.float32))
    [found] = cntk.evaluate(y, {x: value})
    plan, _ = Executor(y.outputs).run({x: value})
    assert len(plan.calls) == 1
    np.testing.assert_allclose(found.array, np.exp(-np.tanh(1)), rtol=1e-6)


def test_work_that_meets_elsewhere_than_in_its_parts_is_not_done_part_by_part():
    set_threads(2)
    frames, memory = Layout(4), np.zeros(32)

    def tensor(start, *sample):
        size = 4 * int(np.prod(sample, dtype=int))
        return Tensor((4, *sample), np.dtype("f8"), frames, False, memory[start : start + size].reshape(4, *sample))

    def copying(source, target):
        return Instruction(lambda a, out: lambda: np.copyto(out, a), [source], [target], False, Splits.FRAMES)

    narrow, aside, wide, same = tensor(0, 1), tensor(8, 1), tensor(0, 2), tensor(0, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instruction, "_SPLIT_SIZE", 2)
        chain = [copying(narrow, aside), copying(aside, same)]
        assert Site.can_take(chain[:1], chain[1])
        assert Site(chain, []).count == 1
        again = Instruction(lambda a, out: lambda: np.copyto(out, a + a), [aside], [wide], False, Splits.FRAMES)
        assert not Site.can_take(chain[:1], again)
