"""The convolution kernels against the definition, written as plain loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.compute.kernels import convolution as kernels
from xquery_bridge.compute.kernels import phases
from xquery_bridge.compute.kernels.convolution import ConvolutionSizes, convolution_plan
from xquery_bridge.compute.kernels.thread_pool import set_threads, threads
from xquery_bridge.compute.kernels.window import Window, pooling_window, sliding_window, transposed_window


def direct(x, w, sizes):
    """The definition: out[n, m, o] is the sum over c and k of x[n, c, o * stride + k * dilation - lower] w[m, c, k]."""
    out = np.zeros(sizes.result_shape)
    channels, maps = sizes.channels // sizes.groups, sizes.maps // sizes.groups
    for o in np.ndindex(*(v.output for v in sizes.windows)):
        for k in np.ndindex(*(v.kernel for v in sizes.windows)):
            at = tuple(i * v.stride + j * v.dilation - v.lower for i, j, v in zip(o, k, sizes.windows, strict=True))
            if not all(0 <= a < v.input for a, v in zip(at, sizes.windows, strict=True)):
                continue
            for g in range(sizes.groups):
                inputs = x[(slice(None), slice(g * channels, (g + 1) * channels), *at)]
                weights = w[(slice(g * maps, (g + 1) * maps), slice(None), *k)]
                out[(slice(None), slice(g * maps, (g + 1) * maps), *o)] += inputs @ weights.T
    return out


def direct_gradients(x, w, gy, sizes):
    gx, gw = np.zeros(x.shape), np.zeros(w.shape)
    channels, maps = sizes.channels // sizes.groups, sizes.maps // sizes.groups
    for o in np.ndindex(*(v.output for v in sizes.windows)):
        for k in np.ndindex(*(v.kernel for v in sizes.windows)):
            at = tuple(i * v.stride + j * v.dilation - v.lower for i, j, v in zip(o, k, sizes.windows, strict=True))
            if not all(0 <= a < v.input for a, v in zip(at, sizes.windows, strict=True)):
                continue
            for g in range(sizes.groups):
                ins, outs = slice(g * channels, (g + 1) * channels), slice(g * maps, (g + 1) * maps)
                gradient = gy[(slice(None), outs, *o)]
                gx[(slice(None), ins, *at)] += gradient @ w[(outs, slice(None), *k)]
                gw[(outs, slice(None), *k)] += gradient.T @ x[(slice(None), ins, *at)]
    return gx, gw


@st.composite
def windows(draw, rank):
    largest = {1: 14, 2: 8, 3: 5}[rank]
    result = []
    for _ in range(rank):
        size = draw(st.integers(1, largest))
        kernel = draw(st.integers(1, min(size, 4)))
        stride = draw(st.integers(1, 4))
        dilation = draw(st.integers(1, 2))
        how = draw(st.sampled_from(["valid", "auto", "explicit"]))
        span = (kernel - 1) * dilation + 1
        if how == "auto":
            result.append(sliding_window(size, kernel, stride, True, dilation=dilation))
            continue
        lower = draw(st.integers(-1, span)) if how == "explicit" else 0
        upper = draw(st.integers(-1, span)) if how == "explicit" else 0
        if size + lower + upper < span:
            lower = upper = span
        result.append(sliding_window(size, kernel, stride, False, lower, upper, dilation))
    return tuple(result)


@st.composite
def sizes(draw):
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    return ConvolutionSizes(
        draw(st.integers(1, 3)),
        groups * draw(st.integers(1, 3)),
        groups * draw(st.integers(1, 3)),
        draw(windows(draw(st.integers(1, 3)))),
        groups,
    )


def check(case, seed, dtype=np.float64, rtol=1e-10, exact=True):
    random = np.random.default_rng(seed)
    x, w, gy = (
        random.standard_normal(shape).astype(dtype)
        for shape in (case.operand_shape, case.kernel_shape, case.result_shape)
    )
    plan = convolution_plan(case.batch, case.channels, case.maps, case.windows, case.groups, dtype, exact)
    wanted = direct(x, w, case)
    gx, gw = direct_gradients(x, w, gy, case)
    for passes in range(2):  # a plan is used many times; what a call leaves behind must not show in the next
        del passes
        out = np.full(case.result_shape, np.nan, dtype)
        plan.run(x, w, out)
        np.testing.assert_allclose(out, wanted, rtol=rtol, atol=rtol * max(1, np.abs(wanted).max()))
        data = np.full(case.operand_shape, np.nan, dtype)
        plan.backward_data(gy, w, data)
        np.testing.assert_allclose(data, gx, rtol=rtol, atol=rtol * max(1, np.abs(gx).max()))
        kernel = np.full(case.kernel_shape, np.nan, dtype)
        plan.backward_kernel(x, gy, kernel)
        np.testing.assert_allclose(kernel, gw, rtol=rtol, atol=rtol * max(1, np.abs(gw).max()))
        # the gradients of the adjoint: x is that of its result, gy its operand
        both, both_kernel = np.full(case.result_shape, np.nan, dtype), np.full(case.kernel_shape, np.nan, dtype)
        plan.adjoint_gradients(x, w, gy, both, both_kernel)
        np.testing.assert_allclose(both, wanted, rtol=rtol, atol=rtol * max(1, np.abs(wanted).max()))
        np.testing.assert_allclose(both_kernel, gw, rtol=rtol, atol=rtol * max(1, np.abs(gw).max()))


@given(sizes(), st.integers(0, 2**16))
@settings(max_examples=120, deadline=None)
def test_passes_agree_with_the_definition(case, seed):
    check(case, seed)


LIMITS = [
    (kernels, "_SMALL_BYTES", 0),
    (kernels, "_STRIP_BYTES", 2048),
    (kernels, "_PARALLEL_OPERATIONS", 1),
    (phases, "_COLUMN_BYTES", 2048),
]


@given(sizes(), st.integers(0, 2**16))
@settings(max_examples=120, deadline=None)
def test_strips_and_threads_agree_with_the_definition(case, seed):
    """The path of large convolutions, made to split its work however small it is."""
    before = threads()
    set_threads(2)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for module, name, value in LIMITS:
                patch.setattr(module, name, value)
            check(case, seed)
    finally:
        set_threads(before)


FLOAT_CASES = [
    ConvolutionSizes(3, 16, 17, (sliding_window(9, 3, 1, True), sliding_window(11, 3, 1, True))),
    ConvolutionSizes(2, 18, 16, (sliding_window(10, 3), sliding_window(21, 3))),
    ConvolutionSizes(1, 16, 16, (sliding_window(30, 3, 1, True), sliding_window(14, 3, 1, False, 2, 0))),
    ConvolutionSizes(2, 64, 64, (sliding_window(40, 3, 1, True), sliding_window(40, 3, 1, True))),
    ConvolutionSizes(2, 3, 8, (sliding_window(33, 7, 2, True), sliding_window(40, 7, 2, True))),
    ConvolutionSizes(3, 2, 9, (sliding_window(33, 5, 2, dilation=2), sliding_window(40, 7, 3, False, -1, 4))),
    ConvolutionSizes(3, 8, 8, (sliding_window(12, 3, 1, True), sliding_window(13, 3, 1, True)), 8),
    ConvolutionSizes(3, 8, 16, (sliding_window(12, 3, 2, True), sliding_window(13, 3, 2, True)), 8),
    ConvolutionSizes(9, 20, 24, (sliding_window(16, 1), sliding_window(17, 1))),
    ConvolutionSizes(2, 6, 5, (transposed_window(13, 4, 2, False, 1, 1), transposed_window(12, 4, 2, False, 1, 1))),
    ConvolutionSizes(5, 12, 16, (transposed_window(9, 2, 2), transposed_window(9, 3, 3))),
    ConvolutionSizes(4, 32, 48, (transposed_window(13, 4, 2, False, 1, 1), transposed_window(12, 4, 2, False, 1, 1))),
    ConvolutionSizes(1, 32, 64, (transposed_window(30, 6, 3, True), transposed_window(35, 5, 2, False, 1, 0))),
    ConvolutionSizes(2, 64, 64, (transposed_window(20, 4, 4, output=81), transposed_window(20, 3, 4))),
    ConvolutionSizes(2, 64, 64, (transposed_window(20, 6, 2), transposed_window(20, 6, 2))),
    ConvolutionSizes(40, 32, 32, (sliding_window(5, 3, 1, True), sliding_window(5, 3, 1, True))),
]


@pytest.mark.parametrize("case", FLOAT_CASES, ids=str)
@pytest.mark.parametrize("exact", [False, True])
def test_fast_paths_agree_with_the_definition_in_float(case, exact):
    check(case, 1, np.float32, rtol=1e-5 if exact else 5e-5, exact=exact)


def test_dilation_is_a_kernel_with_zeros_between_its_elements():
    random = np.random.default_rng(2)
    x, w = random.standard_normal((2, 3, 9, 8)), random.standard_normal((4, 3, 3, 2))
    stuffed = np.zeros((4, 3, 5, 4))
    stuffed[:, :, ::2, ::3] = w
    dilated = convolution_plan(2, 3, 4, (sliding_window(9, 3, dilation=2), sliding_window(8, 2, dilation=3)), 1, "f8")
    plain = convolution_plan(2, 3, 4, (sliding_window(9, 5), sliding_window(8, 4)), 1, "f8")
    one, other = np.empty((2, 4, 5, 5)), np.empty((2, 4, 5, 5))
    dilated.run(x, w, one)
    plain.run(x, stuffed, other)
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_sizes_follow_cntk():
    assert [sliding_window(n, k, s).output for n, k, s in ((7, 3, 1), (8, 3, 2), (6, 3, 3))] == [5, 3, 2]
    assert sliding_window(7, 4, 1, True) == Window(7, 4, 1, 1, 1, 7)
    assert sliding_window(8, 3, 3, True) == Window(8, 3, 3, 1, 1, 3)
    assert sliding_window(7, 1, 4, True).lower == -1
    assert transposed_window(3, 3, 2) == Window(7, 3, 2, 1, 0, 3)
    assert transposed_window(4, 3, 2, True).input == 7
    assert transposed_window(4, 3, 2, True, output=8) == Window(8, 3, 2, 1, 1, 4)
    assert pooling_window(6, 1, 4, ceil=True).output == 3
    with pytest.raises(ValueError, match="spans 5 elements"):
        sliding_window(4, 3, dilation=2)


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="3 groups do not divide 4 input channels"):
        convolution_plan(1, 4, 6, (sliding_window(3, 1),), 3, "f4")


def test_plan_reads_its_operands_anew():
    """Small plans keep views of their operands: new contents and new arrays must both be seen."""
    plan = convolution_plan(1, 1, 1, (sliding_window(3, 2), sliding_window(3, 2)), 1, "f4")
    x, w, out = np.ones((1, 1, 3, 3), "f4"), np.ones((1, 1, 2, 2), "f4"), np.empty((1, 1, 2, 2), "f4")
    for factor, change in itertools.product((1, 2), (False, True)):
        if change:
            x, w, out = x.copy(), w.copy(), np.empty_like(out)
        x[:] = factor
        plan.run(x, w, out)
        assert (out == 4 * factor).all()
