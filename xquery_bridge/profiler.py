"""Where a query's time goes: a sampling profile by the lines of its expressions."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from xquery_bridge.compiler.codegen import GENERATED, Generated

#: Seconds between two looks at the query's thread.
INTERVAL: Final = 0.001

Line = tuple[str, int]


@dataclass(slots=True)
class Profile:
    """Samples by (module, line): `own` where the innermost expression stood, `total` where it was called from, too."""

    seconds: float = 0.0
    samples: int = 0
    own: Counter[Line] = field(default_factory=Counter)
    total: Counter[Line] = field(default_factory=Counter)
    sources: dict[str, list[str]] = field(default_factory=dict)

    def text(self) -> str:
        """A table: seconds in the line itself, seconds with what it calls, place, source; the costly lines first."""
        rows = [f"{self.seconds:.3f} s, {self.samples} samples", f"{'own s':>9}{'total s':>9}  line"]
        each = self.seconds / max(self.samples, 1)
        for line in sorted(self.total, key=lambda key: (-self.own[key], -self.total[key], key)):
            module, number = line
            source = self.sources.get(module, [])
            written = source[number - 1].strip() if number <= len(source) else ""
            rows.append(
                f"{self.own[line] * each:>9.3f}{self.total[line] * each:>9.3f}  {module}:{number}  {written[:80]}"
            )
        return "\n".join(rows)


def profiled(work: Callable[[], Any]) -> tuple[Any, Profile]:
    """Do some work that evaluates queries in whichever thread; its result and the profile of the queries."""
    profile = Profile()
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(profile, done), daemon=True, name="profiler")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(INTERVAL / 2)  # else the watcher would wait for its turn longer than between two looks
    begin = time.perf_counter()
    watcher.start()
    try:
        result = work()
    finally:
        done.set()
        sys.setswitchinterval(interval)
        watcher.join()
        profile.seconds = time.perf_counter() - begin
    return result, profile


def _watch(profile: Profile, done: threading.Event) -> None:
    own = threading.get_ident()
    while not done.wait(INTERVAL):
        for thread, frame in sys._current_frames().items():
            if thread != own:
                _sample(profile, frame)


def _sample(profile: Profile, frame: FrameType | None) -> None:
    """Count the lines of a thread's stack that belong to queries, each once."""
    seen: set[Line] = set()
    while frame is not None:
        generated = GENERATED.get(frame.f_code.co_filename)
        if generated is not None and (line := _line(profile, generated, frame)) is not None:
            if not seen:
                profile.samples += 1
                profile.own[line] += 1
            if line not in seen:
                seen.add(line)
                profile.total[line] += 1
        frame = frame.f_back


def _line(profile: Profile, generated: Generated, frame: FrameType) -> Line | None:
    """The line of the query that a frame of generated code is about."""
    place = generated.place_of(frame.f_code, frame.f_lasti, frame.f_lineno)
    table = None if place is None else generated.modules.get(place.module)
    if place is None or table is None:
        return None
    if table.uri not in profile.sources:
        profile.sources[table.uri] = table.source.split("\n")
    return table.uri, table.line_and_column(place.start)[0]
