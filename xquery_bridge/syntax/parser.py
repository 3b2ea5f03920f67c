"""The one door of this room: a source text becomes a tree."""

from __future__ import annotations

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.characters import NOT_XML
from xquery_bridge.syntax.prolog import PrologParser


class Parser(PrologParser):
    """A recursive-descent parser of XQuery 3.1 and 1.0-ml."""


def parse_query(source: str, dialect: str = "1.0-ml", *, uri: str = "/eval") -> tree.Query:
    """The tree of a query or library module.

    `dialect` ("1.0-ml", "1.0" or "3.1") holds until a version declaration says otherwise; `uri` names the module in
    errors. Raises XQueryError with line and column: XPST0003 for syntax errors; XQST0031, XQST0087 (version
    declaration), XQST0090 (character references), XQST0118 (end tags), XQST0022 (namespace declarations).
    """
    parser = Parser(source, dialect, uri)
    bad = NOT_XML.search(source)
    if bad is not None:
        parser.error(f"unexpected character U+{ord(bad[0]):04X}, expecting a character of XML", bad.start())
    try:
        parser.advance()
        return parser.query()
    except RecursionError:
        raise parser.too_deep() from None
