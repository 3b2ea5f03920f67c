"""Interrupting a thread from outside, and the changes it must not be interrupted in.

A query over its time limit is stopped by an exception raised in its thread from another one, between any two
instructions of Python. A change that must happen whole or not at all, such as a step of training, is made within
`unbroken`: an exception sent before is raised at its beginning, and none is sent until it ends.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import suppress
from types import TracebackType

__all__ = ["interrupt", "unbroken"]


class _Unbroken:
    """`with unbroken:` holds interruptions off; it must not be nested in another thread's, and is short."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __enter__(self) -> None:
        try:
            self.lock.acquire()
            _raise_what_was_sent()
        except BaseException:
            with suppress(RuntimeError):  # it was raised before we had the lock
                self.lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.lock.release()


def _raise_what_was_sent() -> None:
    """Python looks for exceptions sent to a thread when a function begins and when a loop turns."""
    for _ in range(2):
        pass


unbroken = _Unbroken()


def interrupt(thread: int, exception: type[BaseException]) -> bool:
    """Raise an exception in another thread, unless it is making a change that must not be broken off.

    Args:
        thread: the identity of the thread.
    Returns:
        Whether it was sent: the thread raises it before its next change, and a call into C only when it ends.
    """
    if not unbroken.lock.acquire(blocking=False):
        return False
    try:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(exception))
    finally:
        unbroken.lock.release()
    return True
