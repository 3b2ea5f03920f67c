"""The nodes of `compiler.ir`: what a walk over them and the code generator take for granted."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

from xquery_bridge.compiler import ir
from xquery_bridge.compiler.codegen_functions import FunctionCodegen
from xquery_bridge.compiler.ir import branches, cells, constructors, flwor, functions, operators, paths
from xquery_bridge.compiler.ir.node import Node
from xquery_bridge.compiler.ir.variables import Var

#: Bases of nodes, and parts of one node, which generates their code.
_BASES = {
    Node,
    flwor.Clause,
    operators.UnaryOperation,
    operators.BinaryOperation,
    cells.Kept,
    constructors.Constructor,
    functions.FunctionValue,
}
_PARTS = {
    *flwor.Clause.__subclasses__(),
    flwor.WindowCondition,
    flwor.OrderSpec,
    branches.TypeCase,
    branches.Catch,
    paths.Predicate,
    constructors.Attribute,
}


def _classes(base: type[Node]) -> Iterator[type[Node]]:
    yield base
    for derived in base.__subclasses__():
        # a dataclass with slots is made anew: the class before it is nobody's
        if getattr(importlib.import_module(derived.__module__), derived.__name__) is derived:
            yield from _classes(derived)


for _module in pkgutil.iter_modules(ir.__path__):
    importlib.import_module(f"{ir.__name__}.{_module.name}")
CLASSES = sorted(set(_classes(Node)), key=lambda each: each.__name__)


def _holds_nodes(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Node):
        return True
    return any(_holds_nodes(part) for part in get_args(annotation))


@pytest.mark.parametrize("node", CLASSES, ids=lambda each: each.__name__)
def test_the_kids_of_a_node_are_all_its_fields_that_hold_nodes(node: type[Node]) -> None:
    hints = get_type_hints(node, localns={"Var": Var, "Function": functions.Function})
    holding = {each.name for each in fields(node) if _holds_nodes(hints[each.name])}
    if node is functions.InlineFunction:
        holding.remove("body")  # it is evaluated elsewhere, and what it may do is no part of making the function
    if node is branches.Switch:
        holding.add("cases")  # tuples of any length, for which there is no annotation
    assert set(node.kids) == holding


@pytest.mark.parametrize("node", sorted(set(CLASSES) - _BASES - _PARTS, key=str), ids=lambda each: each.__name__)
def test_every_expression_has_code(node: type[Node]) -> None:
    assert hasattr(FunctionCodegen, f"value_{node.__name__}")
