"""Rows of random numbers (cntk-functions.md, group random). A seed that is not given is the next one of the request."""

from __future__ import annotations

from xquery_bridge import compute
from xquery_bridge.library.cntk.groups import RANDOM

# Of a shape, without dynamic axes; or with shape and axes of an operand.
for _name, _of_shape, _like, _numbers in (
    ("uniform-random", compute.uniform_random, compute.uniform_random_like, "$low as xs:double, $high as xs:double"),
    ("normal-random", compute.normal_random, compute.normal_random_like, "$mean as xs:double, $scale as xs:double"),
    ("gumbel-random", compute.gumbel_random, compute.gumbel_random_like, "$loc as xs:double, $scale as xs:double"),
    ("bernoulli-random", compute.bernoulli_random, compute.bernoulli_random_like, "$mean as xs:double"),
):
    RANDOM.serve(
        f"{_name}($shape as cntk:shape, $data-type as xs:string [, {_numbers}, $seed as xs:unsignedLong,"
        " $name as xs:string]) as cntk:function",
        _of_shape,
    )
    RANDOM.serve(
        f"{_name}-like($x as cntk:variable [, {_numbers}, $seed as xs:unsignedLong, $name as xs:string])"
        " as cntk:function",
        _like,
    )

RANDOM.serve(
    "dropout($x as cntk:variable, $droupout-rate as xs:double [, $seed as xs:unsignedLong, $name as xs:string])"
    " as cntk:function",
    compute.dropout,
    about=(
        "In training an element is 0 with the probability `$droupout-rate`, else scaled up by 1 / (1 - "
        "rate); in evaluation the operand passes."
    ),
)
RANDOM.serve(
    "random-sample($weights as cntk:variable, $num-samples as xs:unsignedLong, $allow-duplicates as xs:boolean"
    " [, $seed as xs:unsignedLong, $name as xs:string]) as cntk:function",
    compute.random_sample,
)
RANDOM.serve(
    "random-sample-inclusion-frequency($weights as cntk:variable, $num-samples as xs:unsignedLong,"
    " $allow-duplicates as xs:boolean [, $seed as xs:unsignedLong, $name as xs:string]) as cntk:function",
    compute.random_sample_inclusion_frequency,
    about="How often each index is expected in a set of `cntk:random-sample`.",
)
