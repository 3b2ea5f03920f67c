"""The thread that queries run in: a deep stack, Python's recursion limit to match, and an end at the time limit."""

from __future__ import annotations

import gc
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from xquery_bridge.interruption import interrupt

#: Virtual memory for the stack of the thread that runs queries; only what recursion touches becomes real.
STACK_BYTES: Final = 1 << 29
#: Python frames that one level of a query's recursion may take.
_FRAMES_PER_LEVEL: Final = 3
#: Frames for what is not recursion of the query.
_OTHER_FRAMES: Final = 20_000
#: Collections of cyclic garbage: after so many new containers, tuned for queries that make trees and long sequences.
#: With CPython's own numbers a third of the time goes into looking at nodes that are in use.
_COLLECT_AFTER: Final = (20_000, 10, 5)


class TimeLimit(BaseException):
    """Stops a query's thread; no try of a query catches it."""


class _RecursionLimit:
    """Python's recursion limit, one a process: high only while a query runs, whose thread has the stack for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._before = 0

    @contextmanager
    def of_at_least(self, frames: int) -> Iterator[None]:
        with self._lock:
            if not self._running:
                self._before = sys.getrecursionlimit()
            self._running += 1
            sys.setrecursionlimit(max(sys.getrecursionlimit(), frames))
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    sys.setrecursionlimit(self._before)


_RECURSION: Final = _RecursionLimit()


@dataclass(eq=False, slots=True)
class _Job:
    work: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


class QueryThread:
    """A thread with a deep stack that does one job after another."""

    def __init__(self) -> None:
        _tune_collector()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._current: _Job | None = None
        before = threading.stack_size(STACK_BYTES)
        try:
            self._thread = threading.Thread(target=self._loop, daemon=True, name="xquery")
            self._thread.start()
        finally:
            threading.stack_size(before)

    def _loop(self) -> None:
        while True:
            with suppress(TimeLimit):
                job = self._jobs.get()
                if job is None:
                    return
                self._do(job)
                del job

    def _do(self, job: _Job) -> None:
        try:
            try:
                self._current = job
                job.result = job.work()
            except BaseException as error:
                job.error = error
            finally:
                with self._lock:
                    self._current = None
        except TimeLimit as error:
            job.error = job.error or error
            self._current = None
        job.done.set()

    @property
    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def run(self, work: Callable[[], Any], seconds: float | None, recursion: int) -> Any:
        """Do the work in the thread, with so many levels of recursion. Raises TimeLimit when it takes longer."""
        with _RECURSION.of_at_least(recursion * _FRAMES_PER_LEVEL + _OTHER_FRAMES):
            return self._run(work, seconds)

    def _run(self, work: Callable[[], Any], seconds: float | None) -> Any:
        job = _Job(work)
        self._jobs.put(job)
        try:
            if not job.done.wait(seconds):
                self._stop(job)
        except BaseException:  # a signal came while we waited: the query must not run on
            self._stop(job)
            raise
        if job.error is not None:
            error, job.error = job.error, None
            raise error
        return job.result

    def _stop(self, job: _Job) -> None:
        """Interrupt the job, again if need be: a long call into C notices only when it ends."""
        while not job.done.is_set():
            sent = False
            with self._lock:
                if self._current is job and self._thread.ident is not None:
                    sent = interrupt(self._thread.ident, TimeLimit)
            job.done.wait(0.2 if sent else 0.01)

    def close(self) -> None:
        self._jobs.put(None)


@lru_cache(maxsize=1)
def _tune_collector() -> None:
    """Let the garbage collector look less often, and never at the modules: for the process, as all its settings are."""
    if gc.isenabled() and gc.get_threshold()[0] < _COLLECT_AFTER[0]:
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
