"""Rows of cntk:initializer (cntk-functions.md, group initializer). An automatic seed is the next of the request."""

from __future__ import annotations

from xquery_bridge.compute import initializers as compute
from xquery_bridge.library.cntk.groups import INITIALIZER

INITIALIZER.serve("constant-initializer([$value as xs:double]) as cntk:initializer", compute.constant, pure=True)
INITIALIZER.serve(
    "bilinear-initializer($kernel-width as xs:unsignedLong, $kernel-height as xs:unsignedLong) as cntk:initializer",
    compute.bilinear,
    pure=True,
)
INITIALIZER.serve(
    "uniform-initializer($scale as xs:double [, $seed as xs:unsignedLong]) as cntk:initializer",
    compute.uniform,
    pure=True,
)
INITIALIZER.serve(
    "truncated-normal-initializer([$scale as xs:double, $seed as xs:unsignedLong]) as cntk:initializer",
    compute.truncated_normal,
    pure=True,
)
INITIALIZER.serve(
    "normal-initializer($scale as xs:double [, $output-rank as xs:integer, $filter-rank as xs:integer,"
    " $seed as xs:unsignedLong]) as cntk:initializer",
    compute.normal,
    pure=True,
)
for _name, _function in (
    ("xavier-initializer", compute.xavier),
    ("glorot-uniform-initializer", compute.glorot_uniform),
    ("glorot-normal-initializer", compute.glorot_normal),
    ("he-uniform-initializer", compute.he_uniform),
    ("he-normal-initializer", compute.he_normal),
):
    INITIALIZER.serve(
        f"{_name}([$scale as xs:double, $output-rank as xs:integer, $filter-rank as xs:integer,"
        " $seed as xs:unsignedLong]) as cntk:initializer",
        _function,
        pure=True,
    )
INITIALIZER.serve(
    "random-initializer-with-rank($initializer as cntk:initializer, $output-rank as xs:integer,"
    " $filter-rank as xs:integer) as cntk:initializer",
    compute.with_ranks,
    pure=True,
)
