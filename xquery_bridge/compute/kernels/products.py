"""Matrix products on several threads.

The threads of the BLAS meet in less time than ours, but go on turning for a while, at the cost of any other work. So
they get products of a middling size in plans without such work; elsewhere our threads get a part each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .thread_pool import parallel, threaded_blas, threads

__all__ = ["product_call", "product_calls_of_few_rows"]

Array = NDArray[Any]

_PARALLEL_OPERATIONS = 2e7
"""Twice as many a second thread halves to two thirds; where none is free a hand-over costs a tenth of half as many."""
_BLAS_OPERATIONS, _MOST_BLAS_OPERATIONS = 2e6, 2e8
"""Between these a second thread of the BLAS gains more than one of ours."""
_SMALL_OPERATIONS = 1e6
"""Up to so many multiplications OpenBLAS takes matrices as they are; above, it copies them into its own order first."""
_LEAST_SIDE = 32
_STEP = 16
"""Rows or columns of a part come in multiples of this."""
_FEW_ROWS = 64
_MOST_PIECES = 4


def product_call(left: Array, right: Array, out: Array) -> Callable[[], object]:
    """The call that fills `out` (C-contiguous) with the product of two matrices."""
    rows, columns = out.shape
    workers = threads()
    operations = 2.0 * rows * columns * left.shape[1]
    if workers == 1 or operations < _BLAS_OPERATIONS or max(out.shape) < 2 * _STEP:
        return partial(left.dot, right, out)  # two thirds of the time of np.dot on small matrices
    is_compact = min(rows, columns, left.shape[1]) >= _LEAST_SIDE  # else memory sets the pace
    if rows >= columns:
        parts = [(left[p], right, out[p]) for p in _parts(rows, workers)]
    else:
        parts = [(left, right[:, p], out[:, p]) for p in _parts(columns, workers)]

    def multiply(item: int, worker: int) -> None:
        a, b, c = parts[item]
        np.matmul(a, b, out=c)

    def multiply_all() -> None:
        if is_compact and operations < _MOST_BLAS_OPERATIONS:
            with threaded_blas(operations) as is_lent:
                if is_lent:
                    np.matmul(left, right, out=out)
                    return
        if operations < _PARALLEL_OPERATIONS:
            np.matmul(left, right, out=out)
        else:
            parallel(multiply, len(parts), workers)

    return multiply_all


def _parts(size: int, workers: int) -> list[slice]:
    step = -(-size // workers // _STEP) * _STEP
    return [slice(first, min(first + step, size)) for first in range(0, size, step)]


def product_calls_of_few_rows(left: Array, right: Array, out: Array) -> list[Callable[[], object]]:
    """The calls that fill `out` with the product of a few rows and a matrix, by columns where copying it would cost."""
    rows, columns = out.shape
    pieces = math.ceil(rows * columns * left.shape[1] / _SMALL_OPERATIONS)
    if not 1 < pieces <= _MOST_PIECES or rows > _FEW_ROWS:
        return [partial(left.dot, right, out)]
    return [partial(np.matmul, left, right[:, p], out[:, p]) for p in _parts(columns, pieces)]
