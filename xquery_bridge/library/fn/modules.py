"""Modules and stylesheets at run time (F&O 3.1, sections 14.8 and 16.2)."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from elementpath.datatypes import QName

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.casts import qname
from xquery_bridge.runtime.context import DynamicContext, StaticContext
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.sequence_types import parse_sequence_type
from xquery_bridge.runtime.values import as_list, from_items, string_of

_STRINGS: Final = parse_sequence_type("xs:string*")
_ITEM: Final = parse_sequence_type("item()?")
_MAP: Final = parse_sequence_type("map(*)")
_VENDOR: Final = parse_sequence_type("map(xs:QName, item()*)")
_VERSION: Final = parse_sequence_type("xs:decimal")
#: The newest version of XQuery that modules are read by.
_NEWEST: Final = 3.1


@FN.row("load-xquery-module($module-uri as xs:string) as map(*)", needs="dynamic static", effects=True)
@FN.row(
    "load-xquery-module($module-uri as xs:string, $options as map(*)) as map(*)", needs="dynamic static", effects=True
)
def load_xquery_module(
    dynamic: DynamicContext, static: StaticContext, uri: str, options: XdmMap | None = None
) -> XdmMap:
    """The public variables and functions of a library module: a map with the maps `variables` and `functions`.

    Options: location-hints, context-item, variables (by QName), xquery-version. Raises FOQM0001 for an empty URI,
    FOQM0002 when there is no such module, FOQM0003 when it is malformed, FOQM0005 when a value given has another type
    than declared, FOQM0006 for a version that is not supported.
    """
    if not uri:
        raise XQueryError("FOQM0001", "The URI of a module is empty")
    if dynamic.evaluator is None:
        raise XQueryError("FOQM0006", "No module can be loaded here")
    chosen = {} if options is None else {key: value for key, value in options.items() if type(key) is str}
    if "xquery-version" in chosen and _VERSION.convert(chosen["xquery-version"]) > _NEWEST:
        raise XQueryError("FOQM0006", f"XQuery {string_of(chosen['xquery-version'])} is not supported")
    if "vendor-options" in chosen:
        _VENDOR.convert(chosen["vendor-options"])
    hints = as_list(_STRINGS.convert(chosen.get("location-hints", [])))
    context_item = _only(_ITEM.convert(chosen.get("context-item", [])))
    variables = _external_variables(_MAP.convert(chosen["variables"])) if "variables" in chosen else {}
    try:
        found, functions = dynamic.evaluator.load_module(
            uri, list(hints), context=dynamic, static=static, variables=variables, context_item=context_item
        )
    except XQueryError as error:
        raise _converted(error, given=bool(variables) or context_item is not None) from None
    by_name: dict[str, list[tuple[int, Any]]] = {}
    for name, arity, item in functions:
        by_name.setdefault(name, []).append((arity, item))
    return XdmMap.of(
        [
            ("variables", XdmMap.of([(qname(uri, name), value) for name, value in found])),
            ("functions", XdmMap.of([(qname(uri, name), XdmMap.of(pairs)) for name, pairs in by_name.items()])),
        ]
    )


def _only(value: Any) -> Any:
    items = as_list(value)
    return items[0] if len(items) else None


def _external_variables(given: XdmMap) -> dict[tuple[str, str], Any]:
    """The values of external variables by (uri, local). Raises XPTY0004 for a key that is no QName."""
    found: dict[tuple[str, str], Any] = {}
    for key, value in given.items():
        if type(key) is not QName:
            raise XQueryError("XPTY0004", "Option variables is a map from xs:QName to values")
        found[(key.uri or "", key.local_name)] = from_items(as_list(value))
    return found


def _converted(error: XQueryError, *, given: bool) -> XQueryError:
    """The error of loading for one of compiling or running a module; errors of its variables stay what they are."""
    code = error.code
    if code == "XQST0059":
        return XQueryError("FOQM0002", error.title)
    if code == "XQST0031":
        return XQueryError("FOQM0006", error.title)
    if code.startswith(("XPST", "XQST")):
        return XQueryError("FOQM0003", f"A module cannot be loaded: {error}")
    if code == "XPTY0004" and given:
        return XQueryError("FOQM0005", error.title)
    return error


@FN.row("transform($options as map(*)) as map(*)", effects=True)
def transform(options: XdmMap) -> NoReturn:
    """Raises FOXT0004: there is no XSLT processor."""
    raise XQueryError("FOXT0004", "fn:transform is not available: there is no XSLT processor here")
