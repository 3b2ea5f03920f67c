"""How a window slides over one dimension: sizes and padding of convolution, transposed convolution and pooling.

The rules are those of the padding section of the semantics reference (CNTK's ConvolveGeometry), checked there on 360
one-dimensional cases.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Window", "pooling_window", "sliding_window", "transposed_window"]


@dataclass(frozen=True, slots=True)
class Window:
    """One dimension of a sliding window.

    Output i reads input i * stride + k * dilation - lower for k in 0 … kernel - 1; what lies outside the input is
    padding. A negative `lower` skips the first inputs. For a transposed convolution `input` is the size of its
    result and `output` that of its operand.
    """

    input: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    lower: int = 0
    output: int = 1

    @property
    def extent(self) -> int:
        """How many padded inputs the windows span."""
        return (self.output - 1) * self.stride + (self.kernel - 1) * self.dilation + 1

    @property
    def upper(self) -> int:
        """The padding behind the last input that a window reads; negative when the last inputs are not read."""
        return self.extent - self.lower - self.input

    @property
    def inside(self) -> tuple[slice, slice]:
        """(where the input lies in the padded row, which part of the input lies there)."""
        first, last = max(0, self.lower), min(self.extent, self.lower + self.input)
        last = max(first, last)
        return slice(first, last), slice(first - self.lower, last - self.lower)


def _auto_lower(input_size: int, span: int, stride: int, output: int) -> int:
    extra = input_size - ((output - 1) * stride + 1)
    return (span - 1) // 2 - int(extra / 2)  # C++ division: towards zero


def sliding_window(
    size: int,
    kernel: int,
    stride: int = 1,
    auto_pad: bool = False,
    lower: int = 0,
    upper: int = 0,
    dilation: int = 1,
) -> Window:
    """The window of a convolution over a dimension of `size`; the pads count only without `auto_pad`.

    ValueError when the kernel is larger than the padded operand.
    """
    span = (kernel - 1) * dilation + 1
    if auto_pad:
        output = -(-size // stride)
        return Window(size, kernel, stride, dilation, _auto_lower(size, span, stride, output), output)
    room = size + lower + upper - span
    if room < 0:
        raise ValueError(f"The kernel spans {span} elements but the padded operand has only {size + lower + upper}.")
    return Window(size, kernel, stride, dilation, lower, room // stride + 1)


def pooling_window(
    size: int, kernel: int, stride: int = 1, auto_pad: bool = False, lower: int = 0, upper: int = 0, ceil: bool = False
) -> Window:
    """The window of a pooling; with `ceil` the last window may reach beyond the operand, or lie outside of it."""
    window = sliding_window(size, kernel, stride, auto_pad, lower, upper)
    if not ceil:
        return window
    if auto_pad:
        output = -(-(size - 1) // stride) + 1
        return Window(size, kernel, stride, 1, _auto_lower(size, kernel, stride, output), output)
    return Window(size, kernel, stride, 1, lower, -(-(size + lower + upper - kernel) // stride) + 1)


def transposed_window(
    size: int,
    kernel: int,
    stride: int = 1,
    auto_pad: bool = False,
    lower: int = 0,
    upper: int = 0,
    dilation: int = 1,
    output: int = 0,
) -> Window:
    """The window whose adjoint is a transposed convolution of an operand of `size`.

    `output`: the wanted size of the result, 0 for CNTK's own.
    """
    span = (kernel - 1) * dilation + 1
    cells = (size - 1) * stride + 1
    if auto_pad:
        result = output or cells
        return Window(result, kernel, stride, dilation, _auto_lower(result, span, stride, size), size)
    result = output or cells + span - 1 - lower - upper
    if result < 1:
        raise ValueError(f"A padding of {lower} and {upper} leaves nothing of a transposed convolution's result.")
    return Window(result, kernel, stride, dilation, lower, size)
