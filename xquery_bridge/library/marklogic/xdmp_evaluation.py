"""xdmp: functions that evaluate: eval, value, invoke, apply and their kin (xquery-1.0-ml.md, section 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from elementpath.datatypes import QName

from xquery_bridge.database import DATABASE_ID
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.marklogic.options import option_items
from xquery_bridge.library.marklogic.xdmp import XDMP
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.context import FN, CallerScope, DynamicContext, StaticContext
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import MapMap
from xquery_bridge.runtime.values import Value, as_list, atomize, string_of

Variables = dict[tuple[str, str], Any]

#: The dialects that the option default-xquery-version may name.
_DIALECTS: Final = {"1.0-ml": "1.0-ml", "0.9-ml": "1.0-ml", "1.0": "1.0", "3.0": "3.1", "3.1": "3.1"}


def external_variables(given: Sequence[Any]) -> Variables:
    """External variables: alternating QNames and values, or one map:map with Clark names for keys.

    A value is one item; to pass a sequence, use the map.
    """
    if len(given) == 1 and isinstance(given[0], MapMap):
        return {_clark(key): value for key, value in given[0].items()}
    if len(given) % 2:
        raise XQueryError(
            "FOER0000", "External variables are pairs of a QName and a value", marklogic_code="XDMP-EVALVARS"
        )
    found: Variables = {}
    for at in range(0, len(given), 2):
        name = given[at]
        if not isinstance(name, QName):
            raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(name)} as xs:QName")
        found[(name.namespace or "", name.local_name)] = given[at + 1]
    return found


def _clark(key: str) -> tuple[str, str]:
    if key.startswith("{"):
        uri, _, local = key[1:].partition("}")
        return uri, local
    return "", key


def _option(options: Mapping[str, Any], name: str) -> str | None:
    values = as_list(atomize(options.get(name, [])))
    return string_of(values[0]) if len(values) else None


def _dialect(options: Mapping[str, Any]) -> str | None:
    version = _option(options, "default-xquery-version")
    if version is None or version == "app-server":
        return None
    if version not in _DIALECTS:
        raise XQueryError("XQST0031", detail=repr(version))
    return _DIALECTS[version]


def _evaluated(
    context: DynamicContext, source: str, variables: Variables, options: Any, path: str | None = None
) -> Value:
    """Run a query in a context of its own; `isolation` same-statement shares the caller's transaction.

    `static-check` true only compiles it. Raises XDMP-NOSUCHDB for another database, XDMP-EVALOPT for an option that is
    none of its values.
    """
    given = option_items(options)
    isolation = _option(given, "isolation")
    if isolation not in (None, "same-statement", "different-transaction"):
        raise XQueryError("FOER0000", f"{isolation!r} is no isolation", marklogic_code="XDMP-EVALOPT")
    database = _option(given, "database")
    if database is not None and database.strip() != str(DATABASE_ID):
        raise XQueryError("FOER0000", f"No such database {database}", marklogic_code="XDMP-NOSUCHDB")
    if _option(given, "static-check") == "true":
        if context.evaluator is not None:
            context.evaluator.compile(source, dialect=_dialect(given), base_uri=path)
        return []
    shared = isolation == "same-statement"
    return context.evaluate(source, variables, dialect=_dialect(given), base_uri=path, own_transaction=not shared)


@XDMP.row("eval($xquery as xs:string) as item()*", needs="dynamic", effects=True)
@XDMP.row("eval($xquery as xs:string, $vars as item()*) as item()*", needs="dynamic", effects=True)
@XDMP.row("eval($xquery as xs:string, $vars as item()*, $options as item()?) as item()*", needs="dynamic", effects=True)
def evaluate(context: DynamicContext, source: str, variables: Sequence[Any] = (), options: Any = None) -> Value:
    """Evaluate a query in a transaction of its own; its updates are stored when it ends."""
    return _evaluated(context, source, external_variables(variables), options)


@XDMP.row("invoke($path as xs:string) as item()*", needs="dynamic", effects=True)
@XDMP.row("invoke($path as xs:string, $vars as item()*) as item()*", needs="dynamic", effects=True)
@XDMP.row("invoke($path as xs:string, $vars as item()*, $options as item()?) as item()*", needs="dynamic", effects=True)
def invoke(context: DynamicContext, path: str, variables: Sequence[Any] = (), options: Any = None) -> Value:
    """Evaluate a main module that is stored as a document. Raises XDMP-MODNOTFOUND."""
    return _evaluated(context, module_source(context, path), external_variables(variables), options, path)


def module_source(context: DynamicContext, path: str) -> str:
    """The text of a stored module."""
    found = None if context.evaluator is None else context.evaluator.module_text(path)
    if found is None:
        raise XQueryError("XQST0059", f"Module {path} not found", marklogic_code="XDMP-MODNOTFOUND")
    return found


@XDMP.row("spawn($path as xs:string) as item()*", needs="dynamic", effects=True)
@XDMP.row("spawn($path as xs:string, $vars as item()*) as item()*", needs="dynamic", effects=True)
@XDMP.row("spawn($path as xs:string, $vars as item()*, $options as item()?) as item()*", needs="dynamic", effects=True)
def spawn(context: DynamicContext, path: str, variables: Sequence[Any] = (), options: Any = None) -> Value:
    """Evaluate a stored module, at once; its result is kept only with the option `result`."""
    result = invoke(context, path, variables, options)
    return result if _option(option_items(options), "result") == "true" else []


@XDMP.row("spawn-function($function as function(*)) as item()*", effects=True)
@XDMP.row("spawn-function($function as function(*), $options as item()?) as item()*", effects=True)
def spawn_function(function: Any, options: Any = None) -> Value:
    """Call a function of no arguments, at once; its result is kept only with the option `result`."""
    result = function.coerced_call()
    return result if _option(option_items(options), "result") == "true" else []


@XDMP.row("invoke-function($function as function(*)) as item()*", effects=True)
@XDMP.row("invoke-function($function as function(*), $options as item()?) as item()*", effects=True)
def invoke_function(function: Any, options: Any = None) -> Value:
    """Call a function of no arguments in the running transaction."""
    result: Value = function.coerced_call()
    return result


# ------------------------------------------------------------------------------------------------- the caller's context


@XDMP.row(
    "value($expr as xs:string) as item()*",
    "value($expr as xs:string, $map as map:map?) as item()*",
    "value($expr as xs:string, $map as map:map?, $context as item()?) as item()*",
    needs="dynamic caller",
    effects=True,
)
def value(
    context: DynamicContext, caller: CallerScope, source: str, variables: MapMap | None = None, item: Any = None
) -> Value:
    """Evaluate an expression that sees the caller's variables, functions, namespaces and context item.

    The map adds variables, by Clark names; a context given stands for the caller's.
    """
    if variables is not None:
        caller.variables.update({_clark(key): member for key, member in variables.items()})
    if item is not None:
        caller.context_item = item
    return _within(context, source, caller)


def _within(context: DynamicContext, source: str, caller: CallerScope) -> Value:
    if context.evaluator is None:
        raise XQueryError("FOER0000", "No query can be evaluated here", marklogic_code="XDMP-EVAL")
    return context.evaluator.evaluate_within(source, caller, context)


@XDMP.row(
    "unpath($expr as xs:string) as item()*",
    "unpath($expr as xs:string, $map as map:map?) as item()*",
    "unpath($expr as xs:string, $map as map:map?, $context as item()?) as item()*",
    needs="dynamic caller",
    effects=True,
)
def unpath(
    context: DynamicContext, caller: CallerScope, source: str, namespaces: MapMap | None = None, item: Any = None
) -> Value:
    """Evaluate a path, such as xdmp:path gives; the map binds prefixes."""
    bound = {} if namespaces is None else {key: string_of(as_list(uri)[0]) for key, uri in namespaces.items()}
    caller.static = replace(caller.static, namespaces={**caller.static.namespaces, **bound})
    if item is not None:
        caller.context_item = item
    return _within(context, source, caller)


# ------------------------------------------------------------------------------------------------------------ functions


@XDMP.row("function($function as xs:QName?) as function(*)", needs="dynamic static", effects=True)
@XDMP.row(
    "function($function as xs:QName?, $module-path as xs:string?) as function(*)", needs="dynamic static", effects=True
)
def function(context: DynamicContext, static: StaticContext, name: QName | None, path: str | None = None) -> Any:
    """A function by its name, for xdmp:apply; its number of arguments is chosen when it is called.

    Raises XDMP-UNDFUN when there is none of that name.
    """
    if name is None:
        raise XQueryError("XPST0017", detail="()")
    uri = name.namespace or FN
    if path is not None:
        source = f'import module namespace m = "{uri}" at "{path}"; m:{name.local_name}#'
        for arity in range(_MOST_ARGUMENTS):
            try:
                return as_list(context.evaluate(f"{source}{arity}", {}, own_transaction=False))[0]
            except XQueryError as error:
                if error.code != "XPST0017":
                    raise
    for arity in range(_MOST_ARGUMENTS):
        found = context.function_item(static, uri, name.local_name, arity)
        if found is not None:
            return found
    raise XQueryError("XPST0017", detail=f"{name}()")


_MOST_ARGUMENTS: Final = 16


@XDMP.row("apply($function as function(*), $params as item()*...) as item()*", needs="dynamic static", effects=True)
def apply(context: DynamicContext, static: StaticContext, function: FunctionItem, *arguments: Value) -> Value:
    """Call a function with arguments, of the arity that they ask for."""
    if function.arity != len(arguments) and function.name is not None:
        other = context.function_item(static, function.name.namespace or "", function.name.local_name, len(arguments))
        if other is not None:
            function = other
    result: Value = function.coerced_call(*arguments)
    return result


@XDMP.row("apply($function as function(*)) as item()*", effects=True)
def apply_alone(function: FunctionItem) -> Value:
    """Call a function without arguments."""
    result: Value = function.coerced_call()
    return result


@XDMP.row("function-name($function as function(*)) as xs:QName?")
def function_name(function: FunctionItem) -> QName | None:
    """The name of a function, none for an anonymous one."""
    return function.name


@XDMP.row("function-signature($function as function(*)) as xs:string?")
def function_signature(function: FunctionItem) -> str:
    """The signature of a function as a function test."""
    params = ["item()*" if param is None else str(param) for param in function.params or [None] * function.arity]
    return f"function({', '.join(params)}) as {function.result or 'item()*'}"


@XDMP.row("function-return-type($function as function(*)) as xs:string")
def function_return_type(function: FunctionItem) -> str:
    """The declared type of a function's result."""
    return str(function.result or "item()*")


