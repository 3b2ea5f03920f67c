"""Rows of cntk:schedule (cntk-functions.md, group schedule).

An epoch size of 0 stands for a whole sweep over the data, a minibatch size of 0 for "per minibatch, whatever its size".
"""

from __future__ import annotations

from collections.abc import Sequence

from xquery_bridge.compute.schedules import FULL_DATA_SWEEP, UNSPECIFIED, Schedule
from xquery_bridge.library.cntk import arrays
from xquery_bridge.library.cntk.groups import SCHEDULE
from xquery_bridge.runtime.json_items import JsonArray


def rate_from_pairs(pairs: JsonArray, epoch_size: int = FULL_DATA_SWEEP, minibatch_size: int = UNSPECIFIED) -> Schedule:
    """Values for numbers of epochs: arrays of (number of epochs, value); the last value stays."""
    return Schedule.from_pairs(arrays.number_pairs("cntk:schedule", pairs), epoch_size, minibatch_size)


def minibatch_size_from_constant(size: int) -> Schedule:
    """One minibatch size for ever."""
    return Schedule.of_minibatch_sizes([(1, size)])


def minibatch_size_from_sequence(sizes: Sequence[int], epoch_size: int = FULL_DATA_SWEEP) -> Schedule:
    """The i-th minibatch size for the i-th epoch; the last one stays."""
    return Schedule.of_minibatch_sizes([(1, size) for size in sizes], epoch_size)


def minibatch_size_from_pairs(pairs: JsonArray, epoch_size: int = FULL_DATA_SWEEP) -> Schedule:
    """Minibatch sizes for numbers of epochs: arrays of (number of epochs, size)."""
    found = arrays.number_pairs("cntk:minibatch-size-schedule-from-pairs", pairs)
    return Schedule.of_minibatch_sizes([(count, int(size)) for count, size in found], epoch_size)


SCHEDULE.serve(
    "learning-rate-schedule-from-constant($learning-rate as xs:double [, $minibatch-size as xs:unsignedLong])"
    " as cntk:schedule",
    Schedule.from_constant,
    pure=True,
)
SCHEDULE.serve(
    "learning-rate-schedule-from-sequence($learning-rates as xs:double* [, $epoch-size as xs:unsignedLong,"
    " $minibatch-size as xs:unsignedLong]) as cntk:schedule",
    Schedule.from_sequence,
    pure=True,
)
SCHEDULE.serve(
    "learning-rate-schedule-from-pairs($pairs as json:array [, $epoch-size as xs:unsignedLong,"
    " $minibatch-size as xs:unsignedLong]) as cntk:schedule",
    rate_from_pairs,
)
SCHEDULE.serve(
    "momentum-schedule-from-constant($momentum as xs:double [, $minibatch-size as xs:unsignedLong]) as cntk:schedule",
    Schedule.from_constant,
    pure=True,
)
SCHEDULE.serve(
    "momentum-schedule-from-sequence($momentum as xs:double* [, $epoch-size as xs:unsignedLong,"
    " $minibatch-size as xs:unsignedLong]) as cntk:schedule",
    Schedule.from_sequence,
    pure=True,
)
SCHEDULE.serve(
    "momentum-schedule-from-pairs($pairs as json:array [, $epoch-size as xs:unsignedLong,"
    " $minibatch-size as xs:unsignedLong]) as cntk:schedule",
    rate_from_pairs,
)
SCHEDULE.serve(
    "minibatch-size-schedule-from-constant($minibatch-size as xs:unsignedLong) as cntk:schedule",
    minibatch_size_from_constant,
    pure=True,
)
SCHEDULE.serve(
    "minibatch-size-schedule-from-sequence($minibatch-sizes as xs:unsignedLong* [, $epoch-size as xs:unsignedLong])"
    " as cntk:schedule",
    minibatch_size_from_sequence,
    pure=True,
)
SCHEDULE.serve(
    "minibatch-size-schedule-from-pairs($pairs as json:array [, $epoch-size as xs:unsignedLong]) as cntk:schedule",
    minibatch_size_from_pairs,
)
