"""Rows of sequences and delays (cntk-functions.md, groups sequence and recurrent)."""

from __future__ import annotations

from xquery_bridge import compute
from xquery_bridge.compute import CntkError, Function
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk import arrays
from xquery_bridge.library.cntk.groups import RECURRENT, SEQUENCE
from xquery_bridge.runtime.json_items import JsonArray

SEQUENCE.serve_family(
    "NAME($operand as cntk:variable [, $name as xs:string]) as cntk:function",
    ("sequence-first", compute.sequence_first),
    ("sequence-is-first", compute.sequence_is_first),
    ("sequence-is-last", compute.sequence_is_last),
    ("sequence-last", compute.sequence_last),
    ("sequence-reduce-max", compute.sequence_reduce_max),
    ("sequence-reduce-sum", compute.sequence_reduce_sum),
    ("sequence-softmax", compute.sequence_softmax),
)
SEQUENCE.serve(
    "sequence-where($condition as cntk:variable [, $name as xs:string]) as cntk:function", compute.sequence_where
)
SEQUENCE.serve(
    "sequence-slice($operand as cntk:variable, $begin-index as xs:integer, $end-index as xs:integer"
    " [, $name as xs:string]) as cntk:function",
    compute.sequence_slice,
    about=(
        "The steps from `$begin-index` up to, not including, `$end-index`; negative ones count from the "
        "end, and 0 as an end is the end. A slice of one step has no sequence axis."
    ),
)
SEQUENCE.serve(
    "sequence-unpack($x as cntk:variable, $padding-value as xs:double, $supress-mask-output as xs:boolean"
    " [, $name as xs:string]) as cntk:function",
    compute.sequence_unpack,
)
SEQUENCE.serve(
    "broadcast-as($operand as cntk:variable, $broadcast-as as cntk:variable [, $name as xs:string]) as cntk:function",
    compute.broadcast_as,
)


def _factor(where: str, factor: JsonArray) -> tuple[int, int]:
    """(a, b) of the a · n + b steps that a new sequence axis is to have."""
    pairs = arrays.number_pairs(where, factor)
    if len(pairs) != 1 or pairs[0][1] != int(pairs[0][1]):
        raise CntkError(f"{where}: $factor: a json:array of two whole numbers was expected.")
    return pairs[0][0], int(pairs[0][1])


def gather(operand: Operand, condition: Operand, name: str = "") -> Function:
    """The steps at which the condition is not 0."""
    return compute.sequence_gather(operand, condition, None, name)


def gather_with_factor(operand: Operand, condition: Operand, factor: JsonArray, name: str = "") -> Function:
    """The steps at which the condition is not 0, on an axis named for a · n + b of n steps."""
    return compute.sequence_gather(operand, condition, _factor("cntk:sequence-gather-with-factor", factor), name)


def scatter(operand: Operand, condition: Operand, name: str = "") -> Function:
    """The steps put where the condition is not 0, zeros elsewhere."""
    return compute.sequence_scatter(operand, condition, None, name)


def scatter_with_factor(operand: Operand, condition: Operand, factor: JsonArray, name: str = "") -> Function:
    """The steps put where the condition is not 0, of which there are a · n + b of n steps."""
    return compute.sequence_scatter(operand, condition, _factor("cntk:sequence-scatter-with-factor", factor), name)


SEQUENCE.serve(
    "sequence-gather($operand as cntk:variable, $condition as cntk:variable [, $name as xs:string]) as cntk:function",
    gather,
)
SEQUENCE.serve(
    "sequence-gather-with-factor($operand as cntk:variable, $condition as cntk:variable, $factor as json:array"
    " [, $name as xs:string]) as cntk:function",
    gather_with_factor,
)
SEQUENCE.serve(
    "sequence-scatter($seq as cntk:variable, $condition as cntk:variable [, $name as xs:string]) as cntk:function",
    scatter,
)
SEQUENCE.serve(
    "sequence-scatter-with-factor($operand as cntk:variable, $condition as cntk:variable, $factor as json:array"
    " [, $name as xs:string]) as cntk:function",
    scatter_with_factor,
)


def to_sequence_with_lengths(operand: Operand, lengths: Operand, prefix: str, name: str = "") -> Function:
    """The last dimension as a new sequence axis, of which each sample takes some first steps."""
    return compute.to_sequence(operand, prefix, lengths, name)


def to_sequence(operand: Operand, prefix: str, name: str = "") -> Function:
    """The last dimension as a new sequence axis."""
    return compute.to_sequence(operand, prefix, None, name)


SEQUENCE.serve(
    "to-sequence($x as cntk:variable, $sequence-axis-name-prefix as xs:string [, $name as xs:string]) as cntk:function",
    to_sequence,
)
SEQUENCE.serve(
    "to-sequence-with-lengths($x as cntk:variable, $sequence-lengths as cntk:variable,"
    " $sequence-axis-name-prefix as xs:string [, $name as xs:string]) as cntk:function",
    to_sequence_with_lengths,
)
SEQUENCE.serve(
    "to-sequence-like($x as cntk:variable, $dynamic-axes-like as cntk:variable [, $name as xs:string])"
    " as cntk:function",
    compute.to_sequence_like,
)


def sequence_delay(
    operand: Operand, initial_state: Operand | None = None, time_step: int = 1, name: str = ""
) -> Function:
    """The operand some steps earlier, later when the step is negative, itself when it is 0."""
    result = compute.sequence_delay(operand, initial_state, time_step, name)
    return result if isinstance(result, Function) else compute.combine([result], name)


for _name, _delay in (("future-value", compute.future_value), ("past-value", compute.past_value)):
    RECURRENT.serve(
        f"{_name}($x as cntk:variable [, $initial-state as cntk:variable, $offset as xs:unsignedLong,"
        " $name as xs:string]) as cntk:function",
        _delay,
    )
SEQUENCE.serve(
    "sequence-delay($x as cntk:variable [, $initial-state as cntk:variable, $time-step as xs:integer,"
    " $name as xs:string]) as cntk:function",
    sequence_delay,
)
RECURRENT.serve(
    "optimized-rnnstack($operand as cntk:variable, $weights as cntk:variable, $hidden-size as xs:unsignedLong,"
    " $num-layers as xs:unsignedLong [, $bidirectional as xs:boolean, $recurrent-op as xs:string,"
    " $name as xs:string]) as cntk:function",
    compute.optimized_rnnstack,
    about="Recurrent layers over sequences of vectors, all of whose weights are one variable.",
)
