"""What a query is compiled in (`StaticContext`, one a module) and what it runs in (`DynamicContext`, one a run)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from elementpath.datatypes import DateTimeStamp, Timezone

from xquery_bridge.errors import XQueryError

if TYPE_CHECKING:
    from xquery_bridge.limits import Limits
    from xquery_bridge.runtime.functions import FunctionItem
    from xquery_bridge.runtime.values import Value

FN: Final = "http://www.w3.org/2005/xpath-functions"
XS: Final = "http://www.w3.org/2001/XMLSchema"
XML: Final = "http://www.w3.org/XML/1998/namespace"
LOCAL: Final = "http://www.w3.org/2005/xquery-local-functions"
ERR: Final = "http://www.w3.org/2005/xqt-errors"
CODEPOINT: Final = "http://www.w3.org/2005/xpath-functions/collation/codepoint"

#: Prefixes of XQuery itself (XQuery 3.1, section 4.13).
STANDARD_PREFIXES: Final[Mapping[str, str]] = {
    "xml": XML,
    "xs": XS,
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "fn": FN,
    "local": LOCAL,
}

#: Prefixes of XQuery 3.1 queries besides: an extension many processors have, and none that a query could trip over.
MODERN_PREFIXES: Final[Mapping[str, str]] = {
    **STANDARD_PREFIXES,
    "err": ERR,
    "map": "http://www.w3.org/2005/xpath-functions/map",
    "array": "http://www.w3.org/2005/xpath-functions/array",
    "math": "http://www.w3.org/2005/xpath-functions/math",
}

#: Prefixes that 1.0-ml declares (xquery-1.0-ml.md, section 2).
ENHANCED_PREFIXES: Final[Mapping[str, str]] = {
    **STANDARD_PREFIXES,
    "err": ERR,
    "xqterr": ERR,
    "cntk": "http://marklogic.com/cntk",
    "cts": "http://marklogic.com/cts",
    "dav": "DAV:",
    "dbg": "http://marklogic.com/xdmp/dbg",
    "dir": "http://marklogic.com/xdmp/directory",
    "error": "http://marklogic.com/xdmp/error",
    "geo": "http://marklogic.com/geospatial",
    "json": "http://marklogic.com/xdmp/json",
    "lock": "http://marklogic.com/xdmp/lock",
    "map": "http://marklogic.com/xdmp/map",
    "math": "http://marklogic.com/xdmp/math",
    "ort": "http://marklogic.com/onnxruntime",
    "prof": "http://marklogic.com/xdmp/profile",
    "prop": "http://marklogic.com/xdmp/property",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "sc": "http://marklogic.com/xdmp/schema-components",
    "sec": "http://marklogic.com/xdmp/security",
    "sem": "http://marklogic.com/xdmp/semantics",
    "spell": "http://marklogic.com/xdmp/spell",
    "sql": "http://marklogic.com/xdmp/sql",
    "tde": "http://marklogic.com/xdmp/tde",
    "temporal": "http://marklogic.com/xdmp/temporal",
    "xdmp": "http://marklogic.com/xdmp",
    "xqe": "http://marklogic.com/xqe",
}


def predeclared_prefixes(dialect: str) -> dict[str, str]:
    """The namespace prefixes a query of this dialect has without declaring them."""
    if dialect == "1.0-ml":
        return dict(ENHANCED_PREFIXES)
    return dict({**STANDARD_PREFIXES, "err": ERR} if dialect in ("1.0", "3.0") else MODERN_PREFIXES)


@dataclass(slots=True)
class StaticContext:
    """The static context of one module (XQuery 3.1, section 2.1.1).

    `decimal_formats` maps (uri, local) to the properties given, with ("", "") for the default format; `options` keeps
    (uri, local) to the last value; `function_mapping` is 1.0-ml's.
    """

    dialect: str = "1.0-ml"
    base_uri: str | None = None
    namespaces: dict[str, str] = field(default_factory=dict)
    default_element_namespace: str = ""
    default_function_namespace: str = FN
    default_collation: str = CODEPOINT
    preserve_boundary_space: bool = False
    preserve_construction: bool = True
    ordered: bool = True
    empty_greatest: bool = False
    preserve_namespaces: bool = True
    inherit_namespaces: bool = True
    decimal_formats: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    options: dict[tuple[str, str], str] = field(default_factory=dict)
    function_mapping: bool = False
    #: The functions the module's expressions see, for fn:function-lookup: (uri, local, arity) -> what codegen calls it.
    functions: dict[tuple[str, str, int], str] = field(default_factory=dict)
    uri: str = ""

    @classmethod
    def of_dialect(cls, dialect: str, base_uri: str | None = None) -> StaticContext:
        """The context that a module of this dialect starts with."""
        return cls(
            dialect=dialect,
            base_uri=base_uri,
            namespaces=predeclared_prefixes(dialect),
            function_mapping=dialect == "1.0-ml",
        )

    def namespace(self, prefix: str) -> str:
        """The URI a prefix is bound to. Raises XPST0081 when it is not."""
        found = self.namespaces.get(prefix)
        if not found:
            raise XQueryError("XPST0081", detail=prefix)
        return found


@dataclass(slots=True)
class CallerScope:
    """What an expression evaluated at run time sees of the place that asks for it (xdmp:value).

    `variables` holds values by (uri, local), those of the prolog as functions of no arguments (`Deferred`); `functions`
    the functions that the query declares by (uri, local, arity).
    """

    static: StaticContext
    variables: dict[tuple[str, str], Any]
    context_item: Any
    functions: Mapping[tuple[str, str, int], Callable[[], FunctionItem]]

    @property
    def names(self) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str, int]]]:
        """The names of what is visible: all that compiling the expression depends on."""
        return frozenset(self.variables), frozenset(self.functions)


@dataclass(slots=True, frozen=True)
class Deferred:
    """A value that is computed when it is asked for."""

    compute: Callable[[], Value]


class Evaluator(Protocol):
    """The engine, as far as a library function may reach it."""

    def evaluate_source(
        self,
        source: str,
        *,
        context: DynamicContext,
        variables: Mapping[tuple[str, str], Any],
        dialect: str | None = None,
        base_uri: str | None = None,
        context_item: Any = None,
        own_transaction: bool = True,
    ) -> Value:
        """Compile and run another query within this run."""

    def compile(self, source: str, *, dialect: str | None = None, base_uri: str | None = None) -> Any:
        """Compile a query, or take it from the cache. Raises its static errors."""

    def evaluate_within(self, source: str, caller: CallerScope, context: DynamicContext) -> Value:
        """Evaluate an expression that sees what its caller sees."""

    def builtin_item(
        self,
        context: DynamicContext,
        static: StaticContext,
        uri: str,
        local: str,
        arity: int,
        focus: tuple[Any, ...] | None = None,
    ) -> Any:
        """A built-in function as an item, or None. It sees the focus given (none: ()), or that of the run."""

    def load_module(
        self,
        uri: str,
        locations: Sequence[str],
        *,
        context: DynamicContext,
        static: StaticContext,
        variables: Mapping[tuple[str, str], Any],
        context_item: Any,
    ) -> tuple[list[tuple[str, Value]], list[tuple[str, int, Any]]]:
        """The public variables (name, value) and functions (name, arity, item) of a library module."""

    def module_text(self, location: str) -> str | None:
        """The text of a stored module, or None."""


@dataclass
class DynamicContext:
    """The dynamic context of one run (XQuery 3.1, section 2.1.2), and what the run gathers beside its result.

    `variables` holds the values of external variables by (uri, local); `context_item` is None where there is none;
    `transaction` is the store's view of the running statement (None without a store). Library functions keep what must
    live as long as the run in `memory`, under a name of their own.
    """

    evaluator: Evaluator | None = None
    variables: dict[tuple[str, str], Any] = field(default_factory=dict)
    context_item: Any = None
    transaction: Any = None
    store: Any = None
    limits: Limits | None = None
    documents: Callable[[str], Any] | None = None
    collections: Callable[[str | None], Any] | None = None
    texts: Callable[[str, str | None], str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    default_language: str = "en"
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = ""
    memory: dict[str, Any] = field(default_factory=dict)
    database: str = ""
    #: Changes of nodes in stored documents, made when the running statement ends (1.0-ml's xdmp:node-replace …).
    edits: list[Any] = field(default_factory=list)
    #: Adds places in the query to an error, from the traceback of generated code.
    locate: Callable[[XQueryError, Any], None] | None = None
    #: The running program's functions by (uri, local, arity): set by the generated code for fn:function-lookup.
    declared_functions: dict[tuple[str, str, int], Callable[[], FunctionItem]] = field(default_factory=dict)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))

    @cached_property
    def implicit_timezone(self) -> Timezone:
        """UTC: the service does not depend on where it runs."""
        return Timezone(datetime.timedelta(0))

    @cached_property
    def current_datetime(self) -> DateTimeStamp:
        """The one time that fn:current-dateTime and its kin give during the run."""
        return DateTimeStamp.fromdatetime(self.started.replace(tzinfo=self.implicit_timezone))

    def savepoint(self) -> Any:
        """The updates of the running statement so far (1.0-ml: a `try` that fails takes its own back)."""
        return None if self.transaction is None else (self.transaction.savepoint(), len(self.edits))

    def rollback_to(self, savepoint: Any) -> None:
        """Take back the updates made since a savepoint."""
        changes, edits = savepoint
        self.transaction.rollback_to(changes)
        del self.edits[edits:]

    def function_item(
        self, static: StaticContext, uri: str, local: str, arity: int, focus: tuple[Any, ...] | None = None
    ) -> FunctionItem | None:
        """The function of that name and arity, declared by the query or built in; None when there is none.

        A built-in function that depends on the focus gets the one given (item, position and last; () for none), or the
        run's.
        """
        declared = self.declared_functions.get((uri, local, arity))
        if declared is not None:
            return declared()
        if self.evaluator is None:
            return None
        found: FunctionItem | None = self.evaluator.builtin_item(self, static, uri, local, arity, focus)
        return found

    def evaluate(
        self,
        source: str,
        variables: Mapping[tuple[str, str], Any] | None = None,
        *,
        dialect: str | None = None,
        base_uri: str | None = None,
        context_item: Any = None,
        own_transaction: bool = True,
    ) -> Value:
        """Evaluate another query (xdmp:eval and its kin); its external variables by (uri, local)."""
        if self.evaluator is None:
            raise XQueryError("FOER0000", "No query can be evaluated here", marklogic_code="XDMP-EVAL")
        return self.evaluator.evaluate_source(
            source,
            context=self,
            variables=variables or {},
            dialect=dialect,
            base_uri=base_uri,
            context_item=context_item,
            own_transaction=own_transaction,
        )
