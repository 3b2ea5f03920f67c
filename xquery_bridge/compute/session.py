"""Counters of one request: uids, seeds of unseeded random operations, names of unique axes.

CNTK keeps these per process; here every request starts at 0, so that the result of a program does not depend on what
ran before it (conventions, "Quoting"). `with session():` starts anew; outside any session a default of the process is
used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .numpy_settings import apply_settings
from .progress import ProgressMeter

__all__ = ["Session", "current_session", "resume", "session", "session_in_force"]


class Session:
    """The counters of one request.

    Attributes:
        progress: where minibatches that were trained or evaluated are reported; None for nowhere.
    """

    __slots__ = ("_axis_names", "_seeds", "_time_stamp", "_uids", "fixed_seed", "progress")

    def __init__(self) -> None:
        self._uids = 0
        self._seeds = 0
        self._time_stamp = 0
        self._axis_names: dict[str, int] = {}
        self.fixed_seed: int | None = None
        self.progress: ProgressMeter | None = None

    @property
    def uids_used(self) -> int:
        """How many uids were given out."""
        return self._uids

    def next_uid(self, prefix: str) -> str:
        """A new uid, `Plus2`: the prefix and the next number."""
        number = self._uids
        self._uids += 1
        return f"{prefix}{number}"

    def skip_uids(self, count: int) -> None:
        """Uses up ids, as CNTK does for variables that only help to infer a shape."""
        self._uids += count

    def next_seed(self) -> int:
        """The seed of the next unseeded random operation: 0, 1, 2, …, or the fixed seed where one is set."""
        if self.fixed_seed is not None:
            return self.fixed_seed
        seed = self._seeds
        self._seeds += 1
        return seed

    def next_time_stamp(self) -> int:
        """A number larger than every one before: the time of a change of a value."""
        self._time_stamp += 1
        return self._time_stamp

    def unique_axis_name(self, prefix: str) -> str:
        """`q`, `q1`, `q2`, … for the prefix `q`."""
        number = self._axis_names.get(prefix, 0)
        self._axis_names[prefix] = number + 1
        return prefix if number == 0 else f"{prefix}{number}"


_process_session = Session()
_current: ContextVar[Session | None] = ContextVar("cntk_session", default=None)


def current_session() -> Session:
    """The session in force."""
    return _current.get() or _process_session


session_in_force = _current.get
"""The session in force, if any: within one NumPy is quiet about infinities and NaN, which are CNTK's results too."""


def resume(kept: Session) -> None:
    """Goes on counting in a session, in this thread, until another one is made current."""
    if _current.get() is not kept:
        apply_settings()
        _current.set(kept)


@contextmanager
def session() -> Iterator[Session]:
    """Counts from 0 within the `with` block."""
    new = Session()
    token = _current.set(new)
    try:
        with np.errstate():
            apply_settings()
            yield new
    finally:
        _current.reset(token)
