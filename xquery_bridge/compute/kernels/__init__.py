"""The kernels of NumPy, by name: each row makes a plan for fixed sizes, whose calls do the work.

NumPy's table is complete and the reference; a table of another library holds some of the names, takes the same
arguments and is tested against it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .batch_normalization import BatchNormalizationPlan
from .convolution import convolution_plan
from .pooling import PoolingPlan, RegionPoolingPlan
from .products import product_call, product_calls_of_few_rows

__all__ = ["NUMPY", "kernel"]

NUMPY: dict[str, Callable[..., Any]] = {
    "convolution": convolution_plan,  # its adjoint is the transposed convolution
    "pooling": PoolingPlan,  # unpooling too
    "region-pooling": RegionPoolingPlan,
    "batch-normalization": BatchNormalizationPlan,
    "product": product_call,  # of two matrices; gives the call itself
    "product-of-few-rows": product_calls_of_few_rows,  # as often as there are steps; gives a list of calls
}


def kernel(name: str, *tables: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The maker of plans called `name`: the first of `tables` that has it, otherwise NumPy's.

    KeyError when there is no such kernel.
    """
    for table in tables:
        if name in table:
            return table[name]
    return NUMPY[name]
