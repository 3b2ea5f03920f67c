"""fn:analyze-string: what of a string matches a pattern, as XML (F&O 3.1, section 5.6.5)."""

from __future__ import annotations

import re
from functools import lru_cache

from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.library.fn.regex import not_matching_nothing
from xquery_bridge.runtime.node_builder import NodeBuilder
from xquery_bridge.runtime.nodes import ElementNode

_ELEMENT = "analyze-string-result"


@FN.row(
    "analyze-string($input as xs:string?, $pattern as xs:string) as element(fn:analyze-string-result)",
    deterministic=False,
)
@FN.row(
    "analyze-string($input as xs:string?, $pattern as xs:string, $flags as xs:string)"
    " as element(fn:analyze-string-result)",
    deterministic=False,
)
def analyze_string(text: str | None, pattern: str, flags: str = "") -> ElementNode:
    """An element with the parts of the string in order: fn:match, with fn:group for each group, and fn:non-match."""
    text = text or ""
    found = not_matching_nothing(pattern, flags)
    nesting = _nesting(found.pattern)
    builder = NodeBuilder(document=False)
    builder.start(f"fn:{_ELEMENT}", FN.uri)
    at = 0
    for match in found.finditer(text):
        if match.start() > at:
            builder.element("fn:non-match", text[at : match.start()], FN.uri)
        builder.start("fn:match", FN.uri)
        _groups(builder, match, nesting, 0, text)
        builder.end()
        at = match.end()
    if at < len(text):
        builder.element("fn:non-match", text[at:], FN.uri)
    builder.end()
    made: ElementNode = builder.result()
    return made


def _groups(
    builder: NodeBuilder, match: re.Match[str], nesting: tuple[tuple[int, ...], ...], parent: int, text: str
) -> None:
    """The text of a group with the groups inside it, but for what a repeated group left from an earlier turn."""
    at, end = match.span(parent)
    for number in nesting[parent]:
        begin, stop = match.span(number)
        if begin < at or stop > end:
            continue
        builder.text(text[at:begin])
        builder.start("fn:group", FN.uri)
        builder.attribute("nr", str(number))
        _groups(builder, match, nesting, number, text)
        builder.end()
        at = stop
    builder.text(text[at:end])


@lru_cache(maxsize=256)
def _nesting(pattern: str) -> tuple[tuple[int, ...], ...]:
    """For each group of a Python pattern (0: the whole) the numbers of the groups directly inside it."""
    inside: list[list[int]] = [[]]
    open_groups: list[int] = [0]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _class_end(pattern, at)
        elif char == "(":
            if pattern[at + 1 : at + 2] == "?":
                open_groups.append(open_groups[-1])
                if pattern[at + 2] == "(":  # the number of a group, in a condition
                    at = pattern.index(")", at)
            else:
                number = len(inside)
                inside[open_groups[-1]].append(number)
                inside.append([])
                open_groups.append(number)
        elif char == ")":
            open_groups.pop()
        at += 1
    return tuple(map(tuple, inside))


def _class_end(pattern: str, at: int) -> int:
    """The index of the bracket that closes a character class."""
    at += 1 + (pattern[at + 1 : at + 2] == "^")
    at += pattern[at : at + 1] == "]"
    while pattern[at] != "]":
        at += 1 + (pattern[at] == "\\")
    return at
