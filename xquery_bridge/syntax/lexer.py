"""Tokens on demand: the parser holds one token, and may go on from any place in the source.

No word is reserved here; what a name means is decided by the grammar and the token that follows. Constructors, string
constructors and pragmas have lexical rules of their own: the parser reads them from the source and then resumes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from xquery_bridge.errors import Frame, XQueryError
from xquery_bridge.syntax import tree
from xquery_bridge.syntax.characters import (
    HTML_ENTITIES,
    NAME_START,
    NCNAME,
    REFERENCE,
    SPACE,
    XML_ENTITIES,
    character,
    normalize_lines,
)

_T = TypeVar("_T")

#: How deeply expressions, types and elements may be nested in each other.
NESTING_LIMIT: Final = 12_000

_TOKEN: Final = re.compile(
    rf"""{SPACE}*+(?:
      (?P<comment>\(:)
    | (?P<braced>Q\{{[^{{}}]*\}}(?:{NCNAME}|\*))
    | (?P<name>{NCNAME}(?::{NCNAME}|(?!:\*)))
    | (?P<wildcard>{NCNAME}:\*|\*:{NCNAME})
    | (?P<string>"[^"]*+(?:""[^"]*+)*+"|'[^']*+(?:''[^']*+)*+')
    | (?P<double>(?:\.[0-9]++|[0-9]++(?:\.[0-9]*+)?+)[eE][+-]?[0-9]++)
    | (?P<decimal>\.[0-9]++|[0-9]++\.[0-9]*+)
    | (?P<integer>[0-9]++)
    | (?P<symbol>``\[|:=|::|\.\.|//|<<|<=|>>|>=|!=|=>|\|\||\(\#|[-+*,;()\[\]{{}}?@$%\#/<>=!|.:])
    | (?P<end>\Z)
    | (?P<bad>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
#: Always a match: the last alternative takes any character.
_next: Final[Callable[[str, int], re.Match[str]]] = _TOKEN.match  # type: ignore[assignment]
_COMMENT_EDGE: Final = re.compile(r"\(:|:\)")


class Lexer:
    """The current token (`kind`, `text`, from `start` to `end`) and `last`, where the token before it ended."""

    def __init__(self, source: str, dialect: str, uri: str) -> None:
        self.source, self.dialect, self.uri = source, dialect, uri
        self.enhanced = dialect == "1.0-ml"
        self.kind = self.text = ""
        self.start = self.end = self.last = 0
        self.depth = 0

    # ------------------------------------------------------------------------------------------------------- tokens

    def advance(self) -> None:
        """Go to the next token."""
        end = self.last = self.end
        match = _next(self.source, end)
        kind = match.lastgroup or ""
        if kind == "comment":
            match = self._scan(end)
            kind = match.lastgroup or ""
        self.kind, self.text = kind, match[kind]
        self.start, self.end = match.span(kind)

    def resume(self, position: int) -> None:
        """Go on with the token at a place in the source."""
        self.end = position
        self.advance()

    def peek(self) -> str:
        """The text of the token after the current one."""
        match = self._scan(self.end)
        return match[match.lastgroup or ""]

    def peek_two(self) -> tuple[str, str, str]:
        """The kind and text of the token after the current one, and the text of the one after that."""
        first = self._scan(self.end)
        second = self._scan(first.end())
        kind = first.lastgroup or ""
        return kind, first[kind], second[second.lastgroup or ""]

    def _scan(self, position: int) -> re.Match[str]:
        """The match of the token after a position, past comments."""
        match = _next(self.source, position)
        while match.lastgroup == "comment":
            match = _next(self.source, self._after_comment(match.start("comment")))
        return match

    def _after_comment(self, start: int) -> int:
        position, depth = start, 0
        while True:
            edge = _COMMENT_EDGE.search(self.source, position)
            if edge is None:
                self.error("unexpected $end in a comment, expecting :)", start)
            depth += 1 if edge[0] == "(:" else -1
            position = edge.end()
            if depth == 0:
                return position

    def accept(self, text: str) -> bool:
        """Go past a symbol or word if it is the current token."""
        if self.text != text:
            return False
        self.advance()
        return True

    def expect(self, text: str) -> None:
        """Go past a symbol or word that must be there."""
        if self.text != text:
            self.unexpected(text)
        self.advance()

    def separated(self, production: Callable[[], _T], mark: str = ",") -> list[_T]:
        """One or more of a production, with a mark between them."""
        made = [production()]
        while self.text == mark:
            self.advance()
            made.append(production())
        return made

    # ------------------------------------------------------------------------------------------------------- errors

    def unexpected(self, expecting: str) -> NoReturn:
        """Raise XPST0003 about the current token."""
        came = self.text if len(self.text) <= 40 else self.text[:37] + "..."
        if self.kind == "end":
            came = "$end"
        elif self.kind == "bad" and came in "\"'":
            came = "string literal without its end"
        self.error(f"unexpected {came}, expecting {expecting}", self.start)

    def error(self, what: str, position: int) -> NoReturn:
        """Raise XPST0003 for a place in the source."""
        raise self.failure("XPST0003", f"Unexpected token syntax error, {what}", position)

    def failure(self, code: str, title: str, position: int) -> XQueryError:
        """A static error with its place."""
        line = self.source.count("\n", 0, position) + 1
        column = position - self.source.rfind("\n", 0, position)
        frame = Frame(self.uri, line, column, "", self.dialect)
        return XQueryError(code, title, frames=[frame])

    def enter(self) -> None:
        """Count one level of nesting; the caller takes it off again."""
        self.depth += 1
        if self.depth > NESTING_LIMIT:
            raise self.too_deep()

    def too_deep(self) -> XQueryError:
        made = self.failure("XPST0003", f"The query is nested too deeply (over {NESTING_LIMIT} levels)", self.start)
        made.marklogic_code = "XDMP-NESTING"
        return made

    # ---------------------------------------------------------------------------------------------------- terminals

    def name(self, expecting: str = "a name") -> tree.Name:
        """EQName."""
        if self.kind != "name" and (self.kind != "braced" or self.text[-1] == "*"):
            self.unexpected(expecting)
        made = self.name_of(self.text, self.start)
        self.advance()
        return made

    def name_of(self, text: str, position: int) -> tree.Name:
        """The name that a text writes: local, p:local or Q{uri}local."""
        if "{" in text:
            close = text.index("}")
            return tree.Name(text[close + 1 :], "", self.resolved(text[2:close], position))
        prefix, colon, local = text.partition(":")
        return tree.Name(local, prefix) if colon else tree.Name(text)

    def ncname(self, expecting: str = "a name without a prefix") -> str:
        """NCName."""
        text = self.text
        if self.kind != "name" or ":" in text:
            self.unexpected(expecting)
        self.advance()
        return text

    def variable(self) -> tree.Name:
        """`$` and the name of a variable."""
        self.expect("$")
        return self.name("the name of a variable")

    def string(self, expecting: str = "a string literal") -> str:
        """StringLiteral or URILiteral."""
        if self.kind != "string":
            self.unexpected(expecting)
        text = self.text
        quote = text[0]
        value = text[1:-1]
        if quote in value:
            value = value.replace(quote * 2, quote)
        if "&" in value or "\r" in value:
            value = self.resolved(value, self.start)
        self.advance()
        return value

    def literal(self) -> tree.LiteralExpr:
        """Literal."""
        start, kind, text = self.start, self.kind, self.text
        if kind == "string":
            value = self.string()
            return tree.LiteralExpr(kind="string", value=value, start=start, end=self.last)
        if kind in {"integer", "decimal", "double"}:
            if not self.enhanced and NAME_START.match(self.source, self.end):
                self.error(f"unexpected letter after the number {text}, expecting a blank", self.end)
            self.advance()
            return tree.LiteralExpr(kind=kind, value=text, start=start, end=self.last)  # type: ignore[arg-type]
        self.unexpected("a literal")

    def resolved(self, text: str, position: int) -> str:
        """Text with its references and line ends resolved; `position` is for errors."""
        text = normalize_lines(text)
        if "&" not in text:
            return text
        return REFERENCE.sub(lambda match: self.referred(match, position), text)

    def referred(self, match: re.Match[str], position: int) -> str:
        """What a reference stands for. Raises XQST0090 for a character that XML does not have, else XPST0003."""
        decimal, hexadecimal, entity = match.groups()
        if entity is not None:
            found = (HTML_ENTITIES if self.enhanced else XML_ENTITIES).get(entity)
            if found is None:
                self.error(f"unexpected {match[0]}, expecting a known entity", position)
            return found
        if decimal is None and hexadecimal is None:
            self.error("unexpected &, expecting a reference such as &amp;", position)
        digits, base = (decimal, 10) if decimal is not None else (hexadecimal, 16)
        digits = digits.lstrip("0")
        found = character(int(digits or "0", base)) if len(digits) < 9 else None
        if found is None:
            raise self.failure("XQST0090", f"{match[0]} is no character of XML", position)
        return found
