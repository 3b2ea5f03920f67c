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
    "XQST0022": ("XDMP-NSDECLVALUE", "Namespace declaration with an enclosed expression"),
    "XQST0032": ("XDMP-DUPBASEURI", "Duplicate base URI declaration"),
    "XQST0038": ("XDMP-COLLATION", "Unsupported collation"),
    "XQST0040": ("XDMP-DUPATTR", "Duplicate attribute name"),
    "XQST0045": ("XDMP-RESERVEDNS", "Reserved namespace"),
    "XQST0047": ("XDMP-DUPIMPORT", "Duplicate module import"),
    "XQST0048": ("XDMP-MODULENS", "Declaration outside the namespace of its module"),
    "XQST0052": ("XDMP-UNDSIMTYP", "Undefined simple type"),
    "XQST0055": ("XDMP-DUPCOPYNS", "Duplicate copy-namespaces declaration"),
    "XQST0057": ("XDMP-SCHEMANS", "Schema prefix without a namespace"),
    "XQST0060": ("XDMP-FUNNS", "Function in no namespace"),
    "XQST0065": ("XDMP-DUPORDERING", "Duplicate ordering mode declaration"),
    "XQST0066": ("XDMP-DUPDEFAULTNS", "Duplicate default namespace declaration"),
    "XQST0067": ("XDMP-DUPCONSTRUCTION", "Duplicate construction declaration"),
    "XQST0068": ("XDMP-DUPBOUNDARYSPACE", "Duplicate boundary-space declaration"),
    "XQST0069": ("XDMP-DUPEMPTYORDER", "Duplicate empty order declaration"),
    "XQST0070": ("XDMP-RESERVEDPRFX", "Reserved prefix or namespace"),
    "XQST0071": ("XDMP-DUPNSDECL", "Duplicate namespace declaration"),
    "XQST0076": ("XDMP-COLLATION", "Unsupported collation"),
    "XQST0079": ("XDMP-NOPRAGMA", "No known pragma and no expression"),
    "XQST0085": ("XDMP-UNDECLAREPRFX", "Prefixes cannot be undeclared"),
    "XQST0087": ("XDMP-ENCODING", "Invalid encoding in a version declaration"),
    "XQST0088": ("XDMP-EMPTYNS", "Module without a namespace"),
    "XQST0089": ("XDMP-DUPPOSVAR", "Variable and positional variable of one name"),
    "XQST0090": ("XDMP-CHARREF", "Character reference to no XML character"),
    "XQST0094": ("XDMP-GROUPVAR", "Unbound grouping variable"),
    "XQST0097": ("XDMP-DECIMALFORMAT", "Invalid property of a decimal format"),
    "XQST0098": ("XDMP-DECIMALFORMAT", "Ambiguous decimal format"),
    "XQST0099": ("XDMP-DUPCONTEXTITEM", "Duplicate context item declaration"),
    "XQST0103": ("XDMP-DUPWINDOWVAR", "Duplicate variable in a window clause"),
    "XQST0106": ("XDMP-DUPANNOTATION", "Contradicting function annotations"),
    "XQST0108": ("XDMP-OUTPUTOPTION", "Output option in a library module"),
    "XQST0109": ("XDMP-OUTPUTOPTION", "Unknown output option"),
    "XQST0110": ("XDMP-OUTPUTOPTION", "Duplicate output option"),
    "XQST0111": ("XDMP-DECIMALFORMAT", "Duplicate decimal format"),
    "XQST0113": ("XDMP-CONTEXTITEM", "Value for the context item in a library module"),
    "XQST0114": ("XDMP-DECIMALFORMAT", "Duplicate property of a decimal format"),
    "XQST0116": ("XDMP-DUPANNOTATION", "Contradicting variable annotations"),
    "XQST0118": ("XDMP-ENDTAG", "End tag does not match the start tag"),
    "XQST0119": ("XDMP-OUTPUTOPTION", "Serialization parameters not found"),
    "XQST0125": ("XDMP-ANNOTATION", "Invalid annotation of an inline function"),
    "XQST0134": ("XDMP-NAMESPACEAXIS", "Namespace axis is not supported"),
    "XPTY0004": ("XDMP-AS", "Invalid coercion"),
    "XPTY0018": ("XDMP-MIXEDPATH", "Path yields both nodes and atomic values"),
    "XPTY0019": ("XDMP-NOTANODE", "Path step applied to something that is not a node"),
    "XPTY0020": ("XDMP-NOTANODE", "Context item is not a node"),
    "XPDY0002": ("XDMP-CONTEXT", "Expression depends on the context where none is defined"),
    "XPDY0050": ("XDMP-TREAT", "Invalid treat as"),
    "XQDY0025": ("XDMP-DUPATTR", "Duplicate attribute name"),
    "XQTY0024": ("XDMP-CHILDNODEKIND", "Attribute node after other content"),
    "XPTY0117": ("XDMP-NAMESPACESENSITIVE", "Untyped value for a namespace-sensitive type"),
    "XQDY0026": ("XDMP-PICONTENT", "Invalid content of a processing instruction"),
    "XQDY0041": ("XDMP-PINAME", "Invalid name of a processing instruction"),
    "XQDY0044": ("XDMP-ATTRNAME", "Invalid name of an attribute"),
    "XQDY0054": ("XDMP-CIRCULARVAR", "Variable depends on itself"),
    "XQDY0064": ("XDMP-PINAME", "Processing instruction named xml"),
    "XQDY0072": ("XDMP-COMMENTCONTENT", "Invalid content of a comment"),
    "XQDY0074": ("XDMP-QNAME", "Invalid name of a node"),
    "XQDY0096": ("XDMP-ELEMNAME", "Invalid name of an element"),
    "XQDY0101": ("XDMP-NSNODE", "Invalid namespace node"),
    "XQDY0102": ("XDMP-DUPNSDECL", "Contradicting namespace bindings"),
    "XQDY0137": ("XDMP-DUPKEY", "Duplicate key of a map"),
    "XQTY0105": ("XDMP-FUNCTIONCONTENT", "Function item in the content of an element"),
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
    "FOAY0001": ("XDMP-ARRAYINDEX", "Array position out of bounds"),
    "FOAY0002": ("XDMP-ARRAYLENGTH", "Negative length of an array"),
    "FOCA0005": ("XDMP-NAN", "NaN in place of a duration's factor"),
    "FOCH0001": ("XDMP-CODEPOINT", "Codepoint of no XML character"),
    "FOCH0003": ("XDMP-NORMALIZATION", "Unsupported normalization form"),
    "FODC0005": ("XDMP-DOCURI", "Invalid document URI"),
    "FODT0001": ("XDMP-OVERFLOW", "Overflow of a date or time"),
    "FODT0002": ("XDMP-OVERFLOW", "Overflow of a duration"),
    "FODT0003": ("XDMP-TIMEZONE", "Invalid timezone"),
    "FONS0004": ("XDMP-UNBPRFX", "Prefix has no namespace binding"),
    "FORG0002": ("XDMP-URI", "Invalid URI"),
    "FORG0008": ("XDMP-TIMEZONE", "Date and time with different timezones"),
    "FORX0001": ("XDMP-REGEXFLAGS", "Invalid regular expression flags"),
    "FORX0003": ("XDMP-REGEXEMPTY", "Regular expression matches the empty string"),
    "FORX0004": ("XDMP-REGEXREPLACEMENT", "Invalid replacement string"),
    "FOTY0014": ("XDMP-FUNCTIONSTRING", "Functions have no string value"),
    "FOTY0015": ("XDMP-FUNCTIONEQUAL", "Functions cannot be compared"),
    "FOUT1170": ("XDMP-TEXTNOTFOUND", "Text not found"),
    "FOUT1190": ("XDMP-ENCODING", "Invalid encoding of a text"),
    "FOUT1200": ("XDMP-ENCODING", "Unknown encoding of a text"),
    "SENR0001": ("XDMP-SERIALIZENODE", "Item cannot be serialized by itself"),
    "SEPM0018": ("XDMP-SERIALIZEPARAM", "Character mapped twice"),
    "SEPM0019": ("XDMP-SERIALIZEPARAM", "Duplicate serialization parameter"),
    "SERE0015": ("XDMP-SERIALIZEPI", "Processing instruction with > in HTML"),
}


