"""Patterns on which Python's own engine may backtrack for ages: the package regex runs them and watches the clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import regex

from xquery_bridge.runtime.deadline import remaining, time_is_up


class WatchedPattern:
    """Offers of `re.Pattern` what the functions of regular expressions use, within the time limit of the query.

    Raises XDMP-EXTIME when the time is up.
    """

    def __init__(self, pattern: str, flags: re.RegexFlag) -> None:
        ignore_case = regex.IGNORECASE if flags & re.IGNORECASE else 0
        self._compiled: Any = regex.compile(pattern, regex.VERSION0 | ignore_case)
        self.pattern = pattern
        self.groups: int = self._compiled.groups

    def _timed(self, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return call(*args, timeout=remaining())
        except TimeoutError:
            raise time_is_up() from None

    def search(self, text: str) -> Any:
        """The first match, or None."""
        return self._timed(self._compiled.search, text)

    def sub(self, replacement: Any, text: str) -> str:
        """The text with every match replaced."""
        result: str = self._timed(self._compiled.sub, replacement, text)
        return result

    def split(self, text: str) -> list[Any]:
        """The text between the matches, and their groups."""
        result: list[Any] = self._timed(self._compiled.split, text)
        return result

    def finditer(self, text: str) -> Iterator[Any]:
        """The matches one after another."""
        found = self._timed(self._compiled.finditer, text)
        while (match := self._timed_next(found)) is not None:
            yield match

    @staticmethod
    def _timed_next(found: Iterator[Any]) -> Any:
        try:
            return next(found, None)
        except TimeoutError:
            raise time_is_up() from None
