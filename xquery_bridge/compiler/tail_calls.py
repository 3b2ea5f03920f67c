"""Calls in tail position: those of the function itself become loops; those that lead back to it through others bounce.

A function on a cycle of tail calls hands such a call back to whoever called it (`runtime.calls.Bounce`), so that the
functions of the cycle can call each other without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xquery_bridge.compiler.ir.branches import If, Switch, Typeswitch
from xquery_bridge.compiler.ir.flwor import Flwor, Let
from xquery_bridge.compiler.ir.functions import DynamicCall, Function, InlineFunction, UserCall
from xquery_bridge.compiler.ir.node import Expr
from xquery_bridge.compiler.ir.variables import VarRef


def tail_expressions(node: Expr) -> Iterator[Expr]:
    """The expressions inside one whose value is its own, whichever branch is taken."""
    stack = [node]
    while stack:
        node = stack.pop()
        match node:
            case If():
                stack += [node.then, node.otherwise]
            case Switch():
                stack += [node.default, *[case[-1] for case in node.cases]]
            case Typeswitch():
                stack += [case.result for case in node.cases]
            case Flwor():
                if all(isinstance(clause, Let) for clause in node.clauses):
                    stack.append(node.result)
            case _:
                yield node


def tail_calls(node: Expr) -> Iterator[UserCall]:
    """The calls of declared functions whose value is the expression's own."""
    for each in tail_expressions(node):
        if isinstance(each, UserCall) and not each.mapping:
            yield each


def self_applications(function: InlineFunction | Function) -> set[DynamicCall]:
    """Calls in tail position of a function's own parameter that pass the parameter on, as in `$f($f, $n - 1)`.

    Through items, a function has hardly another way to call itself without end.
    """
    if function.body is None or (function.result is not None and str(function.result) != "item()*"):
        return set()
    own = {param.var for param in function.params}
    return {
        each
        for each in tail_expressions(function.body)
        if isinstance(each, DynamicCall)
        and isinstance(each.function, VarRef)
        and each.function.var in own
        and any(each.function.var in arg.free for arg in each.args)
    }


def calls_itself(function: Function) -> bool:
    """Whether the function calls itself in tail position."""
    return function.body is not None and any(call.function is function for call in tail_calls(function.body))


def bouncing(functions: Iterable[Function]) -> dict[Function, set[Function]]:
    """For each function on a cycle of tail calls through others, those others that it calls so."""
    edges = {
        function: {call.function for call in tail_calls(function.body) if _hands_on(function, call.function)}
        for function in functions
        if function.body is not None
    }
    found: dict[Function, set[Function]] = {}
    for function, called in edges.items():
        cyclic = {other for other in called if function in _reached(other, edges)}
        if cyclic:
            found[function] = cyclic
    return found


def _hands_on(caller: Function, called: Function) -> bool:
    """Whether a result goes on as it is: the caller would not convert it to a type of its own."""
    same = caller.result is None or (called.result is not None and str(called.result) == str(caller.result))
    return called is not caller and called.body is not None and same


def _reached(start: Function, edges: dict[Function, set[Function]]) -> set[Function]:
    seen: set[Function] = set()
    stack = [start]
    while stack:
        function = stack.pop()
        if function not in seen:
            seen.add(function)
            stack.extend(edges.get(function, ()))
    return seen
