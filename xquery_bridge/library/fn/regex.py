"""The functions of regular expressions (F&O 3.1, section 5.6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import regex

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.backtracking import WatchedPattern
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.library.fn.patterns import PatternError, translated
from xquery_bridge.library.fn.strings import WHITE_SPACE, words
from xquery_bridge.runtime.values import Value

_FLAGS: Final = frozenset("smixq")
#: A reference or an escape in a replacement string; anything else with "\\" or "$" is an error.
_REPLACEMENT: Final = re.compile(r"[^\\$]+|\\[\\$]|\$[0-9]+")


@lru_cache(maxsize=1024)
def compiled(pattern: str, flags: str) -> re.Pattern[str] | WatchedPattern:
    """The Python pattern of an XPath one. Raises FORX0001 for unknown flags, FORX0002 for a malformed pattern."""
    if not _FLAGS.issuperset(flags):
        raise XQueryError("FORX0001", f"Invalid regular expression flags {flags!r}: any of s, m, i, x, q expected")
    bits = re.IGNORECASE if "i" in flags else re.NOFLAG
    if "q" in flags:
        return re.compile(re.escape(pattern), bits)
    try:
        made = translated(without_white_space(pattern) if "x" in flags else pattern, flags)
        return WatchedPattern(made.text, bits) if made.explosive else re.compile(made.text, bits)
    except (re.error, regex.error, PatternError, OverflowError) as error:
        raise XQueryError("FORX0002", f"Invalid regular expression {pattern!r}: {error}") from None
    except RecursionError:
        raise XQueryError("FORX0002", "Invalid regular expression: too deeply nested") from None


def without_white_space(pattern: str) -> str:
    """A pattern as the flag x reads it: white space goes, except inside character classes."""
    kept, depth, escaped = [], 0, False
    for char in pattern:
        if not escaped:
            depth += (char == "[") - (char == "]" and depth > 0)
        if depth or char not in WHITE_SPACE:
            kept.append(char)
        escaped = char == "\\" and not escaped
    return "".join(kept)


def not_matching_nothing(pattern: str, flags: str) -> re.Pattern[str] | WatchedPattern:
    """A compiled pattern that must not match the empty string (FORX0003)."""
    found = compiled(pattern, flags)
    if found.search("") is not None:
        raise XQueryError("FORX0003", f"The regular expression {pattern!r} matches the empty string")
    return found


@FN.row("matches($input as xs:string?, $pattern as xs:string) as xs:boolean")
@FN.row("matches($input as xs:string?, $pattern as xs:string, $flags as xs:string) as xs:boolean")
def matches(text: str | None, pattern: str, flags: str = "") -> bool:
    """Whether some part of the string matches the pattern."""
    return compiled(pattern, flags).search(text or "") is not None


@FN.row("replace($input as xs:string?, $pattern as xs:string, $replacement as xs:string) as xs:string")
@FN.row(
    "replace($input as xs:string?, $pattern as xs:string, $replacement as xs:string, $flags as xs:string) as xs:string"
)
def replace(text: str | None, pattern: str, replacement: str, flags: str = "") -> str:
    """The string with each part that matches replaced; $N in the replacement is the N-th group, \\$ and \\\\ escape."""
    found = not_matching_nothing(pattern, flags)
    if "q" in flags or ("$" not in replacement and "\\" not in replacement):
        return found.sub(lambda match: replacement, text or "")
    return found.sub(_substitute(replacement, found.groups), text or "")


@lru_cache(maxsize=1024)
def _substitute(replacement: str, groups: int) -> Callable[[re.Match[str]], str]:
    """A function that writes a replacement string out for a match. Raises FORX0004 for a malformed one."""
    parts: list[str | int] = []
    at = 0
    while at < len(replacement):
        token = _REPLACEMENT.match(replacement, at)
        if token is None:
            raise XQueryError("FORX0004", f"Invalid replacement string {replacement!r}: \\\\, \\$ or $N expected")
        at = token.end()
        text = token.group()
        if text[0] == "$":
            # As many digits as make a group that exists belong to the reference; the others are literal.
            digits = len(text) - 1
            while digits > 1 and int(text[1 : digits + 1]) > groups:
                digits -= 1
            parts += [int(text[1 : digits + 1]), text[digits + 1 :]]
        else:
            parts.append(text[1:] if text[0] == "\\" else text)

    def write(match: re.Match[str]) -> str:
        return "".join(
            [part if isinstance(part, str) else (match.group(part) or "" if part <= groups else "") for part in parts]
        )

    return write


@FN.row("tokenize($input as xs:string?) as xs:string*")
def tokenize_white_space(text: str | None) -> Value:
    """The parts of a string between runs of white space."""
    return words(text or "")


@FN.row("tokenize($input as xs:string?, $pattern as xs:string) as xs:string*")
@FN.row("tokenize($input as xs:string?, $pattern as xs:string, $flags as xs:string) as xs:string*")
def tokenize(text: str | None, pattern: str, flags: str = "") -> Value:
    """The parts of a string between what matches the pattern."""
    found = not_matching_nothing(pattern, flags)
    if not text:
        return []
    if not found.groups:
        return found.split(text)
    parts, at = [], 0
    for match in found.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
    return [*parts, text[at:]]
