"""Items that a query can pass around and cannot look into: cntk:function, cntk:shape, cts:query and their kin."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from xquery_bridge.errors import XQueryError

CNTK_NAMESPACE = "http://marklogic.com/cntk"


class OpaqueItem:
    """An item of a type known by its QName only.

    A subclass sets `uri`, `local` and `prefix` of its type and gives `quoted` (cntk-conventions.md, Quoting). The item
    has no typed value and no string value; it is never an xs:anyAtomicType.
    """

    __slots__ = ()

    uri: ClassVar[str] = CNTK_NAMESPACE
    prefix: ClassVar[str] = "cntk"
    local: ClassVar[str] = "item"

    @property
    def type_name(self) -> str:
        """The lexical name of the item's type, as in X-Primitive and messages."""
        return f"{self.prefix}:{self.local}"

    @property
    def description(self) -> str:
        """What stands in the parentheses of the quoted form."""
        return ""

    def quoted(self) -> str:
        """The form of xdmp:quote and of the answer: `cntk:type(description)`."""
        return f"{self.type_name}({self.description})"

    def atomized(self) -> NoReturn:
        raise no_typed_value(self)

    def __repr__(self) -> str:
        return self.quoted()


def no_typed_value(item: Any) -> XQueryError:
    """The error of atomizing a function or an opaque item (FOTY0013 as XDMP-AS, cntk-conventions.md)."""
    from xquery_bridge.runtime.atomic import type_name

    return XQueryError("FOTY0013", f"Invalid coercion: {type_name(item)} has no typed value", marklogic_code="XDMP-AS")
