"""Paths, steps, predicates, filters and the simple map operator."""

from __future__ import annotations

import re
from typing import Final

from xquery_bridge.compiler.ir.branches import If
from xquery_bridge.compiler.ir.functions import BuiltinCall
from xquery_bridge.compiler.ir.node import Expr
from xquery_bridge.compiler.ir.paths import Filter, NodeTest, PathMap, Predicate, Root, SimpleMap, Step
from xquery_bridge.compiler.ir.variables import ContextItemRef
from xquery_bridge.compiler.resolver import ResolverBase
from xquery_bridge.compiler.types import BOOLEAN, NODES, StaticType
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.context import FN
from xquery_bridge.syntax import tree
from xquery_bridge.syntax.characters import NCNAME

_NCNAME: Final = re.compile(NCNAME)

#: What a step along an axis finds when its test is a name or `*`.
_PRINCIPAL: Final = {"attribute": "attribute", "namespace": "namespace-node"}

_KINDS: Final = {
    "element": "element",
    "attribute": "attribute",
    "text": "text",
    "document": "document",
    "comment": "comment",
    "processing-instruction": "processing-instruction",
    "namespace-node": "namespace-node",
    "object": "json-node",
    "array": "json-node",
    "number": "json-node",
    "boolean": "json-node",
    "null": "json-node",
}

#: Axes that give at most one node.
_SINGLE_AXES: Final = {"self", "parent"}


