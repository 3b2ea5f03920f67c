"""Infinities and NaN are results: NumPy's warnings about them reach nobody, whichever way a plan is run."""

import contextlib
import warnings

import numpy as np
import pytest

from xquery_bridge import compute as cntk

BATCH = [cntk.Axis.default_batch()]


@pytest.fixture(autouse=True)
def _every_warning_is_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("around", [cntk.session, contextlib.nullcontext], ids=["in a session", "outside"])
@pytest.mark.parametrize("frames", [1, 4000], ids=["small", "large"])
def test_evaluation_is_quiet(around, frames):
    with around():
        x = cntk.input_variable(cntk.Shape((50,)), dynamic_axes=BATCH)
        big = cntk.exp(x)
        y = cntk.minus(big, cntk.element_times(big, big))
        value = cntk.Value.batch(cntk.Shape((50,)), np.full(50 * frames, 1e3))
        for _ in range(3):
            [result] = cntk.evaluate(y, {x: value})
            assert np.isnan(result.array).all()


@pytest.mark.parametrize("around", [cntk.session, contextlib.nullcontext], ids=["in a session", "outside"])
def test_training_and_backward_passes_are_quiet(around):
    with around():
        x = cntk.input_variable(cntk.Shape((2,)), dynamic_axes=BATCH)
        w = cntk.parameter(cntk.Shape((1, 2)), "float", 1e30)
        z = cntk.times(w, x)
        loss = cntk.reduce_sum(cntk.element_times(z, z), cntk.Axis.all_static_axes())
        value = cntk.Value.batch(cntk.Shape((2,)), [1e30, -1e30, 1e30, 1.0])
        cntk.gradients(cntk.element_times(z, z), {x: value}, None, [w])
        trainer = cntk.Trainer(z, loss, None, [cntk.Sgd([w], cntk.Schedule.from_constant(1.0, 1))])
        trainer.train_minibatch({x: value})
        assert not np.isfinite(w.data).all()


def test_a_host_keeps_its_warnings_and_buffers():
    before = np.geterr(), np.getbufsize()
    with cntk.session():
        assert np.getbufsize() < before[1]
    x = cntk.input_variable(cntk.Shape((2,)), dynamic_axes=BATCH)
    cntk.evaluate(cntk.exp(x), {x: cntk.Value.batch(cntk.Shape((2,)), [1e3, 1e3])})
    assert (np.geterr(), np.getbufsize()) == before
