"""Batch normalization against its formulas and their numerical derivative."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.kernels.batch_normalization import BatchNormalizationPlan

EPSILON = 1e-3


def formula(x, scale, bias):
    """x: (n, channels, points)."""
    mean = x.mean(axis=(0, 2), keepdims=True)
    variance = x.var(axis=(0, 2), keepdims=True)
    return scale[:, None] * (x - mean) / np.sqrt(variance + EPSILON) + bias[:, None]


SIZES = st.tuples(st.integers(2, 5), st.integers(1, 4), st.sampled_from([1, 2, 6, 20]))


@given(SIZES, st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_training_and_its_gradient_follow_the_formula(size, seed):
    random = np.random.default_rng(seed)
    n, channels, points = size
    x, weight = random.standard_normal((2, n, channels, points))
    scale, bias = random.standard_normal((2, channels))
    plan = BatchNormalizationPlan(n, channels, points, np.float64)
    out = np.empty_like(x)
    plan.train(x, scale, bias, EPSILON, out)
    np.testing.assert_allclose(out, formula(x, scale, bias), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(plan.mean, x.mean(axis=(0, 2)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(plan.variance, x.var(axis=(0, 2)), rtol=1e-12, atol=1e-12)

    gx, gscale, gbias = np.empty_like(x), np.empty(channels), np.empty(channels)
    inverse = 1 / np.sqrt(plan.variance + EPSILON)
    plan.backward(x, weight, plan.mean, inverse, scale, 1.0, gx, gscale, gbias)
    step = 1e-6
    for array, gradient in ((x, gx), (scale, gscale), (bias, gbias)):
        flat, wanted = array.reshape(-1), np.empty(array.size)
        for i in range(flat.size):
            before = flat[i]
            flat[i] = before + step
            upper = (weight * formula(x, scale, bias)).sum()
            flat[i] = before - step
            wanted[i] = (upper - (weight * formula(x, scale, bias)).sum()) / (2 * step)
            flat[i] = before
        np.testing.assert_allclose(gradient.reshape(-1), wanted, rtol=1e-5, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("shape", [(8, 24, 400), (32, 4096, 1)])
def test_large_batches_are_worked_off_in_blocks(shape):
    random = np.random.default_rng(4)
    x = (random.standard_normal(shape) + 100).astype(np.float32)  # a large mean must not cost the variance its digits
    scale, bias = random.standard_normal((2, shape[1])).astype(np.float32)
    plan = BatchNormalizationPlan(*shape, np.float32)
    out = np.empty_like(x)
    plan.train(x, scale, bias, EPSILON, out)
    np.testing.assert_allclose(out, formula(x.astype(np.float64), scale, bias), atol=2e-3)
    np.testing.assert_allclose(plan.variance, x.astype(np.float64).var(axis=(0, 2)), rtol=1e-3)


def test_given_statistics_are_used_and_not_differentiated():
    random = np.random.default_rng(5)
    x, weight = random.standard_normal((2, 3, 2, 4))
    scale, bias, mean, inverse = random.standard_normal((4, 2))
    plan = BatchNormalizationPlan(3, 2, 4, np.float64)
    out = np.empty_like(x)
    plan.normalize(x, mean, inverse, scale, bias, out)
    wanted = scale[:, None] * (x - mean[:, None]) * inverse[:, None] + bias[:, None]
    np.testing.assert_allclose(out, wanted, rtol=1e-12)
    gx, gscale, gbias = np.empty_like(x), np.empty(2), np.empty(2)
    plan.backward(x, weight, mean, inverse, scale, 0.0, gx, gscale, gbias)
    np.testing.assert_allclose(gx, weight * (scale * inverse)[:, None], rtol=1e-12)
    centred = (x - mean[:, None]) * inverse[:, None]
    np.testing.assert_allclose(gscale, (weight * centred).sum(axis=(0, 2)), rtol=1e-9)


@pytest.mark.parametrize(
    ("time_constant", "blend", "count", "expected"),  # (running count, share of the minibatch in the mean) of CNTK 2.7
    [
        (-1.0, 0.0, 0, [(3, 1.0), (5, 0.4), (10, 0.5)]),
        (-5.0, 0.0, 7, [(10, 0.3), (12, 1 / 6), (17, 5 / 17)]),
        (-1.0, 0.0, -3, [(0, 0.0), (2, 1.0), (7, 5 / 7)]),
        (math.inf, 0.0, 0, [(3, 1.0), (5, 0.0), (10, 0.0)]),
        (math.inf, 0.0, 7, [(10, 0.0), (12, 0.0), (17, 0.0)]),
        (math.inf, math.inf, 0, [(3, 1.0), (3, 0.0), (3, 0.0)]),
        (math.inf, math.inf, 7, [(7, 0.0), (7, 0.0), (7, 0.0)]),
    ],
)
def test_the_share_of_a_minibatch_in_the_running_mean(time_constant, blend, count, expected):
    with cntk.session():
        axes = [cntk.Axis.default_batch()]
        x = cntk.input_variable(cntk.Shape((1,)), "double", dynamic_axes=axes)
        scale, bias = (cntk.parameter(cntk.Shape((1,)), "double", value) for value in (1.0, 0.0))
        mean, variance = (cntk.constant(cntk.Shape((1,)), "double", value) for value in (10.0, 3.0))
        counted = cntk.constant(cntk.Shape(()), "double", float(count))
        normalized = cntk.batch_normalization(x, scale, bias, mean, variance, counted, False, time_constant, blend)
        learner = cntk.Sgd([scale, bias], cntk.Schedule.from_constant(0.1))
        trainer = cntk.Trainer(normalized, normalized, None, [learner])
        for step, (size, (total, share)) in enumerate(zip((3, 2, 5), expected, strict=True)):
            data = np.arange(step, step + size, dtype=float)
            before = mean.data.item()
            trainer.train_minibatch({x: cntk.Value(data[:, None], cntk.Shape((1,)), True, None)})
            assert counted.data.item() == total
            assert mean.data.item() == pytest.approx(before + share * (data.mean() - before), rel=1e-12)
