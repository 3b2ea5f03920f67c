"""Paths, predicates, filters and the simple map operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from xquery_bridge.compiler.codegen_flwor import FlworCodegen, is_inline
from xquery_bridge.compiler.ir.branches import If
from xquery_bridge.compiler.ir.cells import Join, Member, Once
from xquery_bridge.compiler.ir.literals import Literal
from xquery_bridge.compiler.ir.node import PURE, Expr
from xquery_bridge.compiler.ir.operators import Compare, SetOperation, Treat
from xquery_bridge.compiler.ir.paths import Filter, NodeTest, PathMap, Predicate, Root, SimpleMap, Step
from xquery_bridge.compiler.ir.variables import ContextItemRef, VarRef
from xquery_bridge.compiler.rewrite import LONGEST_PATH, relative_path, rooted_path
from xquery_bridge.compiler.writer import Code, FunctionWriter
from xquery_bridge.runtime.axes import REVERSE_AXES
from xquery_bridge.runtime.indexes import KeyTest
from xquery_bridge.runtime.node_tests import NodeTest as CompiledTest
from xquery_bridge.runtime.node_tests import node_test
from xquery_bridge.runtime.ways import way

#: Axes whose step from several nodes in order is in order, if each node's part is.
_IN_ORDER: Final = {"attribute", "self"}

#: Axes whose functions take a limit.
_SIBLINGS: Final = {"following-sibling", "preceding-sibling"}


class PathCodegen(FlworCodegen):
    """Steps are calls of `runtime.axes`; predicates cut lists where they are known to be positions."""

    def test(self, test: NodeTest) -> str:
        """The constant for a node test."""
        made = self.made_test(test)
        hint = f"{test.kind}_{test.local or ('any' if test.kind != 'node' else '')}".rstrip("_")
        return self.constant(hint.replace("-", "_"), made, ("test", id(made)))

    def value_Root(self, node: Root) -> Code:
        return self.call(node, "root_document", self.value(node.operand), form="item")

    def path(self, steps: list[Step]) -> str:
        """The constant for steps without predicates."""
        made = tuple([(step.axis, self.made_test(step.test)) for step in steps])
        return self.constant("path", made, ("path", made))

    def made_test(self, test: NodeTest) -> CompiledTest:
        return node_test(test.kind, test.uri, test.local, other=test.other)

    # -------------------------------------------------------------------------------------------- computed once, joins

    def value_Once(self, node: Once) -> Code:
        """The content of a cell; what fills it goes into a function of its own unless it is an expression."""
        code = self.in_one_piece(node.operand)
        cell = node.cell.python
        return Code(f"({cell}[0] if {cell} else keep({cell}, {code.text}))", code.form, code.depth + 2)

    def value_Member(self, node: Member) -> Code:
        """A question to the members of a sequence, which are gathered when first asked for."""
        sequence = self.in_one_piece(node.sequence)
        probe = self.value(node.probe)
        cell = node.cell.python
        members = f"({cell}[0] if {cell} else keep({cell}, Members({sequence.text})))"
        return Code(self.mark(node, f"{members}.have({probe.text})"), "item", max(sequence.depth, probe.depth) + 3)

    def value_Join(self, node: Join) -> Code:
        """The items of an index that match; the probe is not evaluated where there are no items at all."""
        probe = self.in_one_piece(node.probe)
        test = KeyTest(node.operator, node.general, node.swapped)
        constant = self.constant("key_test", test, ("key test", test))
        if node.cell is None:
            rooted, key = rooted_path(node.source), relative_path(node.key, node.item)
            assert rooted is not None and key is not None
            start = self.ordered_nodes(rooted[0], self.value(rooted[0]))
            index = f"tree_index({start.text}, {self.path(rooted[1])}, {self.path(key)})"
        else:
            cell = node.cell.python
            index = f"({cell}[0] if {cell} else keep({cell}, {self._index_function(node)}))"
        index = self.mark(node.source, index)
        name = self.temp("index")
        text = f"({name}.matching({constant}, {probe.text}) if ({name} := {index}).items else [])"
        return Code(self.mark(node, text), "list", probe.depth + 4)

    def _index_function(self, node: Join) -> str:
        """A call of a function that makes the index of a join."""
        free = node.source.free | (node.key.free - {node.item})
        names = sorted({var.python for var in free if not var.is_global})
        name = self.names.make("index")
        saved, saved_function = self.out, self.function
        self.out, self.function = FunctionWriter(), None
        try:
            items = self.spill(self.items(node.source), "items")
            with self.out.capture(1) as block:
                key = self.value(node.key)
            if block.lines:
                key = self.split(node.key)
            keys = f"[{key.text} for {node.item.python} in {items.text}]"
            self.out.line(f"return Index({items.text}, {keys})")
            self.finish(f"def {name}({', '.join(names)}):")
        finally:
            self.out, self.function = saved, saved_function
        return f"{name}({', '.join(names)})"

    # -------------------------------------------------------------------------------------------------------- steps

    def ordered_nodes(self, node: Expr, code: Code) -> Code:
        """Code for a step's input: nodes in document order."""
        if is_ordered(node):
            return code
        return Code(self.mark(node, f"in_order({code.text})"), "any", code.depth + 1)

    def value_Step(self, node: Step) -> Code:
        rooted = rooted_path(node) if not node.predicates else None
        if rooted is not None:
            start, steps = rooted
            documents = self.ordered_nodes(start, self.value(start))
            return self.call(node, "tree_path", documents, Code(self.path(steps)), form="list")
        if not node.predicates and isinstance(node.input, Step):
            down = self._down(node)
            if down is not None:
                return down
        if all(not predicate.positional for predicate in node.predicates):
            if node.predicates:
                found = self.value(_without_predicates(node))
            else:
                found = self._plain_step(node, self.ordered_nodes(node.input, self.value(node.input)))
            for predicate in node.predicates:
                found = self.filtered(found, predicate)
            return found
        if node.input.type.single:
            return self._step_from_one(node, self.value(node.input))
        return self._step_from_many(node)

    def _down(self, node: Step) -> Code | None:
        """A path of several child and attribute steps from nodes in order, in one call."""
        steps: list[Step] = []
        start: Expr = node
        while isinstance(start, Step) and not start.predicates and start.axis in ("child", "attribute"):
            if len(steps) == LONGEST_PATH:
                return None
            steps.append(start)
            start = start.input
        if len(steps) < 2 or not start.type.is_a("node") or not is_ordered(start):
            return None
        made = way(tuple([(step.axis, self.made_test(step.test)) for step in reversed(steps)]))
        return self.call(node, self.constant("way", made), self.value(start), form="list")

    def _plain_step(self, node: Step, source: Code) -> Code:
        if source.form == "item" and node.input.type.is_a("node") and node.axis not in REVERSE_AXES:
            return self._axis(node, source)
        name = f"{node.axis.replace('-', '_')}_step"
        code = [Code('"XPTY0020"')] if is_context_item(node.input) and not node.input.type.is_a("node") else []
        return self.call(node, name, source, Code(self.test(node.test)), *code, form="list")

    def _axis(self, node: Step, source: Code) -> Code:
        """The nodes on the axis of one node, in the order positions count in."""
        name = f"{node.axis.replace('-', '_')}_axis"
        test = Code(self.test(node.test))
        found = self.call(node, name, source, test, form="list")
        if node.axis in _SIBLINGS:
            self.bounded[found.text] = lambda limit: self.call(node, name, source, test, form="list", more=f", {limit}")
        return found

    def _step_from_one(self, node: Step, source: Code) -> Code:
        if source.form != "item" or not node.input.type.is_a("node"):
            code = "XPTY0020" if is_context_item(node.input) else "XPTY0019"
            source = self.call(node.input, "one_node", source, Code(f'"{code}"'), form="item")
        if len(node.predicates) == 1 and node.axis == "child":
            condition = node.predicates[0].condition
            if isinstance(condition, VarRef) and condition.var is node.predicates[0].focus.last:
                return self.call(node, "last_child", source, Code(self.test(node.test)))
            if isinstance(condition, Literal) and type(condition.value) is int:
                return self.call(node, "child_at", source, Code(self.test(node.test)), Code(str(condition.value)))
        found = self._axis(node, source)
        for predicate in node.predicates:
            found = self.filtered(found, predicate)
        if node.axis in REVERSE_AXES:
            return Code(f"{found.text}[::-1]", "list", found.depth + 1)
        return found

    def _step_from_many(self, node: Step) -> Code:
        source = self.as_items(self.ordered_nodes(node.input, self.value(node.input)))
        if not node.input.type.is_a("node"):
            source = self.call(node.input, "require_nodes", source, form="list")
        name, each = self.temp("found"), self.temp("node")
        self.out.line(f"{name} = []")
        with self.out.block(f"for {each} in {source.text}:"):
            found = self._axis(node, Code(each, "item", 0, True))
            for predicate in node.predicates:
                found = self.filtered(found, predicate)
            reverse = "[::-1]" if node.axis in REVERSE_AXES else ""
            self.out.line(f"{name}.extend({found.text}{reverse})")
        if node.axis in _IN_ORDER:
            return Code(name, "list", 0, True)
        return Code(f"ddo({name})", "list", 1)

    # --------------------------------------------------------------------------------------------------- predicates

    def filtered(self, source: Code, predicate: Predicate) -> Code:
        """The items of a list for which a predicate holds."""
        focus = predicate.focus
        self.make_cells(predicate.cells)
        cut = self._cut(source, predicate)
        if cut is not None:
            return cut
        if predicate.uses_last or ":=" in source.text:
            source = self.spill(source, "found")
        if predicate.uses_last:
            self.out.line(f"{focus.last.python} = len({source.text})")
        item, position = focus.item.python, focus.position.python
        with self.out.capture(1) as block:
            test = self._holds(predicate)
        counted = predicate.positional and (predicate.uses_position or predicate.maybe_number)
        head = f"for {position}, {item} in enumerate({source.text}, 1)" if counted else f"for {item} in {source.text}"
        if not block.lines:
            text = f"{item} {head} if {test}"
            self.generators[f"[{text}]"] = f"({text})"
            return Code(f"[{text}]", "list", source.depth + 2)
        name = self.temp("kept")
        self.out.line(f"{name} = []")
        with self.out.block(f"{head}:"):
            self.out.paste(block)
            self.out.line(f"if {test}:")
            self.out.line(f"    {name}.append({item})")
        return Code(name, "list", 0, True)

    def _holds(self, predicate: Predicate) -> str:
        """Code for whether a predicate holds for its context item."""
        condition = predicate.condition
        if not predicate.maybe_number:
            return self.truth(condition).text
        code = self.value(condition)
        position = predicate.focus.position.python
        if condition.type.is_a("numeric") and condition.type.single and code.form == "item":
            return f"{position} == {code.text}"
        ranges = ", True" if self.program.static.dialect == "1.0-ml" else ""
        return self.mark(predicate, f"predicate_holds({code.text}, {position}{ranges})")

    def _cut(self, source: Code, predicate: Predicate) -> Code | None:
        """A slice, where the predicate is a position or a bound of positions."""
        condition = predicate.condition
        focus = predicate.focus
        depth = source.depth + 1
        if isinstance(condition, Literal) and condition.type.is_a("numeric"):
            at = condition.value
            if at != at or at < 1 or at != int(at):
                return Code("[]", "list", 0, True)
            return self._piece(source, int(at) - 1, int(at))
        if isinstance(condition, VarRef) and condition.var is focus.last:
            return Code(f"{source.text}[-1:]", "list", depth)
        if isinstance(condition, Compare) and isinstance(condition.left, VarRef):
            at = condition.right.value if isinstance(condition.right, Literal) else None
            if condition.left.var is focus.position and type(at) is int and at >= 0:
                match condition.operator:
                    case "eq":
                        return self._piece(source, max(at - 1, 0), at)
                    case "le":
                        return self._piece(source, 0, at)
                    case "lt":
                        return self._piece(source, 0, max(at - 1, 0))
                    case "ge":
                        return Code(f"{source.text}[{max(at - 1, 0)}:]", "list", depth)
                    case "gt":
                        return Code(f"{source.text}[{at}:]", "list", depth)
        variables = focus.variables
        fixed = condition.purity == PURE and not condition.free.intersection(variables)
        if fixed and condition.type.is_a("numeric") and condition.type.single:
            return self.call(predicate, "slice_at", source, self.value(condition), form="list")
        return None

    def _piece(self, source: Code, begin: int, end: int) -> Code:
        """A slice; a predicate before it is not asked of more items than that takes."""
        generator = self.generators.get(source.text)
        if generator is not None:
            return Code(f"list(islice({generator}, {begin}, {end}))", "list", source.depth + 2)
        bounded = self.bounded.get(source.text)
        if bounded is not None:
            source = bounded(end)
        return Code(f"{source.text}[{begin}:{end}]", "list", source.depth + 1)

    def value_Filter(self, node: Filter) -> Code:
        operand = self.value(node.operand)
        predicate = node.predicate
        condition = predicate.condition
        variables = predicate.focus.variables
        if (
            condition.type.is_a("numeric")
            and condition.type.single
            and not condition.free.intersection(variables)
            and condition.purity == PURE
        ):
            enhanced = self.program.static.dialect == "1.0-ml" and node.operand.type.may_be("opaque")
            if operand.form != "list" or enhanced:
                self.make_cells(predicate.cells)
                at = self.value(condition)
                name = "member_or_item_at" if enhanced else "item_at"
                return self.call(node, name, operand, at)
        return self.filtered(self.as_items(operand), predicate)

    # ---------------------------------------------------------------------------------------------------------- map

    def value_SimpleMap(self, node: SimpleMap) -> Code:
        bound = self._bind_one(node)
        if bound:
            return self.value(node.right)
        head = self._map_head(node)
        if node.right.type.single and is_inline(node.right):
            with self.out.capture(1) as block:
                right = self.value(node.right)
            if not block.lines and right.form == "item":
                return Code(f"[{right.text} for {head.text}]", "list", max(right.depth, head.depth) + 1)
        name = self.temp("result")
        self.out.line(f"{name} = []")
        self._map_loop(head, lambda: self.into(node.right, name))
        return Code(name, "list", 0, True)

    def into_SimpleMap(self, node: SimpleMap, target: str) -> None:
        if self._bind_one(node):
            self.into(node.right, target)
        else:
            self._map_loop(self._map_head(node), lambda: self.into(node.right, target))

    def _bind_one(self, node: SimpleMap) -> bool:
        """Bind the focus when the left side is known to be one item."""
        if not node.left.type.single:
            return False
        code = self.value(node.left)
        if code.form != "item":
            code = self.call(node.left, "the_item", code, form="item")
        focus = node.focus
        if isinstance(node, PathMap) and not node.left.type.is_a("node"):
            code = self.call(node.left, "step_from", code, form="item")
        self.out.line(f"{focus.item.python} = {code.text}")
        for var in (focus.position, focus.last):
            if var in node.right.free:
                self.out.line(f"{var.python} = 1")
        return True

    def _map_head(self, node: SimpleMap) -> Code:
        """What stands between `for` and the colon."""
        focus = node.focus
        self.make_cells(node.cells)
        source = self.items(node.left) if not isinstance(node, PathMap) else self._path_items(node.left)
        if ":=" in source.text or focus.last in node.right.free:
            source = self.spill(source, "items")
        if focus.last in node.right.free:
            self.out.line(f"{focus.last.python} = len({source.text})")
        if focus.position in node.right.free:
            text = f"{focus.position.python}, {focus.item.python} in enumerate({source.text}, 1)"
        else:
            text = f"{focus.item.python} in {source.text}"
        return Code(text, "any", source.depth + 1)

    def _path_items(self, node: Expr) -> Code:
        """The nodes on the left of a `/`, in order; what may be no node is checked."""
        if not node.type.is_a("node"):
            code = self.call(node, "require_nodes", self.value(node), form="list")
            return code if node.type.optional else self.call(node, "ddo", code, form="list")
        return self.as_items(self.ordered_nodes(node, self.value(node)))

    def _map_loop(self, head: Code, body: Callable[[], None]) -> None:
        outer, self.out.loops = self.out.loops, 0
        with self.out.block(f"for {head.text}:"):
            body()
        self.out.loops = outer

    def value_PathMap(self, node: PathMap) -> Code:
        code = self.value_SimpleMap(node)
        if node.right.type.is_a("atomic") or (node.left.type.single and node.right.type.single):
            return code
        return self.call(node, "path_result", code)

    def into_PathMap(self, node: PathMap, target: str) -> None:
        self.append(self.value_PathMap(node), target)


def is_context_item(node: Expr) -> bool:
    """Whether an expression is the context item, written or implied by a step at the start of a path."""
    return isinstance(node, ContextItemRef) or (isinstance(node, VarRef) and node.var.name == ".")


def _without_predicates(node: Step) -> Step:
    return Step(
        input=node.input, axis=node.axis, test=node.test, predicates=[], type=node.type, start=node.start, end=node.end
    )


def is_ordered(node: Expr) -> bool:
    """Whether a value is known to be nodes in document order, each once."""
    match node:
        case Step() | Root() | SetOperation():
            return True
        case PathMap():
            return node.right.type.is_a("node")
        case Filter():
            return is_ordered(node.operand)
        case VarRef():
            value = node.var.value
            return (node.type.single and node.type.is_a("node")) or (value is not None and is_ordered(value))
        case If():
            return is_ordered(node.then) and is_ordered(node.otherwise)
        case Treat() | Once():
            return is_ordered(node.operand)
        case Join():
            return is_ordered(node.source)
        case _:
            return node.type.optional and node.type.is_a("node")
