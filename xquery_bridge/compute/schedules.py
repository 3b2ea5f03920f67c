"""Schedules: values of a training parameter that change with the samples or sweeps seen. Source: section 12 of the CNTK
semantics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import CntkError

__all__ = ["CURRENT_VERSION", "FULL_DATA_SWEEP", "UNSPECIFIED", "Schedule"]

FULL_DATA_SWEEP = 0
"""The epoch size that means a whole sweep."""
UNSPECIFIED = 0
"""The reference minibatch size that means "per minibatch, whatever its size"."""
CURRENT_VERSION = 2
"""CNTK's version of the schedule's format, part of its description."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A value for each unit of training.

    Attributes:
        values: (number of units, value) in order; the last value stays for ever, so that its count does not matter.
        epoch_size: samples of a unit; `FULL_DATA_SWEEP`: a unit lasts until a sweep end is reported.
        minibatch_size: number of samples that the values are meant for; `UNSPECIFIED`, or 1 for "per sample".
        data_type: "double", or "size_t" for minibatch sizes.
    """

    values: tuple[tuple[int, float], ...]
    epoch_size: int = FULL_DATA_SWEEP
    minibatch_size: int = UNSPECIFIED
    data_type: str = "double"

    def __post_init__(self) -> None:
        prefix = "TrainingParameterSchedule::ConstructSchedule : "
        if not self.values:
            raise CntkError(prefix + "schedule is empty.")
        if any(count <= 0 for count, _ in self.values[:-1]) or self.values[-1][0] < 0:
            raise CntkError(prefix + "unit count in the 'schedule' argument must not be 0.")
        if self.epoch_size < 0 or self.minibatch_size < 0:
            raise CntkError("TrainingParameterSchedule: epoch size and minibatch size must not be negative.")

    @classmethod
    def from_constant(cls, value: float, minibatch_size: int = UNSPECIFIED) -> Schedule:
        """One value for ever (`cntk:learning-rate-schedule-from-constant`, `cntk:momentum-schedule-from-constant`)."""
        return cls(((1, float(value)),), FULL_DATA_SWEEP, minibatch_size)

    @classmethod
    def from_sequence(
        cls, values: Sequence[float], epoch_size: int = FULL_DATA_SWEEP, minibatch_size: int = UNSPECIFIED
    ) -> Schedule:
        """The i-th value for the i-th unit (`cntk:learning-rate-schedule-from-sequence`)."""
        return cls(tuple((1, float(value)) for value in values), epoch_size, minibatch_size)

    @classmethod
    def from_pairs(
        cls,
        pairs: Iterable[tuple[int, float]],
        epoch_size: int = FULL_DATA_SWEEP,
        minibatch_size: int = UNSPECIFIED,
    ) -> Schedule:
        """(number of units, value) pairs (`cntk:learning-rate-schedule-from-pairs`)."""
        return cls(tuple((int(count), float(value)) for count, value in pairs), epoch_size, minibatch_size)

    @classmethod
    def of_minibatch_sizes(cls, pairs: Iterable[tuple[int, int]], epoch_size: int = FULL_DATA_SWEEP) -> Schedule:
        """Sizes of minibatches as (number of units, size) pairs (`cntk:minibatch-size-schedule-from-pairs`)."""
        return cls(tuple((int(count), int(size)) for count, size in pairs), epoch_size, UNSPECIFIED, "size_t")

    @property
    def is_sweep_based(self) -> bool:
        """Whether the units are sweeps; a constant is."""
        return self.epoch_size == FULL_DATA_SWEEP

    @property
    def is_per_minibatch(self) -> bool:
        """Whether the values hold for a minibatch of any size."""
        return self.minibatch_size == UNSPECIFIED

    def value_of_unit(self, unit: int) -> float:
        """The value in force in a unit, counted from 0."""
        for count, value in self.values[:-1]:
            if unit < count:
                return value
            unit -= count
        return self.values[-1][1]

    def value(self, samples: int, sweeps: int) -> float:
        """The value in force after so many samples and sweep ends."""
        return self.value_of_unit(sweeps if self.is_sweep_based else samples // self.epoch_size)

    def power(self, samples: int, sweeps: int, minibatch_samples: int) -> float:
        """The value as a momentum for a minibatch of so many samples: mu ** (n / reference size)."""
        value = self.value(samples, sweeps)
        if self.is_per_minibatch:
            return value
        try:
            return math.pow(value, minibatch_samples / self.minibatch_size)
        except OverflowError:
            return math.inf
        except ValueError:  # a negative value has no such root
            return math.nan

    def __str__(self) -> str:
        return (
            f"Data Type({self.data_type}), Mini Batch Size({self.minibatch_size}), "
            f"Sweep Based({str(self.is_sweep_based).lower()}), Full Data Sweep({FULL_DATA_SWEEP}), "
            f"Current Version({CURRENT_VERSION})"
        )
