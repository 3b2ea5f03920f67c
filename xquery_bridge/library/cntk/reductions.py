"""Rows of the reductions (cntk-functions.md, group reduction). An axis that is reduced becomes 1 unless dropped."""

from __future__ import annotations

from xquery_bridge import compute
from xquery_bridge.compute import Function
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk.groups import REDUCTION

# Along one axis.
REDUCTION.serve_family(
    "NAME($operand as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function",
    ("argmax", compute.argmax, "The index of the largest element along an axis; the first of equals."),
    ("argmin", compute.argmin, "The index of the smallest element along an axis; the first of equals."),
    ("reduce-sum", compute.reduce_sum, "The sum along an axis."),
)
REDUCTION.serve_family(
    "NAME($x as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function",
    ("reduce-log-sum", compute.reduce_log_sum, "log Σ e^x along an axis."),
    ("reduce-max", compute.reduce_max, "The largest element along an axis; all of equals get the gradient."),
    ("reduce-mean", compute.reduce_mean, "The average along an axis."),
    ("reduce-min", compute.reduce_min, "The smallest element along an axis; all of equals get the gradient."),
    ("reduce-prod", compute.reduce_prod, "The product along an axis."),
)

# Along several axes.
REDUCTION.serve_family(
    "NAME($x as cntk:variable, $axes as cntk:axis* [, $keep-dims as xs:boolean, $name as xs:string]) as cntk:function",
    ("reduce-l1", compute.reduce_l1, "The sum of absolute values over several axes."),
    ("reduce-l2", compute.reduce_l2, "The square root of the sum of squares over several axes."),
    ("reduce-log-sum-on-axes", compute.reduce_log_sum_on_axes, "log Σ e^x over several axes."),
    ("reduce-max-on-axes", compute.reduce_max_on_axes, "The largest element over several axes."),
    ("reduce-mean-on-axes", compute.reduce_mean_on_axes, "The average over several axes."),
    ("reduce-min-on-axes", compute.reduce_min_on_axes, "The smallest element over several axes."),
    ("reduce-prod-on-axes", compute.reduce_prod_on_axes, "The product over several axes."),
    ("reduce-sum-square", compute.reduce_sum_square, "The sum of squares over several axes."),
)
REDUCTION.serve(
    "reduce-sum-on-axes($operand as cntk:variable, $axis as cntk:axis* [, $keep-dims as xs:boolean,"
    " $name as xs:string]) as cntk:function",
    compute.reduce_sum_on_axes,
    about="The sum over several axes.",
)


def top_k(operand: Operand, k: int, name: str = "") -> Function:
    """The k largest elements along the first dimension and their indices: two outputs."""
    return compute.top_k(operand, k, None, name)


REDUCTION.serve(
    "top-k($operand as cntk:variable, $k as xs:unsignedLong [, $name as xs:string]) as cntk:function",
    top_k,
)
REDUCTION.serve(
    "top-k-on-axis($operand as cntk:variable, $k as xs:unsignedLong, $axis as cntk:axis [, $name as xs:string])"
    " as cntk:function",
    compute.top_k,
)
