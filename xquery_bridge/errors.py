"""The one exception a query ends with, and the names its codes have in the W3C and the MarkLogic worlds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

ERR_NAMESPACE = "http://www.w3.org/2005/xqt-errors"

#: W3C code -> (MarkLogic code, MarkLogic's title); rest-eval.md section 6 and xquery-1.0-ml.md section 8.
MARKLOGIC_CODES: dict[str, tuple[str, str]] = {
    "XPST0003": ("XDMP-UNEXPECTED", "Unexpected token syntax error"),
    "XPST0008": ("XDMP-UNDVAR", "Undefined variable"),
    "XPST0017": ("XDMP-UNDFUN", "Undefined function"),
    "XPST0051": ("XDMP-UNDTYP", "Undefined type"),
    "XPST0081": ("XDMP-UNBPRFX", "Prefix has no namespace binding"),
    "XPST0080": ("XDMP-INVCASTTYPE", "Invalid target type for a cast"),
    "XQST0031": ("XDMP-XQUERYVERSION", "Unsupported XQuery version"),
    "XQST0033": ("XDMP-DUPNSDECL", "Duplicate namespace declaration"),
    "XQST0034": ("XDMP-DUPFUNDEF", "Duplicate function definition"),
    "XQST0039": ("XDMP-DUPPARAM", "Duplicate parameter name"),
    "XQST0049": ("XDMP-DUPVARDEF", "Duplicate variable definition"),
    "XQST0059": ("XDMP-MODNOTFOUND", "Module not found"),
    "XQST0009": ("XDMP-UNSUPPORTED", "Schema import is not supported"),
    "XQST0075": ("XDMP-UNSUPPORTED", "Schema validation is not supported"),
    "XPTY0004": ("XDMP-AS", "Invalid coercion"),
    "XPTY0018": ("XDMP-MIXEDPATH", "Path yields both nodes and atomic values"),
    "XPTY0019": ("XDMP-NOTANODE", "Path step applied to something that is not a node"),
    "XPTY0020": ("XDMP-NOTANODE", "Context item is not a node"),
    "XPDY0002": ("XDMP-CONTEXT", "Expression depends on the context where none is defined"),
    "XPDY0050": ("XDMP-TREAT", "Invalid treat as"),
    "XQDY0025": ("XDMP-DUPATTR", "Duplicate attribute name"),
    "XQTY0024": ("XDMP-CHILDNODEKIND", "Attribute node after other content"),
    "FOAR0001": ("XDMP-DIVBYZERO", "Division by zero"),
    "FOAR0002": ("XDMP-OVERFLOW", "Numeric overflow"),
    "FOCA0002": ("XDMP-LEXVAL", "Invalid lexical value"),
    "FOCH0002": ("XDMP-COLLATION", "Unsupported collation"),
    "FODC0002": ("XDMP-DOCNOTFOUND", "Document not found"),
    "FODC0004": ("XDMP-COLLECTIONNOTFOUND", "Collection not found"),
    "FODC0006": ("XDMP-DOCPARSE", "Not a well-formed document"),
    "FOER0000": ("XDMP-ERROR", "Error"),
    "FORG0001": ("XDMP-CAST", "Invalid cast"),
    "FORG0003": ("XDMP-ZEROORONE", "fn:zero-or-one called with more than one item"),
    "FORG0004": ("XDMP-ONEORMORE", "fn:one-or-more called with no item"),
    "FORG0005": ("XDMP-EXACTLYONE", "fn:exactly-one called with a wrong number of items"),
    "FORG0006": ("XDMP-ARGTYPE", "Invalid argument type"),
    "FORX0002": ("XDMP-REGEX", "Invalid regular expression"),
    "FOTY0012": ("XDMP-NOTYPEDVALUE", "Node has no typed value"),
    "FOTY0013": ("XDMP-ATOMIZEFUNC", "Functions cannot be atomized"),
    "FOJS0001": ("XDMP-JSONDOC", "Not a well-formed JSON text"),
}


#: MarkLogic code -> title: the catalogue that fn:error((), code, …) finds messages in.
MESSAGES: dict[str, str] = {
    **dict(MARKLOGIC_CODES.values()),
    "RESTAPI-INVALIDREQ": "Invalid request:",
    "RESTAPI-NODOCUMENT": "Resource or document does not exist: ",
    "SEC-PRIV": "Need privilege:",
    "XDMP-CONFLICTINGUPDATES": "Conflicting updates",
    "XDMP-DOCROOT": "Document has no single root",
    "XDMP-EXTIME": "Time limit exceeded",
    "XDMP-EXTVAR": "External variable has no value",
    "XDMP-JSONDOC": "Document is not JSON",
    "XDMP-NOSUCHDB": "No such database",
}


@dataclass(frozen=True, slots=True)
class ErrorName:
    """The expanded QName of an error; `prefix` is only for display."""

    uri: str
    local: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.prefix}:{self.local}" if self.prefix else self.local


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a query: one line of an error's stack. Line and column count from 1."""

    uri: str
    line: int
    column: int
    operation: str = ""
    dialect: str = "1.0-ml"


