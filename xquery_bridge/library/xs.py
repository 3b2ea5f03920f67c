"""The constructor functions of the atomic types and of the built-in list types (F&O 3.1, sections 18.1 to 18.3).

The compiler turns most calls into casts and does not come here; function items and dynamic calls do.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.registry import Table
from xquery_bridge.runtime.atomic import ATOMIC_TYPES
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.context import XS as XS_NAMESPACE
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.values import Value

XS: Final = Table(XS_NAMESPACE, "xs")

#: Types without a constructor function: abstract ones.
_ABSTRACT: Final = ("anyAtomicType", "NOTATION")
#: list type -> the type of its items
_LISTS: Final = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}


def _constructor(name: str) -> Callable[[Any], Value]:
    def construct(value: Any) -> Value:
        return None if value is None else cast(value, name)

    construct.__doc__ = f"The value cast to xs:{name}; nothing for nothing."
    return construct


def _qname(static: StaticContext, value: Any) -> Value:
    """The value cast to xs:QName, a prefix read by the namespaces of the module."""
    return None if value is None else cast(value, "QName", static)


def _error(value: Any) -> None:
    """Nothing for nothing; no value can be cast to xs:error (FORG0001)."""
    if value is not None:
        raise XQueryError("FORG0001", "Invalid cast: no value can be cast as xs:error")


for _row in ATOMIC_TYPES:
    if _row.name == "QName":
        XS.add("QName($arg as xs:anyAtomicType?) as xs:QName?", _qname, needs="static")
    elif _row.name not in _ABSTRACT:
        XS.add(f"{_row.name}($arg as xs:anyAtomicType?) as xs:{_row.name}?", _constructor(_row.name))
for _name, _member in _LISTS.items():
    XS.add(f"{_name}($arg as xs:anyAtomicType?) as xs:{_member}*", _constructor(_name))
XS.add("error($arg as xs:anyAtomicType?) as empty-sequence()", _error)


@XS.row("numeric($arg as xs:anyAtomicType?) as xs:numeric?")
def numeric(value: Any) -> Any:
    """A number as it is, anything else cast to xs:double."""
    if value is None or type(value) is Decimal or (isinstance(value, int | float) and type(value) is not bool):
        return value
    return cast(value, "double")
