"""The adaptive method (XSLT and XQuery Serialization 3.1, section 10)."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

from elementpath.datatypes import AnyURI, QName, UntypedAtomic
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.runtime import atomic, values
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.serialization.json import JSON_KINDS, json_node_text
from xquery_bridge.runtime.serialization.parameters import Parameters
from xquery_bridge.runtime.serialization.xml import escape_attribute, xml_text


def adaptive_text(value: Any, parameters: Parameters) -> str:
    """The items of a value, each in a form that tells its type, on lines of their own or between item-separators."""
    separator = "\n" if parameters.item_separator is None else parameters.item_separator
    return separator.join([item_text(item, parameters) for item in values.iterate(value)])


def item_text(item: Any, parameters: Parameters) -> str:
    """One item."""
    if isinstance(item, XdmMap):
        entries = [f"{item_text(key, parameters)}:{_member(value, parameters)}" for key, value in item.items()]
        return "map{" + ",".join(entries) + "}"
    if isinstance(item, XdmArray):
        return "[" + ",".join([_member(member, parameters) for member in item.members()]) + "]"
    if isinstance(item, XPathNode):
        return _node(item, parameters)
    return atomic_text(item)


def _member(value: Any, parameters: Parameters) -> str:
    items = values.as_list(value)
    if len(items) == 1:
        return item_text(items[0], parameters)
    return "(" + ",".join([item_text(item, parameters) for item in items]) + ")"


def _node(node: Any, parameters: Parameters) -> str:
    kind = node.kind
    if kind == "attribute":
        return f'{node.lexical_name}="{escape_attribute(node.value)}"'
    if kind == "namespace":
        name = f"xmlns:{node.prefix}" if node.prefix else "xmlns"
        return f'{name}="{escape_attribute(node.value)}"'
    if kind in JSON_KINDS:
        return json_node_text(node)
    if kind == "binary":
        return str(node.string_value)
    return xml_text([node], replace(parameters, method="xml", omit_xml_declaration=True, standalone=None, version=""))


def double_text(number: float) -> str:
    """A double with an exponent always: `1.0e0` (section 10: the picture 0.0##########################e0)."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "INF" if number > 0 else "-INF"
    mantissa, _, exponent = (
        repr(Decimal(repr(float(number)))).removeprefix("Decimal('").removesuffix("')").partition("E")
    )
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return f"{sign}0.0e0"
    power = int(exponent or 0) + len(whole) - 1 - (len(whole + fraction) - len((whole + fraction).lstrip("0")))
    rest = digits[1:].rstrip("0") or "0"
    return f"{sign}{digits[0]}.{rest}e{power}"


def atomic_text(item: Any) -> str:
    """An atomic value, a function item or an opaque item."""
    if isinstance(item, bool):
        return "true()" if item else "false()"
    if type(item) is float:
        return double_text(item)
    if type(item) in (int, Decimal):
        return str(values.string_of(item))
    if isinstance(item, str | AnyURI | UntypedAtomic):
        return '"' + values.string_of(item).replace('"', '""') + '"'
    if isinstance(item, QName):
        return f"Q{{{item.uri or ''}}}{item.local_name}"
    if isinstance(item, FunctionItem):
        return function_text(item)
    quoted = getattr(item, "quoted", None)
    if quoted is not None:
        return str(quoted())
    return f'xs:{atomic.primitive_type(item)}("{values.string_of(item)}")'


def function_text(item: Any) -> str:
    """`fn:empty#1`, or `(anonymous-function)#1`."""
    name = item.name
    return f"{'(anonymous-function)' if name is None else name}#{item.arity}"
