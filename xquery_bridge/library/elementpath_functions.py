"""The functions that elementpath computes for us, and why the other standard functions are computed here.

A row of `SERVED_FN` or `SERVED_MATH` has no body of ours: its implementation is a `LibraryFunction`, which makes one of
elementpath's tokens, hands it the converted arguments and evaluates it. A token is made for each call, since tokens
hold state: a recursive query, a closure and another thread never meet the arguments of a call. Nothing is parsed, and
no function that compares by a collation is served: elementpath's collations set the locale of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from elementpath import ElementPathError, XPathContext
from elementpath.xpath31 import XPath31Parser
from elementpath.xpath_tokens import ValueToken, XPathFunction

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.library.fn.nodes import context_node
from xquery_bridge.library.math import MATH
from xquery_bridge.registry import Table
from xquery_bridge.runtime.context import CODEPOINT
from xquery_bridge.runtime.values import Value, from_library

#: signature, summary; without an argument, a function of a node means the context node.
SERVED_FN: Final[tuple[tuple[str, str], ...]] = (
    ("encode-for-uri($uri-part as xs:string?) as xs:string", "All but the unreserved characters of RFC 3986 escaped."),
    ("iri-to-uri($iri as xs:string?) as xs:string", "What a URI cannot hold escaped; what is escaped already stays."),
    ("escape-html-uri($uri as xs:string?) as xs:string", "What is not printable ASCII escaped."),
    ("prefix-from-QName($arg as xs:QName?) as xs:NCName?", "The prefix, nothing when there is none."),
    ("local-name-from-QName($arg as xs:QName?) as xs:NCName?", "The local part."),
    ("namespace-uri-from-QName($arg as xs:QName?) as xs:anyURI?", "The namespace URI, '' when there is none."),
    ("years-from-duration($arg as xs:duration?) as xs:integer?", "The years of a duration."),
    ("months-from-duration($arg as xs:duration?) as xs:integer?", "The months that do not fill a year."),
    ("days-from-duration($arg as xs:duration?) as xs:integer?", "The days of a duration."),
    ("hours-from-duration($arg as xs:duration?) as xs:integer?", "The hours that do not fill a day."),
    ("minutes-from-duration($arg as xs:duration?) as xs:integer?", "The minutes that do not fill an hour."),
    ("seconds-from-duration($arg as xs:duration?) as xs:decimal?", "The seconds that do not fill a minute."),
    ("month-from-dateTime($arg as xs:dateTime?) as xs:integer?", "The month of a dateTime."),
    ("day-from-dateTime($arg as xs:dateTime?) as xs:integer?", "The day of a dateTime."),
    ("hours-from-dateTime($arg as xs:dateTime?) as xs:integer?", "The hour of a dateTime."),
    ("minutes-from-dateTime($arg as xs:dateTime?) as xs:integer?", "The minute of a dateTime."),
    ("timezone-from-dateTime($arg as xs:dateTime?) as xs:dayTimeDuration?", "The timezone of a dateTime, if any."),
    ("month-from-date($arg as xs:date?) as xs:integer?", "The month of a date."),
    ("day-from-date($arg as xs:date?) as xs:integer?", "The day of a date."),
    ("hours-from-time($arg as xs:time?) as xs:integer?", "The hour of a time."),
    ("minutes-from-time($arg as xs:time?) as xs:integer?", "The minute of a time."),
    ("seconds-from-time($arg as xs:time?) as xs:decimal?", "The second of a time, with its fraction."),
    ("timezone-from-time($arg as xs:time?) as xs:dayTimeDuration?", "The timezone of a time, if any."),
    (
        "dateTime($arg1 as xs:date?, $arg2 as xs:time?) as xs:dateTime?",
        "Both together; FORG0008 when their timezones differ.",
    ),
    ("nilled() as xs:boolean?", "fn:nilled of the context node."),
    ("nilled($arg as node()?) as xs:boolean?", "Whether an element is nilled: never, as nothing is validated."),
    ("document-uri() as xs:anyURI?", "fn:document-uri of the context node."),
    ("document-uri($arg as node()?) as xs:anyURI?", "The URI that a document was read from."),
)
SERVED_MATH: Final[tuple[tuple[str, str], ...]] = (
    ("tan($arg as xs:double?) as xs:double?", "The tangent of an angle in radians."),
    ("asin($arg as xs:double?) as xs:double?", "The arc sine in radians; NaN outside -1 to 1."),
    ("acos($arg as xs:double?) as xs:double?", "The arc cosine in radians; NaN outside -1 to 1."),
    ("atan($arg as xs:double?) as xs:double?", "The arc tangent in radians."),
    ("atan2($y as xs:double, $x as xs:double) as xs:double", "The angle of the point (x, y), from minus pi to pi."),
)

#: Why a standard function is not served by elementpath (version 5.1): reason, a word first -> names. A test
#: holds the list whole.
NATIVE: Final[Mapping[str, str]] = {
    "hot, called for every item of a query": """
        fn:abs fn:boolean fn:codepoint-equal fn:codepoints-to-string fn:concat fn:count fn:data fn:empty
        fn:exactly-one fn:exists fn:false fn:generate-id fn:has-children fn:head fn:insert-before fn:last
        fn:local-name fn:lower-case fn:matches fn:name fn:namespace-uri fn:node-name fn:not fn:number fn:one-or-more
        fn:position fn:remove fn:replace fn:reverse fn:root fn:string fn:string-join fn:string-length
        fn:string-to-codepoints fn:substring fn:sum fn:tail fn:tokenize fn:true fn:unordered fn:upper-case
        fn:zero-or-one math:cos math:pi math:sin math:sqrt""",
    "collation, elementpath's hold a lock of the process and set its locale": """
        fn:collation-key fn:compare fn:contains fn:contains-token fn:deep-equal fn:distinct-values fn:ends-with
        fn:index-of fn:max fn:min fn:sort fn:starts-with fn:substring-after fn:substring-before""",
    "context, what it reads belongs to our run or module": """
        fn:available-environment-variables fn:base-uri fn:collection fn:current-date fn:current-dateTime fn:current-time
        fn:default-collation fn:default-language fn:doc fn:doc-available fn:environment-variable fn:implicit-timezone
        fn:in-scope-prefixes fn:json-doc fn:lang fn:load-xquery-module fn:namespace-uri-for-prefix
        fn:random-number-generator fn:resolve-uri fn:static-base-uri fn:transform fn:unparsed-text
        fn:unparsed-text-available fn:unparsed-text-lines fn:uri-collection""",
    "items, it takes or makes nodes, maps or functions of ours": """
        fn:analyze-string fn:apply fn:element-with-id fn:error fn:filter fn:fold-left fn:fold-right fn:for-each
        fn:for-each-pair fn:function-arity fn:function-lookup fn:function-name fn:id fn:idref fn:innermost
        fn:json-to-xml fn:outermost fn:parse-json fn:parse-xml fn:parse-xml-fragment fn:path fn:serialize fn:trace
        fn:xml-to-json""",
    "years before 1, they come out wrong or not at all": """
        fn:adjust-date-to-timezone fn:adjust-dateTime-to-timezone fn:timezone-from-date fn:year-from-date
        fn:year-from-dateTime""",
    "empty, the timezone is refused where there is nothing to adjust": "fn:adjust-time-to-timezone",
    "fractions of a second, they lose their leading zeros": "fn:seconds-from-dateTime",
    "rounding, it loses digits, types or the sign of zero": """
        fn:avg fn:ceiling fn:floor fn:round fn:round-half-to-even""",
    "range, a large or negative operand ends in a Python exception": """
        fn:subsequence math:exp math:exp10 math:log math:log10 math:pow""",
    "characters, names beyond the basic plane are refused": "fn:QName fn:resolve-QName",
    "spaces, also those are dropped that XML does not count as white space": "fn:normalize-space",
    "repeats, a character is mapped as the last time it is named": "fn:translate",
    "forms, an unknown one is accepted for the empty string": "fn:normalize-unicode",
    "grammar, other texts are accepted than the specification says": "fn:parse-ietf-date",
    "pictures, their languages are incomplete": """
        fn:format-date fn:format-dateTime fn:format-integer fn:format-number fn:format-time""",
}


class FunctionTokens(XPath31Parser):
    """elementpath's parser as the holder of its function tokens: a class of ours, whose tables no one else changes."""


