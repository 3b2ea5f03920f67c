"""Raising errors and tracing (F&O 3.1, chapter 3)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NoReturn

from elementpath.datatypes import QName

from xquery_bridge.errors import MESSAGES, ErrorName, XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.serialization import quote
from xquery_bridge.runtime.values import Value

_log = logging.getLogger("cntk_xquery.trace")


@FN.row("error() as item()*", effects=True)
def error() -> NoReturn:
    """Raise err:FOER0000."""
    raise XQueryError("FOER0000")


@FN.row("error($code as xs:QName?) as item()*", effects=True)
@FN.row("error($code as xs:QName?, $description as xs:string) as item()*", effects=True)
@FN.row("error($code as xs:QName?, $description as xs:string, $error-object as item()*) as item()*", effects=True)
def error_with_code(code: QName | None, description: str = "", value: Sequence[Any] = ()) -> NoReturn:
    """Raise an error with this name, description and error object.

    As MarkLogic has it, the description is also the error's code and message (xquery-1.0-ml.md, section 5); without a
    name, a code of MarkLogic's for a description stands for its message.
    """
    if code is None and description in MESSAGES:
        raise XQueryError("FOER0000", MESSAGES[description], value=list(value), marklogic_code=description)
    name = "FOER0000" if code is None else ErrorName(code.uri or "", code.local_name, code.prefix or "")
    raise XQueryError(name, description, value=list(value), marklogic_code=description)


@FN.row("trace($value as item()*) as item()*", effects=True)
@FN.row("trace($value as item()*, $label as xs:string) as item()*", effects=True)
def trace(value: Value, label: str = "") -> Value:
    """The value as it is; it is written to the log."""
    _log.info("%s%s", f"{label}: " if label else "", quote(value))
    return value
