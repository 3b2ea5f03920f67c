"""Errors as a query sees them: in catch clauses, as err:* variables, and as 1.0-ml's error:error element."""

from __future__ import annotations

import logging
from typing import Any, Final

from elementpath.datatypes import QName

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.nodes import ElementNode, TextNode, clark
from xquery_bridge.runtime.values import Value, as_list, string_of

ERROR_NAMESPACE: Final = "http://marklogic.com/xdmp/error"

_LOG: Final = logging.getLogger("cntk_xquery.engine")

#: What the code of a try may end with and a catch may see.
CATCHABLE: Final = (XQueryError, ArithmeticError, RecursionError)


def as_query_error(error: BaseException) -> XQueryError:
    """The XQuery error that a Python exception of generated code stands for.

    A fault of ours is logged and becomes XDMP-INTERNAL.
    """
    if isinstance(error, XQueryError):
        return error
    if isinstance(error, ZeroDivisionError):
        return XQueryError("FOAR0001")
    if isinstance(error, ArithmeticError):
        return XQueryError("FOAR0002")
    if isinstance(error, RecursionError):
        return XQueryError(
            "FOER0000", "Stack overflow: the functions call each other too deeply", marklogic_code="XDMP-STACKOVERFLOW"
        )
    if isinstance(error, MemoryError):
        return XQueryError("FOER0000", "The query needs more memory than there is", marklogic_code="XDMP-MEMORY")
    if isinstance(error, ValueError) and "integer string conversion" in str(error):
        return XQueryError("FOAR0002", "Numeric overflow: an integer of more digits than can be read or written")
    _LOG.error("A fault of this program, while it evaluated a query", exc_info=error)
    return XQueryError(
        "FOER0000",
        f"Internal error: {type(error).__name__}: {error}",
        detail="(the log has more)",
        marklogic_code="XDMP-INTERNAL",
        catchable=False,
    )


def caught_error(
    error: BaseException, context: DynamicContext, savepoint: Any = None, located: bool = True
) -> XQueryError:
    """The error that a catch clause gets; raises it again when it must not be caught.

    Updates made since the savepoint, which is that of the `try`, are taken back. Where it came from is found out unless
    no clause can ask for it (not `located`).
    """
    found = as_query_error(error)
    if not found.catchable:
        raise found
    if savepoint is not None:
        context.rollback_to(savepoint)
    if located and not found.frames and context.locate is not None:
        context.locate(found, error.__traceback__)
    context.memory["caught error"] = found  # for xdmp:rethrow
    return found


def rethrow(error: XQueryError) -> Value:
    """xdmp:rethrow in a catch clause: raise its error again, with the places it came from."""
    raise error


def error_matches(error: XQueryError, uri: str | None, local: str | None) -> bool:
    """Whether an error has the name that a catch clause asks for; None stands for any."""
    return uri in (None, error.name.uri) and local in (None, error.name.local)


def error_code(error: XQueryError) -> QName:
    """$err:code."""
    name = error.name
    prefix = name.prefix or ("err" if name.uri.endswith("xqt-errors") else "")
    return QName(name.uri or None, f"{prefix}:{name.local}" if prefix and name.uri else name.local)


def error_description(error: XQueryError) -> Value:
    """$err:description."""
    return error.title + (f" {error.detail}" if error.detail else "") or []


def error_value(error: XQueryError) -> Value:
    """$err:value, the error object of fn:error."""
    return list(error.value)


def error_module(error: XQueryError) -> Value:
    """$err:module."""
    return error.frames[0].uri if error.frames else []


def error_line_number(error: XQueryError) -> Value:
    """$err:line-number."""
    return error.frames[0].line if error.frames else []


def error_column_number(error: XQueryError) -> Value:
    """$err:column-number."""
    return error.frames[0].column if error.frames else []


def error_additional(error: XQueryError) -> Value:
    """$err:additional: the error:error element."""
    return error_element(error)


def error_element(error: XQueryError, context: DynamicContext | None = None) -> ElementNode:
    """`$e` of `catch ($e)` (xquery-1.0-ml.md, section 5)."""
    del context
    root = _element("error", None)
    root.namespaces = {"error": ERROR_NAMESPACE}
    dialect = error.frames[0].dialect if error.frames else "1.0-ml"
    _element("code", root, error.marklogic_code)
    _element("name", root, str(error.name))
    _element("xquery-version", root, dialect)
    _element("message", root, error.title)
    _element("format-string", root, error.format_string)
    _element("retryable", root, "true" if error.marklogic_code == "XDMP-DEADLOCK" else "false")
    _element("expr", root, error.expression or error.source_text)
    data = _element("data", root)
    for item in [*([error.detail] if error.detail else []), *as_list(list(error.value))]:
        _element("datum", data, _text(item))
    stack = _element("stack", root)
    for frame in error.frames:
        made = _element("frame", stack)
        if frame.uri:
            _element("uri", made, frame.uri)
        _element("line", made, str(frame.line))
        _element("column", made, str(frame.column))
        if frame.operation:
            _element("operation", made, frame.operation)
        _element("xquery-version", made, frame.dialect)
    return root


def _text(item: Any) -> str:
    try:
        return string_of(item)
    except XQueryError:
        return str(item)


def _element(local: str, parent: ElementNode | None, text: str | None = None) -> ElementNode:
    made = ElementNode(clark(ERROR_NAMESPACE, local), "error", parent)
    if text:
        made.children.append(TextNode(text, made))
    if parent is not None:
        parent.children.append(made)
    return made
