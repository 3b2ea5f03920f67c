"""Elementwise calls whose operands broadcast. NumPy needs a microsecond to begin one, a quarter of that without."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["broadcast_calls"]

Array = NDArray[Any]

_SPREAD_SIZE = 4096
"""Up to so many elements it is quicker to write an operand into an array of the full shape first."""


def broadcast_calls(
    function: Callable[..., Any], operands: tuple[Array, ...], out: Array
) -> list[Callable[[], object]]:
    """The calls that fill `out` with a function, which takes it last, of operands that broadcast to its shape."""
    calls: list[Callable[[], object]] = []
    same = []
    for operand in operands:
        if operand.size == out.size and operand.shape != out.shape and operand.flags.c_contiguous:
            operand = operand.reshape(out.shape)
        elif operand.size == 1:
            operand = operand.reshape(())
        elif operand.shape != out.shape and out.size <= _SPREAD_SIZE:
            spread = np.empty(out.shape, operand.dtype)
            calls.append(partial(spread.__setitem__, ..., operand))
            operand = spread
        same.append(operand)
    return [*calls, partial(function, *same, out)]