class PathResolver(ResolverBase):
    """`/` between steps becomes nested `Step`s; other right sides become `PathMap`."""

    def _root(self, node: tree.Node) -> Expr:
        """A leading `/`. Where there is no context item, 1.0-ml takes it for the documents of the database."""
        start, end = node.start, node.start + 1
        root = Root(operand=self.context_item(), type=StaticType("node"), start=start, end=end)
        row = self.scope.registry.lookup(FN, "collection", 0)
        if self.focus is not None or self.scope.static.dialect != "1.0-ml" or row is None:
            return root
        documents = BuiltinCall(row=row, args=[], needs=[], static=self.scope.static, type=NODES, start=start, end=end)
        if not self.main:
            return documents
        asked = ContextItemRef(type=BOOLEAN, part="presence")
        return If(condition=asked, then=root, otherwise=documents, type=NODES, start=start, end=end)

    def resolve_PathExpr(self, node: tree.PathExpr) -> Expr:
        current: Expr | None = None
        steps = list(node.steps)
        if node.root:
            current = self._root(node)
            if node.root == "//":
                current = self._any_descendant(current, node)
        for step in steps:
            if current is None:
                current = self.expr(step)
            elif isinstance(step, tree.AxisStep):
                current = self._step(current, step)
            else:
                current = self._path_map(current, step)
        assert current is not None
        return current

    def _any_descendant(self, current: Expr, node: tree.Node) -> Step:
        type = StaticType("node", 0, None)
        test = NodeTest(kind="node")
        return Step(
            input=current,
            axis="descendant-or-self",
            test=test,
            predicates=[],
            type=type,
            start=node.start,
            end=node.end,
        )

    def resolve_AxisStep(self, node: tree.AxisStep) -> Expr:
        return self._step(self.context_item(), node)

    def _step(self, current: Expr, node: tree.AxisStep) -> Expr:
        test = self._test(node)
        kind = test.kind if test.kind == "node" else _KINDS.get(test.kind, "node")
        single = node.axis in _SINGLE_AXES or (
            node.axis == "attribute" and test.local is not None and test.uri is not None
        )
        type = StaticType(kind, 0, 1 if single and current.type.optional else None)
        predicates = [self._predicate(predicate, type.one()) for predicate in node.predicates]
        axis = node.axis
        if (
            isinstance(current, Step)
            and current.axis == "descendant-or-self"
            and not current.predicates
            and current.test.kind == "node"
            and current.test.other is None
            and axis in ("child", "descendant", "descendant-or-self")
            and not any(predicate.positional for predicate in predicates)
        ):
            axis = "descendant" if axis == "child" else axis
            current = current.input
        return Step(
            input=current, axis=axis, test=test, predicates=predicates, type=type, start=node.start, end=node.end
        )

    def _test(self, node: tree.AxisStep) -> NodeTest:
        written = node.test
        if isinstance(written, tree.NameTest):
            kind = _PRINCIPAL.get(node.axis, "element")
            if written.any_namespace:
                return NodeTest(kind=kind, local=written.local)
            if written.local is None and not written.prefix and written.uri is None:
                return NodeTest(kind=kind)
            name = tree.Name(written.local or "*", written.prefix, written.uri)
            default = self.scope.static.default_element_namespace if kind == "element" else ""
            uri, _ = self.scope.expand(name, default)
            return NodeTest(kind=kind, uri=uri, local=written.local)
        plain = written.type is None and written.content is None and written.literal is None
        if written.kind == "node" and plain:
            return NodeTest(kind="node")
        if written.kind in _KINDS and plain and written.kind not in ("object", "array", "number", "boolean", "null"):
            if written.name is None:
                return NodeTest(kind=written.kind)
            if written.kind in ("element", "attribute"):
                default = self.scope.static.default_element_namespace if written.kind == "element" else ""
                uri, local = self.scope.expand(written.name, default)
                return NodeTest(kind=written.kind, uri=uri, local=local)
            if written.kind == "processing-instruction":
                return NodeTest(kind=written.kind, uri="", local=written.name.local)
        if written.kind == "processing-instruction" and written.literal is not None:
            target = " ".join(written.literal.split())
            if not _NCNAME.fullmatch(target):
                raise XQueryError("XPTY0004", f"{target!r} is no name of a processing instruction")
            return NodeTest(kind=written.kind, uri="", local=target)
        whole = tree.SequenceType(item=written, occurrence="", start=written.start, end=written.end)
        return NodeTest(kind=written.kind, other=self.types.resolve(whole))

    def _predicate(self, condition: tree.Expr, item: StaticType) -> Predicate:
        focus = self.scope.new_focus(item)
        made = self.with_focus(focus, condition)
        return Predicate(focus=focus, condition=made, start=made.start, end=made.end)

    def _path_map(self, current: Expr, step: tree.Expr) -> Expr:
        item = current.type.one()
        focus = self.scope.new_focus(item if item.is_a("node") else StaticType("node"))
        right = self.with_focus(focus, step)
        return PathMap(
            left=current, focus=focus, right=right, type=right.type.times(current.type), start=step.start, end=step.end
        )

    def resolve_simple_map(self, node: tree.BinaryExpr) -> Expr:
        chain: list[tree.Expr] = []
        rest: tree.Expr = node
        while isinstance(rest, tree.BinaryExpr) and rest.operator == "!":
            chain.append(rest.right)
            rest = rest.left
        current = self.expr(rest)
        for step in reversed(chain):
            focus = self.scope.new_focus(current.type.one())
            right = self.with_focus(focus, step)
            current = SimpleMap(
                left=current,
                focus=focus,
                right=right,
                type=right.type.times(current.type),
                start=node.start,
                end=step.end,
            )
        return current

    def resolve_FilterExpr(self, node: tree.FilterExpr) -> Expr:
        chain: list[tree.FilterExpr] = []
        rest: tree.Expr = node
        while isinstance(rest, tree.FilterExpr):
            chain.append(rest)
            rest = rest.operand
        current = self.expr(rest)
        for written in reversed(chain):
            predicate = self._predicate(written.predicate, current.type.one())
            condition = predicate.condition
            index = condition.type.is_a("numeric") and not predicate.uses_position
            type = StaticType(current.type.kind, 0, 1 if index and condition.type.optional else current.type.high)
            if self.scope.static.dialect == "1.0-ml" and current.type.may_be("opaque") and predicate.maybe_number:
                type = StaticType("item", 0, None)
            current = Filter(operand=current, predicate=predicate, type=type, start=written.start, end=written.end)
        return current
