"""Reports of long work: a bar on the terminal, lines in the service's log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from xquery_bridge.compute.progress import Progress

#: Seconds between two lines of the log.
LOG_INTERVAL = 5.0
#: Cells of the bar.
CELLS = 20

__all__ = ["ProgressBar", "ProgressLog", "sentence_of"]


def sentence_of(progress: Progress) -> str:
    """A report in words: `training: 12,800 samples, loss 0.4213, 3,210 samples/s, 1:20 left`."""
    parts = [f"{progress.work}: {progress.samples:,} samples"]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.4g}")
    parts.append(f"{progress.rate:,.0f} samples/s" if progress.rate >= 10 else f"{progress.rate:.2g} samples/s")
    if progress.time_left is not None:
        parts.append(f"{_clock_time(progress.time_left)} left")
    return ", ".join(parts)


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressBar:
    """One line of a terminal that is written over and over, and taken away when the work is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = False

    def __call__(self, progress: Progress) -> None:
        """Show a report."""
        bar = ""
        if progress.share is not None:
            done = int(progress.share * CELLS)
            bar = f"[{'#' * done}{'-' * (CELLS - done)}] "
        self._write(f"\r{bar}{sentence_of(progress)}\x1b[K")
        self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # nobody reads it any more
            self._stream.write(text)
            self._stream.flush()


class ProgressLog:
    """Lines of a log, at most every `LOG_INTERVAL` seconds."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._next = 0.0

    def begin(self) -> None:
        """A query begins: what ends sooner than the interval leaves no line."""
        self._next = self._clock() + LOG_INTERVAL

    def __call__(self, progress: Progress) -> None:
        """Log a report, when it is time."""
        now = self._clock()
        if now >= self._next:
            self._next = now + LOG_INTERVAL
            self._logger.info("%s", sentence_of(progress))
