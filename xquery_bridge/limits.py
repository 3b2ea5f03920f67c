"""The bounds a query runs within."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one query. Over one of them it ends with XDMP-EXTIME, XDMP-MEMORY or XDMP-STACKOVERFLOW.

    `seconds`: wall-clock time (None: no limit). `memory_mib`: growth of the process's resident memory (None: none).
    `recursion`: depth of user function calls, at most 100,000.
    """

    seconds: float | None = 600.0
    memory_mib: int | None = 4096
    recursion: int = 100_000
