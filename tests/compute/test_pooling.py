"""Pooling, unpooling and region pooling against their definitions and against numbers of CNTK 2.7."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.compute.kernels.pooling import PoolingPlan, RegionPoolingPlan
from xquery_bridge.compute.kernels.window import pooling_window, sliding_window


def elements(windows, output):
    """Positions of the operand under the window of `output`, in memory order."""
    result = []
    for k in np.ndindex(*(w.kernel for w in windows)):
        at = tuple(i * w.stride + j - w.lower for i, j, w in zip(output, k, windows, strict=True))
        if all(0 <= a < w.input for a, w in zip(at, windows, strict=True)):
            result.append(at)
    return result


def direct(x, windows, kind, include_pad, gy):
    """(result, gradient) of the pooling of x (planes, …), element by element."""
    y = np.zeros((x.shape[0], *(w.output for w in windows)))
    gx = np.zeros(x.shape)
    size = math.prod(w.kernel for w in windows)
    for plane in range(x.shape[0]):
        for output in np.ndindex(*y.shape[1:]):
            inside = elements(windows, output)
            if kind == "max":
                best, where = -math.inf, None
                for at in inside:
                    if x[(plane, *at)] > best or (where is None and x[(plane, *at)] == best):
                        best, where = x[(plane, *at)], at
                y[(plane, *output)] = best
                if where is not None:
                    gx[(plane, *where)] += gy[(plane, *output)]
            else:
                count = size if include_pad else len(inside)
                total = sum(x[(plane, *at)] for at in inside)
                y[(plane, *output)] = total / count if count else math.nan
                for at in inside:
                    gx[(plane, *at)] += gy[(plane, *output)] / count
    return y, gx


@st.composite
def windows(draw):
    result = []
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, 6))
        kernel, stride = draw(st.integers(1, min(3, size))), draw(st.integers(1, 4))
        how = draw(st.sampled_from(["valid", "auto", "ceil", "explicit"]))
        pads = (draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1))) if how == "explicit" else (0, 0)
        result.append(pooling_window(size, kernel, stride, how == "auto", *pads, ceil=how == "ceil"))
    return tuple(result)


@given(windows(), st.sampled_from(["max", "average"]), st.booleans(), st.integers(0, 2**16))
@settings(max_examples=150, deadline=None)
def test_pooling_agrees_with_the_definition(case, kind, include_pad, seed):
    random = np.random.default_rng(seed)
    x = random.integers(-3, 4, (2, 2, *(w.input for w in case))).astype(np.float64)  # few values: many ties
    plan = PoolingPlan(2, 2, case, np.float64, kind, include_pad)
    gy = random.standard_normal(plan.result_shape)
    y, gx = np.full(plan.result_shape, 7.0), np.full(x.shape, 7.0)
    plan.run(x, y)
    plan.backward(x, y, gy, gx)
    wanted, gradient = direct(x.reshape(4, *x.shape[2:]), case, kind, include_pad, gy.reshape(4, *y.shape[2:]))
    np.testing.assert_allclose(y.reshape(wanted.shape), wanted, rtol=1e-12)
    np.testing.assert_allclose(gx.reshape(gradient.shape), gradient, rtol=1e-12, atol=1e-12)


def test_large_planes_are_pooled_in_blocks():
    random = np.random.default_rng(3)
    x = random.standard_normal((4, 32, 64, 64), dtype=np.float32)
    plan = PoolingPlan(4, 32, (pooling_window(64, 2, 2), pooling_window(64, 2, 2)), np.float32)
    y, gy, gx = (
        np.empty(plan.result_shape, "f4"),
        random.standard_normal(plan.result_shape, dtype="f4"),
        np.empty_like(x),
    )
    plan.run(x, y)
    plan.backward(x, y, gy, gx)
    tiles = x.reshape(4, 32, 32, 2, 32, 2)
    np.testing.assert_array_equal(y, tiles.max(axis=(3, 5)))
    np.testing.assert_array_equal(gx.reshape(tiles.shape).sum(axis=(3, 5)), gy)
    np.testing.assert_array_equal(gx != 0, (x.reshape(tiles.shape) == y[:, :, :, None, :, None]).reshape(x.shape))


def test_nan_is_no_maximum():
    plan = PoolingPlan(1, 1, (sliding_window(4, 2, 2),), np.float64)
    y = np.empty((1, 1, 2))
    plan.run(np.array([[[1, np.nan, np.nan, 2]]]), y)
    assert y.tolist() == [[[1, 2]]]


def test_a_window_wholly_outside_gives_minus_infinity_or_nan():
    """CNTK 2.7 on 0 … 5 with window 1, stride 4 and ceil_out_dim."""
    x, y = np.arange(6.0).reshape(1, 1, 6), np.empty((1, 1, 3))
    PoolingPlan(1, 1, (pooling_window(6, 1, 4, ceil=True),), np.float64).run(x, y)
    assert y.tolist() == [[[0, 4, -math.inf]]]
    PoolingPlan(1, 1, (pooling_window(6, 1, 4, ceil=True),), np.float64, "average").run(x, y)
    assert y[0, 0, :2].tolist() == [0, 4]
    assert math.isnan(y[0, 0, 2])


def test_unpooling_puts_values_where_the_maxima_were():
    """CNTK 2.7: overlapping windows share a maximum, the last one prevails; its gradient is a maximum too."""
    x = np.array([[[[1, 1, 0, 2], [0, 1, 2, 2], [3, 3, 9, 3], [3, 1, 1, 3.0]]]])
    values = np.arange(1, 5.0).reshape(1, 1, 2, 2)
    weights = np.array([[[[-1, 2, 3, -4], [5, -6, 7, 8], [9, 1, -2, 3], [4, -5, 6, -7.0]]]])
    out, gradient = np.empty_like(x), np.empty_like(values)
    apart = PoolingPlan(1, 1, (sliding_window(4, 2, 2),) * 2, np.float64)
    apart.unpool(values, x, out)
    assert out[0, 0].tolist() == [[1, 0, 0, 2], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    apart.unpool_backward(weights, gradient)
    assert gradient[0, 0].tolist() == [[5, 8], [9, 6]]
    overlapping = PoolingPlan(1, 1, (sliding_window(4, 3),) * 2, np.float64)
    overlapping.unpool(values, x, out)
    assert out[0, 0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 4, 0], [0, 0, 0, 0]]


REGIONS = [  # region, grid (rows, columns), scale, result, number of gradients that reach each element (CNTK 2.7)
    ((0, 0, 4, 3), (2, 2), 1.0, [[-1, -3], [-11, -13]], [(0, 0), (0, 2), (2, 0), (2, 2)]),
    ((1, 1, 3, 2), (2, 2), 1.0, [[-7, -8], [-12, -13]], [(1, 1), (1, 2), (2, 1), (2, 2)]),
    ((0.5, 0.5, 2.5, 1.5), (2, 2), 1.0, [[-7, -8], [-12, -13]], [(1, 1), (1, 2), (2, 1), (2, 2)]),
    ((3, 2, 9, 9), (2, 2), 1.0, [[-14, 0], [0, 0]], [(2, 3)]),
    ((6, 6, 9, 9), (2, 2), 1.0, [[0, 0], [0, 0]], []),
    ((3, 3, 1, 1), (2, 2), 1.0, [[-19, 0], [0, 0]], []),
    ((-2, -2, 1, 1), (2, 2), 1.0, [[0, 0], [0, -1]], []),
    ((1, 1, 1, 1), (3, 3), 1.0, [[-7, -7, -7]] * 3, [(1, 1)] * 9),
    ((0, 0, 4, 3), (2, 2), 0.5, [[-1, -2], [-6, -7]], [(0, 0), (0, 1), (1, 0), (1, 1)]),
]


@pytest.mark.parametrize(("region", "grid", "scale", "result", "reached"), REGIONS)
def test_regions_of_interest(region, grid, scale, result, reached):
    x = -np.arange(1, 21.0).reshape(1, 1, 4, 5)
    regions = np.array([[region]], dtype=np.float64)
    plan = RegionPoolingPlan(*grid, scale)
    out = np.empty((1, 1, 1, *grid))
    plan.run(x, regions, out)
    assert out[0, 0, 0].tolist() == result
    wanted, gradient = np.zeros((4, 5)), np.empty_like(x)
    for at in reached:
        wanted[at] += 1
    plan.backward(x, regions, np.ones_like(out), gradient)
    np.testing.assert_array_equal(gradient[0, 0], wanted)


def test_average_of_a_region():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    regions = np.array([[[0, 0, 3, 3.0]]])
    plan = RegionPoolingPlan(2, 2, 1.0, "average")
    out, gradient = np.empty((1, 1, 1, 2, 2)), np.empty_like(x)
    plan.run(x, regions, out)
    assert out[0, 0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    plan.backward(x, regions, np.ones_like(out), gradient)
    assert (gradient == 0.25).all()


def test_unknown_types_are_refused():
    with pytest.raises(ValueError, match="must be max or average"):
        PoolingPlan(1, 1, (sliding_window(4, 2),), np.float32, "median")
    with pytest.raises(ValueError, match="must be max or average"):
        RegionPoolingPlan(1, 1, 1.0, "median")
