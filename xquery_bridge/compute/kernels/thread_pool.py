"""The threads of the kernels: images and strips go to our threads, each matrix product stays on one.

OpenBLAS loses to a split by images, so a kernel that splits its work holds NumPy's OpenBLAS at one thread while its own
threads run, and so does a plan of large work. One that has nothing else for our threads to do may lend them to the BLAS
for the time of a product. The number of threads is `set_threads(n)`, at first the environment variable
`CNTK_XQUERY_THREADS` or the number of processors this process may use.
"""

from __future__ import annotations

import ctypes
import glob
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from ..numpy_settings import apply_settings

__all__ = ["Lending", "parallel", "set_threads", "single_threaded_blas", "threads"]


def _initial_threads() -> int:
    setting = os.environ.get("CNTK_XQUERY_THREADS", "")
    if setting.isdigit() and int(setting) > 0:
        return int(setting)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _find_blas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """The calls that read and set the number of threads of the OpenBLAS that NumPy's wheel brings, if it is there."""
    root = Path(np.__file__).parent
    for place in (root.parent / "numpy.libs", root / ".dylibs"):
        for library in glob.glob(str(place / "*openblas*")):
            try:
                handle = ctypes.CDLL(library)
            except OSError:
                continue
            for prefix in ("scipy_openblas", "openblas"):
                for suffix in ("64_", ""):
                    reader = getattr(handle, f"{prefix}_get_num_threads{suffix}", None)
                    setter = getattr(handle, f"{prefix}_set_num_threads{suffix}", None)
                    if reader is not None and setter is not None:
                        reader.restype = ctypes.c_int
                        setter.argtypes = [ctypes.c_int]
                        setter.restype = None
                        return reader, setter
    return None


class _Inside(threading.local):
    work = False
    """Whether this thread is doing a part of some work already."""


_inside = _Inside()


def _serve(tasks: SimpleQueue[Callable[[], None]]) -> None:
    _inside.work = True
    apply_settings()
    while True:
        tasks.get()()


class Lending:
    """Decides whether threads are lent to the BLAS.

    Its threads wait for each other by turning. Where processors are shared with other work, a product on them can take
    a hundred times its time; two such products in a row end the lending for some seconds, each time for longer.
    """

    LEAST_RATE = 1e10  # operations a second that two processors surpass which have nothing else to do
    SLOWNESS = 4  # times what the best rate so far would have taken
    FIRST_PAUSE, LONGEST_PAUSE = 2.0, 64.0

    def __init__(self) -> None:
        self._best_rate = 0.0
        self._pause = self.FIRST_PAUSE
        self._not_before = 0.0
        self._was_slow = False

    def is_allowed(self, now: float) -> bool:
        return now >= self._not_before

    def book(self, operations: float, begin: float, end: float) -> None:
        """Books a product on lent threads: how many operations, and when it began and ended."""
        rate = operations / max(end - begin, 1e-9)
        is_slow = rate < max(self.LEAST_RATE, self._best_rate / self.SLOWNESS)
        if is_slow and self._was_slow:
            self._not_before = end + self._pause
            self._pause = min(2 * self._pause, self.LONGEST_PAUSE)
        elif not is_slow and not self._was_slow:
            self._pause = self.FIRST_PAUSE
        self._best_rate = max(rate, self._best_rate)
        self._was_slow = is_slow


class _Threads:
    """The threads of this process and its hold on OpenBLAS."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.blas = _find_blas()
        self.lending = Lending()
        self.forget()

    def forget(self) -> None:
        """Threads do not survive a fork: the child starts its own when it needs them."""
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()
        self._blas_users = 0
        self._blas_threads = 1
        self._lenders = 0

    def submit(self, task: Callable[[], None], copies: int) -> None:
        """Has a task, which must not raise, done by so many of the threads."""
        if self._started < copies:
            with self._lock:
                while self._started < copies:
                    threading.Thread(target=_serve, args=(self._tasks,), name="kernel", daemon=True).start()
                    self._started += 1
        for _ in range(copies):
            self._tasks.put(task)

    def hold_blas(self, lends: bool) -> None:
        if self.blas is None:
            return
        reader, setter = self.blas
        with self._lock:
            self._blas_users += 1
            self._lenders += lends
            if self._blas_users == 1:
                self._blas_threads = reader()
                if self._blas_threads != 1:
                    setter(1)

    def release_blas(self, lends: bool) -> None:
        if self.blas is None:
            return
        with self._lock:
            self._blas_users -= 1
            self._lenders -= lends
            if self._blas_users == 0 and self._blas_threads != 1:
                self.blas[1](self._blas_threads)

    def lend_threads(self) -> bool:
        if self.blas is None:
            return False
        with self._lock:
            lends = self._blas_users == self._lenders == 1 and self.lending.is_allowed(time.monotonic())
            if lends:
                self.blas[1](self.count)
            return lends

    def take_threads_back(self) -> None:
        if self.blas is not None:
            with self._lock:
                self.blas[1](1)


_state = _Threads(_initial_threads())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_state.forget)


def threads() -> int:
    """The number of threads a kernel may use."""
    return _state.count


def set_threads(count: int) -> None:
    """Sets the number of threads for plans made from now on.

    ValueError when `count` is not positive.
    """
    if count < 1:
        raise ValueError(f"The number of threads must be positive, got {count}.")
    _state.count = count


@contextmanager
def single_threaded_blas(lends: bool = False) -> Iterator[None]:
    """Holds NumPy's matrix products at one thread inside; the setting is the process's, the last one restores it.

    Args:
        lends: `threaded_blas` may be used inside.
    """
    _state.hold_blas(lends)
    try:
        yield
    finally:
        _state.release_blas(lends)


@contextmanager
def threaded_blas(operations: float) -> Iterator[bool]:
    """Lets a product of so many operations have our threads where nobody else needs them, and says whether it could."""
    is_lent = _state.lend_threads()
    begin = time.monotonic()
    try:
        yield is_lent
    finally:
        if is_lent:
            _state.take_threads_back()
            _state.lending.book(operations, begin, time.monotonic())


def parallel(work: Callable[[int, int], None], items: int, workers: int) -> None:
    """Calls `work(item, worker)` once for every item, by `workers` threads of which the caller is one.

    Items are taken one at a time, so a slow one delays nobody, nor does a thread that has not begun when all is done:
    it will find nothing left. The first exception is raised after all have stopped.
    Work that is itself done by one of several threads stays on it.
    """
    if workers <= 1 or items <= 1 or _inside.work:
        for item in range(items):
            work(item, 0)
        return
    remaining = iter(range(items))  # advancing it is one step of the interpreter, hence safe
    workers = min(workers, items)
    numbers = iter(range(1, workers))
    done: list[int] = []
    finished: SimpleQueue[BaseException | None] = SimpleQueue()

    def run(worker: int) -> None:
        for item in remaining:
            work(item, worker)
            done.append(item)

    def help_out() -> None:
        try:
            run(next(numbers))
        except BaseException as error:
            finished.put(error)
        else:
            finished.put(None)

    with single_threaded_blas():
        _state.submit(help_out, workers - 1)
        _inside.work = True
        try:
            run(0)
        finally:
            _inside.work = False
            errors: list[BaseException | None] = []
            while len(done) < items and len(errors) < workers - 1:
                errors.append(finished.get())
    for error in errors:
        if error is not None:
            raise error