#: MarkLogic code -> title: the catalogue that fn:error((), code, …) finds messages in.
MESSAGES: dict[str, str] = {
    # Where several W3C codes share one of MarkLogic, the first gives the title.
    **dict(reversed(MARKLOGIC_CODES.values())),
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
    `source_text` is the expression that the error comes from, also where the message does not show it.
    """

    name: ErrorName
    title: str
    expression: str = ""
    detail: str = ""
    value: Sequence[Any] = ()
    marklogic_code: str = ""
    frames: list[Frame] = field(default_factory=list)
    catchable: bool = True
    source_text: str = ""

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
        source_text: str = "",
    ) -> None:
        self.name = ErrorName(ERR_NAMESPACE, name, "err") if isinstance(name, str) else name
        known = MARKLOGIC_CODES.get(self.name.local) if self.name.uri == ERR_NAMESPACE else None
        self.title = title or (known[1] if known else self.name.local)
        self.expression = expression
        self.detail = detail
        self.value = value
        own = f"XDMP-{self.name.local}" if self.name.uri == ERR_NAMESPACE else self.name.local
        self.marklogic_code = marklogic_code or (known[0] if known else own)
        self.frames = list(frames)
        self.catchable = catchable
        self.source_text = source_text
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
            "source_text": self.source_text,
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