@lru_cache(maxsize=1)
def _tokens() -> FunctionTokens:
    # Without a named collation elementpath would ask the process for its locale.
    return FunctionTokens(default_collation=CODEPOINT, xsd_version="1.1")


class LibraryFunction:
    """A function of elementpath as an implementation of a row: converted arguments in, a Value out.

    `of_node` gives the call a context whose item is the node, which elementpath asks for in functions of nodes.
    """

    def __init__(self, uri: str, local: str, arity: int, summary: str = "", *, of_node: bool = False) -> None:
        self.__doc__ = summary
        self._parser = _tokens()
        symbols = self._parser.symbol_table
        # Where several namespaces have the name, it stands for a proxy, and the functions have expanded names.
        token = symbols.get(f"{{{uri}}}{local}") or symbols[local]
        if not issubclass(token, XPathFunction):
            raise ValueError(f"elementpath has no function {local}")
        self._token: type[XPathFunction] = token
        self._arity = arity
        self._of_node = of_node

    def __call__(self, *arguments: Any) -> Value:
        """Evaluate a new token. Raises XQueryError with the code of elementpath's error."""
        parser = self._parser
        token = self._token(parser, self._arity)
        # The tokens of xs:dateTime and fn:dateTime are the same; this says which.
        token.label = "function"
        token._items = [ValueToken(parser, value=[] if argument is None else argument) for argument in arguments]
        context = None
        if self._of_node:
            (node,) = arguments
            if node is None:
                return []
            context = XPathContext(item=node)
        try:
            return from_library(token.evaluate(context))
        except ElementPathError as error:
            raise _converted(error) from None


class OfContextNode:
    """A served function of one node, called without an argument: the node is the context item."""

    def __init__(self, function: LibraryFunction, summary: str) -> None:
        self.__doc__ = summary
        self.function = function

    def __call__(self, item: Any) -> Value:
        """Raises XPTY0004 when the context item is no node."""
        return self.function(context_node(item))


def _converted(error: ElementPathError) -> XQueryError:
    """An XQueryError of the same code and sentence; FOER0000 for an error without a code."""
    return XQueryError((error.code or "FOER0000").rpartition(":")[2], error.message)


def _serve(table: Table, signature: str, summary: str) -> None:
    local, _, parameters = signature.partition("(")
    arity = parameters.count("$")
    if arity == 0:
        function = OfContextNode(LibraryFunction(table.uri, local, 1, of_node=True), summary)
        table.add(signature, function, needs="item", served_by="elementpath")
    else:
        of_node = "as node()" in parameters
        library_function = LibraryFunction(table.uri, local, arity, summary, of_node=of_node)
        table.add(signature, library_function, served_by="elementpath")


for _signature, _summary in SERVED_FN:
    _serve(FN, _signature, _summary)
for _signature, _summary in SERVED_MATH:
    _serve(MATH, _signature, _summary)
