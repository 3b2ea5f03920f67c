"""The focus and the static context (F&O 3.1, chapter 15)."""

from __future__ import annotations

from elementpath.datatypes import AnyURI

from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.context import StaticContext


@FN.row("position() as xs:integer", needs="position")
def position(place: int) -> int:
    """The position of the context item in the sequence it is from, counted from 1."""
    return place


@FN.row("last() as xs:integer", needs="last")
def last(size: int) -> int:
    """The number of items in the sequence the context item is from."""
    return size


@FN.row("static-base-uri() as xs:anyURI?", needs="static")
def static_base_uri(static: StaticContext) -> AnyURI | None:
    """The base URI of the module, nothing when it has none."""
    return None if static.base_uri is None else AnyURI(static.base_uri)
