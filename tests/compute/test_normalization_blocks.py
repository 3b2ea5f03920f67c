"""Normalizing blocks against their formulas."""

import numpy as np
import pytest

from xquery_bridge import compute
from xquery_bridge.compute import CntkError, Shape, Value, session


@pytest.fixture(autouse=True)
def _new_session():
    with session():
        yield


_DATA = np.random.default_rng(5).uniform(-2, 2, (3, 4, 5, 2))  # samples of [2 x 5 x 4]


def _run(make):
    x = compute.input_variable(Shape((2, 5, 4)), "double", dynamic_axes=[compute.Axis.default_batch()])
    function = make(x)
    [value] = compute.evaluate(function, {x: Value.batch(x.shape, _DATA, "double")})
    return function.root_function.op_name, value.array


@pytest.mark.parametrize(("across", "axes"), [(False, (2, 3)), (True, (1, 2, 3))])
def test_mean_and_deviation_are_of_a_channel_or_of_the_sample(across, axes):
    name, result = _run(lambda x: compute.mean_variance_normalization(x, 0.1, across))
    expected = (_DATA - _DATA.mean(axes, keepdims=True)) / (_DATA.std(axes, keepdims=True) + 0.1)
    assert name == "MeanVarianceNormalization"
    np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_without_scaling_only_the_mean_is_taken_away():
    _, result = _run(lambda x: compute.mean_variance_normalization(x, do_variance_scaling=False))
    np.testing.assert_allclose(result, _DATA - _DATA.mean((2, 3), keepdims=True), atol=1e-12)


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_a_response_is_divided_by_those_of_neighbouring_channels(radius):
    name, result = _run(lambda x: compute.local_response_normalization(x, radius, 1.5, 0.5, 0.75))
    squares = np.stack(
        [(_DATA[:, max(c - radius, 0) : c + radius + 1] ** 2).sum(1) for c in range(_DATA.shape[1])], axis=1
    )
    assert name == "LocalResponseNormalization"
    np.testing.assert_allclose(result, _DATA / (1.5 + 0.5 / (2 * radius + 1) * squares) ** 0.75, rtol=1e-10)


def test_an_image_is_scaled_and_each_channel_moved():
    name, result = _run(lambda x: compute.image_scaler(x, 0.5, [1, 2, 3, 4]))
    assert name == "ImageScaler"
    np.testing.assert_allclose(result, _DATA * 0.5 + np.arange(1, 5).reshape(4, 1, 1), rtol=1e-12)


def test_given_means_and_inverse_deviations_are_applied_elementwise():
    mean, inverse = np.random.default_rng(6).uniform(1, 2, (2, 4, 5, 2))
    shape = Shape((2, 5, 4))
    name, result = _run(
        lambda x: compute.per_dim_mean_variance_normalize(
            x, compute.constant(shape, "double", mean), compute.constant(shape, "double", inverse)
        )
    )
    assert name == "PerDimMeanVarianceNormalize"
    np.testing.assert_allclose(result, (_DATA - mean) * inverse, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda x: compute.mean_variance_normalization(x, -1.0), "must be non-negative"),
        (lambda x: compute.image_scaler(x, 1, [1, 2]), "2 biases came"),
        (lambda x: compute.local_response_normalization(compute.flatten(x), 1, 1, 1, 1), "was expected"),
    ],
)
def test_what_does_not_fit_is_refused(make, sentence):
    with pytest.raises(CntkError, match=sentence):
        _run(make)