@dataclass(eq=False)
class XQueryError(Exception):
    """An XQuery error, static or dynamic.

    `name` is the error's QName (a bare string is a local name in the W3C error namespace), `title` the sentence
    that says what is wrong (MarkLogic's `error:message`), `expression` the source text concerned, `detail` what
    follows the title, `value` the error object of fn:error, `marklogic_code` the XDMP code (looked up when not given).
    """

    name: ErrorName
    title: str
    expression: str = ""
    detail: str = ""
    value: Sequence[Any] = ()
    marklogic_code: str = ""
    frames: list[Frame] = field(default_factory=list)
    catchable: bool = True

    def __init__(
        self,
        name: ErrorName | str,
        title: str = "",
        *,
        expression: str = "",
        detail: str = "",
        value: Sequence[Any] = (),
        marklogic_code: str = "",
        frames: Sequence[Frame] = (),
        catchable: bool = True,
    ) -> None:
        self.name = ErrorName(ERR_NAMESPACE, name, "err") if isinstance(name, str) else name
        known = MARKLOGIC_CODES.get(self.name.local) if self.name.uri == ERR_NAMESPACE else None
        self.title = title or (known[1] if known else self.name.local)
        self.expression = expression
        self.detail = detail
        self.value = value
        self.marklogic_code = marklogic_code or (known[0] if known else f"XDMP-{self.name.local}")
        self.frames = list(frames)
        self.catchable = catchable
        super().__init__(self.format_string)

    @property
    def code(self) -> str:
        """The error code as Clark notation outside the W3C error namespace, as a local name inside it."""
        return self.name.local if self.name.uri == ERR_NAMESPACE else f"{{{self.name.uri}}}{self.name.local}"

    @property
    def format_string(self) -> str:
        """MarkLogic's message: `CODE: (err:NAME) [expression --] title [detail]` (rest-eval.md, section 6)."""
        before = f"{self.expression} -- " if self.expression else ""
        after = f" {self.detail}" if self.detail else ""
        return f"{self.marklogic_code}: ({self.name}) {before}{self.title}{after}"

    def __str__(self) -> str:
        return self.format_string

    def __reduce__(self) -> tuple[Any, ...]:
        state = {
            "expression": self.expression,
            "detail": self.detail,
            "marklogic_code": self.marklogic_code,
            "frames": self.frames,
            "catchable": self.catchable,
        }
        return (_rebuild, (self.name, self.title, state))


def _rebuild(name: ErrorName, title: str, state: dict[str, Any]) -> XQueryError:
    """Unpickle an error; its error object stays behind, since items do not travel between processes."""
    return XQueryError(name, title, **state)


class NotSupportedYet(XQueryError):
    """A construct that parses and is not evaluated yet; `construct` is its name in the grammar."""

    def __init__(self, construct: str) -> None:
        super().__init__("XPST0003", f"{construct} is not supported yet", marklogic_code="XDMP-NOTSUPPORTED")
        self.construct = construct

    def __reduce__(self) -> tuple[Any, ...]:
        return (NotSupportedYet, (self.construct,))
