"""How far long work has come: minibatches that were trained or evaluated are counted, and reported now and then.

with cntk.session() as session:
    session.progress = ProgressMeter(print)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Progress", "ProgressMeter"]

INTERVAL = 0.2
"""Seconds between two reports, at least; also before the first: short work reports nothing."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A report.

    Attributes:
        work: "training" or "evaluation".
        minibatches, samples: of this work so far.
        loss: average of the last minibatch over its samples; None in evaluations.
        seconds: since the work began.
        rate: samples a second.
        time_left: seconds to the declared number of samples, else to the time limit; None where neither is known.
        share: how much of that is done, from 0 to 1; None as above.
    """

    work: str
    minibatches: int
    samples: int
    loss: float | None
    seconds: float
    rate: float
    time_left: float | None
    share: float | None


class _Count:
    __slots__ = ("before", "began", "minibatches", "samples")

    def __init__(self, began: float, before: int) -> None:
        self.began = began
        self.before = before
        """Samples of the first minibatch: its time is not known."""
        self.minibatches = self.samples = 0


class ProgressMeter:
    """Counts the work of a session and calls a hook with a `Progress`, at most every `INTERVAL` seconds.

    Args:
        hook: called in the thread that works.
        total: samples there will be, for all work, or None.
        limit: seconds after which the work will be stopped, or None.
        clock: gives seconds.
    """

    __slots__ = ("_began", "_clock", "_counts", "_hook", "_limit", "_next", "total")

    def __init__(
        self,
        hook: Callable[[Progress], object],
        total: int | None = None,
        limit: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hook = hook
        self.total = total
        self._limit = limit
        self._clock = clock
        self._began = clock()
        self._next = self._began + INTERVAL
        self._counts: dict[str, _Count] = {}

    def count(self, work: str, samples: int, loss: float | None = None) -> None:
        """Counts a minibatch that is done."""
        now = self._clock()
        counted = self._counts.get(work)
        if counted is None:
            counted = self._counts[work] = _Count(now, samples)
        counted.minibatches += 1
        counted.samples += samples
        if now >= self._next:
            self._next = now + INTERVAL
            self._hook(self._progress(work, counted, loss, now))

    def _progress(self, work: str, counted: _Count, loss: float | None, now: float) -> Progress:
        seconds, samples = now - counted.began, counted.samples - counted.before
        if seconds <= 0:
            seconds, samples = now - self._began, counted.samples
        rate = samples / seconds if seconds > 0 else 0.0
        left = share = None
        if self.total is not None and rate > 0:
            left = max(self.total - counted.samples, 0) / rate
            share = min(counted.samples / self.total, 1.0)
        elif self._limit is not None:
            left = max(self._limit - (now - self._began), 0.0)
            share = 1 - left / self._limit
        return Progress(work, counted.minibatches, counted.samples, loss, now - self._began, rate, left, share)