@XDMP.row("function-parameter-type($function as function(*), $position as xs:integer) as xs:string")
def function_parameter_type(function: FunctionItem, position: int) -> str:
    """The declared type of a parameter, counted from 1."""
    if not 1 <= position <= function.arity:
        raise XQueryError("FOER0000", f"{function.label} has no parameter {position}", marklogic_code="XDMP-ARGINDEX")
    return "item()*" if function.params is None else str(function.params[position - 1])


@XDMP.row("eager($arg as item()*) as item()*")
def eager(items: Sequence[Any]) -> Value:
    """The items; evaluation is eager here."""
    return items


@XDMP.row("lazy($arg as item()*) as item()*")
def lazy(items: Sequence[Any]) -> Value:
    """The items."""
    return items


@XDMP.row("rethrow() as empty-sequence()", needs="dynamic", effects=True)
def rethrow(context: DynamicContext) -> None:
    """Raise again the error that the innermost catch clause has."""
    error = context.memory.get("caught error")
    if error is None:
        raise XQueryError("FOER0000", "There is no error to raise again", marklogic_code="XDMP-RETHROW")
    raise error


@XDMP.row("javascript-eval($javascript as xs:string) as item()*", effects=True)
@XDMP.row("javascript-eval($javascript as xs:string, $vars as item()*) as item()*", effects=True)
@XDMP.row("javascript-eval($javascript as xs:string, $vars as item()*, $options as item()?) as item()*", effects=True)
def javascript_eval(*arguments: Any) -> Value:
    """Refused: there is no JavaScript here."""
    raise XQueryError("FOER0000", "JavaScript is not evaluated here", marklogic_code="XDMP-NOJAVASCRIPT")


@XDMP.row("castable-as($namespace-uri as xs:string, $local-name as xs:string, $item as item()?) as xs:boolean")
def castable_as(uri: str, local: str, item: Any) -> bool:
    """Whether an item can be cast to a type of the namespace of xs:."""
    from xquery_bridge.runtime.calls import castable_as as can_be_cast
    from xquery_bridge.runtime.context import XS

    return uri == XS and can_be_cast([] if item is None else item, local, False)


@XDMP.row("xquery-version() as xs:string", needs="static")
def xquery_version(static: StaticContext) -> str:
    """The dialect of the query."""
    return static.dialect
