"""XML text to nodes and back (F&O 3.1, section 14.9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.node_builder import parse_fragment
from xquery_bridge.runtime.node_builder import parse_xml as parsed
from xquery_bridge.runtime.nodes import DocumentNode
from xquery_bridge.runtime.serialization import parameters_of
from xquery_bridge.runtime.serialization import serialize as serialized

# Each call makes a new document, so equal arguments do not give equal results: deterministic=False.


@FN.row("parse-xml($arg as xs:string?) as document-node(element(*))?", needs="static", deterministic=False)
def parse_xml(static: StaticContext, text: str | None) -> DocumentNode | None:
    """The document that an XML text describes. Raises FODC0006 when it is not well-formed."""
    return None if text is None else parsed(text, static.base_uri)


@FN.row("parse-xml-fragment($arg as xs:string?) as document-node()?", needs="static", deterministic=False)
def parse_xml_fragment(static: StaticContext, text: str | None) -> DocumentNode | None:
    """The document node of a text that may stand in the content of an element. Raises FODC0006."""
    return None if text is None else parse_fragment(text, static.base_uri)


@FN.row("serialize($arg as item()*) as xs:string")
@FN.row("serialize($arg as item()*, $params as item()?) as xs:string")
def serialize(items: Sequence[Any], params: Any = None) -> str:
    """The items as text, by serialization parameters in an element or a map."""
    return serialized(items if isinstance(items, list) else list(items), parameters_of(params))
