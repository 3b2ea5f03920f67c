"""Options that functions of 1.0-ml take: an element with a child for each, or a map:map."""

from __future__ import annotations

from typing import Any

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.nodes import name_parts
from xquery_bridge.runtime.values import as_list, atomize, string_of


def option_values(options: Any) -> dict[str, list[str]]:
    """The strings of each option by local name; none for no options. Raises XPTY0004 for another kind of item."""
    return {
        name: [string_of(item) for item in as_list(atomize(value))] for name, value in option_items(options).items()
    }


def option_items(options: Any) -> dict[str, Any]:
    """The Value of each option by local name: the elements of an options element, the entries of a map."""
    if options is None:
        return {}
    if isinstance(options, MapMap | XdmMap):
        return {
            string_of(key): value.items() if isinstance(value, JsonArray) else value for key, value in options.items()
        }
    if isinstance(options, XPathNode):
        node: Any = options
        if node.kind == "document":
            node = next((child for child in node.children if child.kind == "element"), node)
        found: dict[str, Any] = {}
        for child in node.children:
            if child.kind == "element":
                found.setdefault(name_parts(child.name)[1], []).append(child)
            elif child.name is not None:
                found.setdefault(child.name, []).append(child)
        return found
    raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(options)} as options, an element or a map:map")
