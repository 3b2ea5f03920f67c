"""When the query of this thread must have ended: for calls into C that nothing can interrupt, which watch the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from xquery_bridge.errors import XQueryError

_running = threading.local()


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Let the work inside end within so many seconds; None sets no bound."""
    before = getattr(_running, "until", None)
    _running.until = before if seconds is None else time.monotonic() + seconds
    try:
        yield
    finally:
        _running.until = before


def remaining() -> float | None:
    """The seconds that are left, at least a moment; None without a bound."""
    until: float | None = getattr(_running, "until", None)
    return None if until is None else max(until - time.monotonic(), 0.001)


def time_is_up() -> XQueryError:
    """The error of a query over its time limit (XDMP-EXTIME); no try of a query catches it."""
    return XQueryError("FOER0000", "Time limit exceeded", marklogic_code="XDMP-EXTIME", catchable=False)
