"""Writing Python source: lines, blocks, temporary names, and marks that lead from generated code back to the query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

#: Blocks of one generated function may nest this deep; CPython allows 20.
MAX_NESTING: Final = 13
#: Parentheses of one generated expression may nest this deep; CPython allows 200.
MAX_DEPTH: Final = 30

#: Marks in a generated line: \x01PLACE\x02 … \x03 surround the code for one expression of the query.
_MARK: Final = re.compile("\x01([0-9]+)\x02|\x03")


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression.

    `form` is what its value is known to be: "item" (a bare item), "list" (a list or range), "any" (either).
    `depth` counts nested parentheses; a `stable` expression is a name or a constant: it can be written twice.
    """

    text: str
    form: str = "any"
    depth: int = 0
    stable: bool = False


@dataclass(slots=True)
class Block:
    """Generated lines with their relative indentation."""

    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the query: the module's name and the offsets of the expression.

    `shown` is what an error shows in place of the expression: `$name as type` for the argument of a parameter.
    """

    module: str
    start: int
    end: int
    shown: str = ""


class Source:
    """The finished Python source, and the places in the query its lines and columns come from.

    It lives as long as the program: places are kept as tuples of numbers and text, which the garbage collector lets be.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        #: the fields of each Place
        self._places: list[tuple[str, int, int, str]] = []
        #: Python line -> (first column, last column, index into places) …, inner ones behind outer ones
        self._spans: dict[int, tuple[tuple[int, int, int], ...]] = {}

    def add_place(self, place: Place) -> int:
        """The index of a place, for marks."""
        self._places.append((place.module, place.start, place.end, place.shown))
        return len(self._places) - 1

    def add(self, indent: int, marked: str) -> None:
        """Add a line, taking its marks out."""
        prefix = " " * (4 * indent)
        if "\x01" not in marked:
            self.lines.append(prefix + marked)
            return
        parts: list[str] = [prefix]
        column, at = len(prefix), 0
        open_marks: list[tuple[int, int]] = []
        spans: list[tuple[int, int, int]] = []
        for found in _MARK.finditer(marked):
            piece = marked[at : found.start()]
            parts.append(piece)
            column += len(piece)
            at = found.end()
            if found[1] is not None:
                open_marks.append((column, int(found[1])))
            else:
                begin, place = open_marks.pop()
                spans.append((begin, column, place))
        parts.append(marked[at:])
        self.lines.append("".join(parts))
        self._spans[len(self.lines)] = tuple(spans)

    def place(self, line: int, column: int | None, end_column: int | None) -> Place | None:
        """The innermost expression whose code surrounds these columns of a line."""
        best: tuple[int, int] | None = None
        for begin, end, place in self._spans.get(line, ()):
            inside = column is None or (begin <= column and (end_column is None or end_column <= end))
            if inside and (best is None or end - begin < best[0]):
                best = (end - begin, place)
        return Place(*self._places[best[1]]) if best is not None else None

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


class FunctionWriter:
    """The lines of one generated function, while it is being written."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.indent = 1
        #: blocks open in this function
        self.nesting = 0
        #: whether a `continue` would go on with a loop that the clauses being written have opened
        self.loops = 0

    def line(self, text: str) -> None:
        self.lines.append((self.indent, text))

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """An indented block below a line such as `for x in y:`."""
        self.line(head)
        self.indent += 1
        self.nesting += 1
        before = len(self.lines)
        try:
            yield
        finally:
            if len(self.lines) == before:
                self.line("pass")
            self.indent -= 1
            self.nesting -= 1

    @contextmanager
    def capture(self, levels: int = 0) -> Iterator[Block]:
        """Collect the lines written meanwhile, to be placed later by `paste`, at least `levels` blocks deeper."""
        outer, indent = self.lines, self.indent
        block = Block()
        self.lines, self.indent = block.lines, 0
        self.nesting += levels
        try:
            yield block
        finally:
            self.lines, self.indent = outer, indent
            self.nesting -= levels

    def paste(self, block: Block) -> None:
        for indent, text in block.lines:
            self.lines.append((self.indent + indent, text))
