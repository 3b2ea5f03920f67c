"""Rows of the reductions (cntk-functions.md, group reduction). An axis that is reduced becomes 1 unless dropped."""

from __future__ import annotations

from xquery_bridge import compute
from xquery_bridge.compute import Function
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk.rows import serve, serve_family

# Along one axis.
serve_family(
    "NAME($operand as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function",
    ("argmax", compute.argmax),
    ("argmin", compute.argmin),
    ("reduce-sum", compute.reduce_sum),
)
serve_family(
    "NAME($x as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function",
    ("reduce-log-sum", compute.reduce_log_sum),
    ("reduce-max", compute.reduce_max),
    ("reduce-mean", compute.reduce_mean),
    ("reduce-min", compute.reduce_min),
    ("reduce-prod", compute.reduce_prod),
)

# Along several axes.
serve_family(
    "NAME($x as cntk:variable, $axes as cntk:axis* [, $keep-dims as xs:boolean, $name as xs:string]) as cntk:function",
    ("reduce-l1", compute.reduce_l1),
    ("reduce-l2", compute.reduce_l2),
    ("reduce-log-sum-on-axes", compute.reduce_log_sum_on_axes),
    ("reduce-max-on-axes", compute.reduce_max_on_axes),
    ("reduce-mean-on-axes", compute.reduce_mean_on_axes),
    ("reduce-min-on-axes", compute.reduce_min_on_axes),
    ("reduce-prod-on-axes", compute.reduce_prod_on_axes),
    ("reduce-sum-square", compute.reduce_sum_square),
)
serve(
    "reduce-sum-on-axes($operand as cntk:variable, $axis as cntk:axis* [, $keep-dims as xs:boolean,"
    " $name as xs:string]) as cntk:function",
    compute.reduce_sum_on_axes,
)


def top_k(operand: Operand, k: int, name: str = "") -> Function:
    """The k largest elements along the first dimension and their indices: two outputs."""
    return compute.top_k(operand, k, None, name)


serve(
    "top-k($operand as cntk:variable, $k as xs:unsignedLong [, $name as xs:string]) as cntk:function",
    top_k,
)
serve(
    "top-k-on-axis($operand as cntk:variable, $k as xs:unsignedLong, $axis as cntk:axis [, $name as xs:string])"
    " as cntk:function",
    compute.top_k,
)
