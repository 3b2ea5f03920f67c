"""FLWOR and quantified expressions: nested Python loops, list comprehensions where they do, and their consumers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from xquery_bridge.compiler.codegen_operators import OperatorCodegen
from xquery_bridge.compiler.ir.branches import If
from xquery_bridge.compiler.ir.cells import Join, Member, Once
from xquery_bridge.compiler.ir.constructors import (
    ArrayConstructor,
    Attribute,
    DirectElement,
    JoinedText,
    Lookup,
    MapConstructor,
)
from xquery_bridge.compiler.ir.flwor import (
    Clause,
    Count,
    Flwor,
    For,
    GroupBy,
    Let,
    OrderBy,
    Quantified,
    Where,
    Window,
    WindowCondition,
    free_in,
)
from xquery_bridge.compiler.ir.functions import BuiltinCall, DynamicCall, UserCall
from xquery_bridge.compiler.ir.literals import Literal
from xquery_bridge.compiler.ir.node import EFFECTS, Expr
from xquery_bridge.compiler.ir.operators import (
    Arithmetic,
    Atomize,
    Cast,
    Compare,
    Concat,
    InstanceOf,
    Logic,
    NodeCompare,
    Range,
    Sign,
)
from xquery_bridge.compiler.ir.paths import Root, Step
from xquery_bridge.compiler.ir.variables import ContextItemRef, GlobalRef, Var, VarRef
from xquery_bridge.compiler.writer import MAX_NESTING, Code
from xquery_bridge.runtime.context import CODEPOINT

#: Kinds whose values Python sorts and hashes as XQuery orders and groups them.
_PLAIN_KEYS: Final = ("integer", "string")


class FlworCodegen(OperatorCodegen):
    """A FLWOR is a stream of tuples through its clauses; order by and group by collect it and start a new one."""

    # ------------------------------------------------------------------------------------------------------- values

    def value_Flwor(self, node: Flwor) -> Code:
        if all(isinstance(clause, Let) for clause in node.clauses):
            self._lets(node)
            return self.value(node.result)
        comprehension = self._comprehension(node)
        if comprehension is not None:
            return comprehension
        name = self.temp("result")
        self.out.line(f"{name} = []")
        self.into_Flwor(node, name)
        return Code(name, "list", 0, True)

    def into_Flwor(self, node: Flwor, target: str) -> None:
        self.stream(
            node.clauses,
            node.result,
            lambda: self.into(node.result, target),
            whole=lambda code: self.append(code, target),
        )

    def tail_Flwor(self, node: Flwor) -> None:
        if all(isinstance(clause, Let) for clause in node.clauses):
            self._lets(node)
            self.tail(node.result)
        else:
            self.out.line(f"return {self.result(node).text}")

    def _lets(self, node: Flwor) -> None:
        for clause in node.clauses:
            assert isinstance(clause, Let)
            self._let(clause)

    def _let(self, clause: Let) -> None:
        """Bind a variable. A value without effects that nobody reads is left out."""
        if not clause.var.uses:
            if clause.value.purity == EFFECTS:
                self.statement(clause.value)
            return
        code = self.value(clause.value)
        if clause.var.assigned:
            self.out.line(f"{clause.var.python} = [{code.text}]")
            return
        clause.var.bare = code.form == "item"
        self.out.line(f"{clause.var.python} = {code.text}")

    def _comprehension(self, node: Flwor) -> Code | None:
        """`[result for x in xs if condition]`, when nothing needs a statement; None otherwise.

        What has been generated on the way is not used then; so only expressions without inner blocks are tried.
        """
        if not (node.result.type.single and is_inline(node.result)):
            return None
        if isinstance(node.result, Once) and not is_inline(node.result.operand):
            return None
        if not all(
            (isinstance(clause, For) and not clause.allowing_empty and clause.declared is None)
            or (isinstance(clause, Where) and is_inline(clause.condition))
            for clause in node.clauses
        ):
            return None
        first = node.clauses[0]
        if not isinstance(first, For) or not all(
            is_inline(clause.source) and not clause.cells for clause in node.clauses[1:] if isinstance(clause, For)
        ):
            return None
        depth = 0
        with self.out.capture(1) as block:
            parts: list[str] = []
            for clause in node.clauses[1:]:
                if isinstance(clause, For):
                    code = self._source(clause)
                    if ":=" in code.text:
                        return None
                    parts.append(f"for {self._target(clause)} in {code.text}")
                elif isinstance(clause, Where):
                    code = self.truth(clause.condition)
                    parts.append(f"if {code.text}")
                else:
                    continue
                depth = max(depth, code.depth)
            result = self.value(node.result)
        if block.lines or result.form != "item":
            return None
        self.make_cells(first.cells)
        head = self._source(first)  # only now: a source that is a FLWOR, too, shall not be generated twice
        if ":=" in head.text:
            head = self.spill(head)
        text = " ".join([result.text, f"for {self._target(first)} in {head.text}", *parts])
        return Code(f"[{text}]", "list", max(result.depth, head.depth, depth) + 1)

    def _target(self, clause: For) -> str:
        if clause.position is not None and clause.position.uses:
            return f"{clause.position.python}, {clause.var.python}"
        return clause.var.python

    def _source(self, clause: For) -> Code:
        items = self.items(clause.source)
        if clause.position is not None and clause.position.uses:
            return Code(f"enumerate({items.text}, 1)", "any", items.depth + 1)
        return items

    # ------------------------------------------------------------------------------------------------------ streams

    def stream(
        self,
        clauses: list[Clause],
        result: Expr,
        body: Callable[[], None],
        stop: str | None = None,
        whole: Callable[[Code], None] | None = None,
    ) -> None:
        """Write the loops of the clauses with `body` inside; with `stop`, loops end when that flag is set.

        Where blocks get too deep, the rest goes into a function, and `whole` says what to do with its Value.
        """
        outer, self.out.loops = self.out.loops, 0
        head: str | None = None
        begin = 0
        while True:
            end = next((at for at in range(begin, len(clauses)) if isinstance(clauses[at], (OrderBy, GroupBy))), None)
            segment = clauses[begin:] if end is None else clauses[begin:end]
            for clause in segment:
                if isinstance(clause, Count) and clause.var.uses:
                    self.out.line(f"{clause.var.python} = 0")
            if end is None:
                self._looped(head, stop, partial(self._clauses, segment, 0, result, body, stop, whole))
                break
            head = self._barrier(clauses, begin, end, head, result)
            begin = end + 1
        self.out.loops = outer

    def _looped(self, head: str | None, stop: str | None, inner: Callable[[], None]) -> None:
        if head is None:
            inner()
        else:
            with self._loop(head, stop):
                inner()

    def _barrier(self, clauses: list[Clause], begin: int, end: int, head: str | None, result: Expr) -> str:
        """Collect the tuples of a segment, sort or group them; the head of the loop that goes on with them."""
        barrier, segment = clauses[end], clauses[begin:end]
        live = self._live(clauses, end + 1, result)
        if isinstance(barrier, OrderBy):
            rows = self.temp("rows")
            self.out.line(f"{rows} = []")

            def add_row() -> None:
                self._order_by(clauses, end, result, rows)

            self._looped(head, None, lambda: self._clauses(segment, 0, result, add_row, None, None))
            self._sort(barrier, rows)
            names = ["_"] * len(barrier.specs) + [var.python for var in live]
            return f"for {', '.join(names)}, in {rows}:"
        assert isinstance(barrier, GroupBy)
        groups = self.temp("groups")
        self.out.line(f"{groups} = {{}}")

        def add_to_group() -> None:
            self._group_by(barrier, live, groups)

        self._looped(head, None, lambda: self._clauses(segment, 0, result, add_to_group, None, None))
        names = [after.python for _, after, _ in barrier.keys]
        names += [after.python for _, after in barrier.regrouped if after in live]
        for before, after, _ in barrier.keys:
            after.bare = before.bare and before.type.single
        return f"for {', '.join(names)}, in {groups}.values():"

    def _clauses(
        self,
        clauses: list[Clause],
        at: int,
        result: Expr,
        body: Callable[[], None],
        stop: str | None,
        whole: Callable[[Code], None] | None,
    ) -> None:
        if at == len(clauses):
            body()
            return
        clause = clauses[at]
        if self.out.nesting >= MAX_NESTING and isinstance(clause, For) and whole is not None:
            rest_of_it = Flwor(clauses=clauses[at:], result=result, type=result.type.any_number())
            whole(self.split(rest_of_it))
            return

        def rest() -> None:
            self._clauses(clauses, at + 1, result, body, stop, whole)

        match clause:
            case For():
                self._for(clause, rest, stop)
            case Let():
                self._let(clause)
                rest()
            case Where():
                self._where(clause, rest)
            case Count():
                if clause.var.uses:
                    self.out.line(f"{clause.var.python} += 1")
                rest()
            case Window():
                self._window(clause, rest, stop)
            case _:
                raise AssertionError(f"{type(clause).__name__} within a segment")

    def make_cells(self, cells: list[Var]) -> None:
        """Empty cells for what a loop computes once."""
        for cell in cells:
            self.out.line(f"{cell.python} = []")

    def _for(self, clause: For, rest: Callable[[], None], stop: str | None) -> None:
        self.make_cells(clause.cells)
        items = self.items(clause.source)
        if clause.allowing_empty:
            items = self.spill(items, "items")
            clause.var.bare = False
            if clause.position is not None and clause.position.uses:
                head = f"enumerate({items.text} or EMPTY_ONCE, 1 if {items.text} else 0)"
            else:
                head = f"({items.text} or EMPTY_ONCE)"
        elif clause.position is not None and clause.position.uses:
            head = f"enumerate({items.text}, 1)"
        else:
            head = items.text
        with self._loop(f"for {self._target(clause)} in {head}:", stop):
            if clause.declared is not None:
                constant = self.sequence_type(clause.declared)
                self.out.line(self.mark(clause, f"treat_as({constant}, {clause.var.python}, 'XPTY0004')"))
            rest()

    def _loop(self, head: str, stop: str | None) -> _Loop:
        return _Loop(self, head, stop)

    def _where(self, clause: Where, rest: Callable[[], None]) -> None:
        if isinstance(clause.condition, Literal) and clause.condition.value is True:
            rest()
            return
        condition = self.truth(clause.condition)
        if self.out.loops:
            self.out.line(f"if not {condition.text}:")
            self.out.line("    continue")
            rest()
        else:
            with self.out.block(f"if {condition.text}:"):
                rest()

    # ------------------------------------------------------------------------------------------- order by, group by

    def _live(self, clauses: list[Clause], at: int, result: Expr) -> list[Var]:
        """Variables of the clauses before `at` that something from there on reads."""
        needed = free_in(clauses[at:], result)
        bound: list[Var] = []
        for clause in clauses[:at]:
            cells = clause.cells if isinstance(clause, (For, Window)) else []
            bound.extend([var for var in clause.variables() if var not in cells])
        return [var for var in bound if var in needed]

    def _order_by(self, clauses: list[Clause], at: int, result: Expr, rows: str) -> None:
        """Collect a row of keys and variables; written inside the loops."""
        clause = clauses[at]
        assert isinstance(clause, OrderBy)
        keys: list[str] = []
        for spec, code in zip(clause.specs, self.operands([spec.key for spec in clause.specs]), strict=True):
            plain = spec.key.type.single and code.form == "item" and spec.key.type.kind in _PLAIN_KEYS
            keys.append(code.text if plain else self.mark(spec, f"order_value({code.text})"))
        values = [var.python for var in self._live(clauses, at + 1, result)]
        self.out.line(f"{rows}.append(({', '.join([*keys, *values])},))")

    def _sort(self, clause: OrderBy, rows: str) -> None:
        specs = ", ".join(
            [
                f"({spec.descending}, {spec.empty_greatest}, "
                f"{'None' if spec.collation == CODEPOINT else self.collation(spec.collation)})"
                for spec in clause.specs
            ]
        )
        self.out.line(self.mark(clause, f"order_rows({rows}, ({specs},))"))

    def _group_by(self, clause: GroupBy, live: list[Var], groups: str) -> None:
        """Add the variables of a tuple to those of its group; written inside the loops."""
        keys: list[str] = []
        for before, _, collation in clause.keys:
            plain = before.bare and before.type.single and before.type.kind in _PLAIN_KEYS
            if plain and collation == CODEPOINT:
                keys.append(before.python)
            else:
                more = "" if collation == CODEPOINT else f", {self.collation(collation)}"
                keys.append(self.mark(clause, f"group_key({before.python}{more})"))
        key = self.temp("key")
        group = self.temp("group")
        self.out.line(f"{key} = {keys[0]}" if len(keys) == 1 else f"{key} = ({', '.join(keys)})")
        self.out.line(f"{group} = {groups}.get({key})")
        wanted = [(before, after) for before, after in clause.regrouped if after in live]
        with self.out.block(f"if {group} is None:"):
            kept = [
                before.python if before.type.kind in _PLAIN_KEYS and before.bare else f"group_value({before.python})"
                for before, _, _ in clause.keys
            ]
            self.out.line(f"{groups}[{key}] = {group} = ({', '.join([*kept, *['[]' for _ in wanted]])},)")
        for index, (before, _) in enumerate(wanted, len(clause.keys)):
            self.append(Code(before.read, "item" if before.bare else "any", 0, True), f"{group}[{index}]")

    # ------------------------------------------------------------------------------------------------------ windows

    def _window(self, clause: Window, rest: Callable[[], None], stop: str | None) -> None:
        items = self.items(clause.source)
        start = self._condition(clause.start_condition, [])
        end = "None"
        only = False
        if clause.end_condition is not None:
            end = self._condition(clause.end_condition, clause.start_condition.variables(), clause.start_condition)
            only = clause.end_condition.only
        function = "sliding_windows" if clause.sliding else "tumbling_windows"
        names = [clause.var.python]
        for condition in (clause.start_condition, clause.end_condition):
            for part in ("item", "position", "previous", "next"):
                var = getattr(condition, part) if condition is not None else None
                names.append(var.python if var is not None else "_")
        head = self.mark(clause, f"{function}({items.text}, {start}, {end}, {only})")
        with self._loop(f"for {', '.join(names)} in {head}:", stop):
            if clause.declared is not None:
                constant = self.sequence_type(clause.declared)
                self.out.line(self.mark(clause, f"treat_as({constant}, {clause.var.python}, 'XPTY0004')"))
            rest()

    def _condition(self, condition: WindowCondition, before: list[Var], start: WindowCondition | None = None) -> str:
        """A Python function of (item, position, previous, next), for ends of the start's four before them."""
        when = condition.when
        if isinstance(when, Literal) and when.value is True:
            return "None"
        names: list[str] = []
        for each in (start, condition):
            if each is not None:
                for part in ("item", "position", "previous", "next"):
                    var = getattr(each, part)
                    names.append(var.python if var is not None else self.temp("_"))
        code = self.in_one_piece(when, self.truth)
        return f"lambda {', '.join(names)}: {code.text}"

    # --------------------------------------------------------------------------------------------------- quantified

    def value_Quantified(self, node: Quantified) -> Code:
        """A flag that the loops set; they end as soon as it is known."""
        flag = self.temp("every" if node.every else "some")
        self.out.line(f"{flag} = {node.every}")

        def body() -> None:
            condition = self.truth(node.condition)
            with self.out.block(f"if {'not ' if node.every else ''}{condition.text}:"):
                self.out.line(f"{flag} = {not node.every}")
                if self.out.loops:
                    self.out.line("break")

        self.stream(node.clauses, node.condition, body, stop=f"not {flag}" if node.every else flag)
        return Code(flag, "item", 0, True)

    # ---------------------------------------------------------------------------------------------------- consumers

    def counted(self, node: Expr) -> Code:
        """The number of items, without building a list where loops can count."""
        if node.type.single:
            code = self.value(node)
            if node.purity == EFFECTS and not code.stable:
                self.out.line(code.text)
            return Code("1", "item", 0, True)
        if (
            isinstance(node, Flwor)
            and _is_loop(node)
            and (not is_inline(node.result) or isinstance(node.result, (VarRef, Literal)))
        ):
            name = self.temp("count")
            self.out.line(f"{name} = 0")
            self.stream(
                node.clauses,
                node.result,
                lambda: self._add_count(node.result, name),
                whole=lambda code: self.out.line(f"{name} += count({code.text})"),
            )
            return Code(name, "item", 0, True)
        code = self.value(node)
        if code.form == "list":
            return Code(f"len({code.text})", "item", code.depth + 1)
        return Code(f"count({code.text})", "item", code.depth + 1)

    def _add_count(self, node: Expr, name: str) -> None:
        code = self.counted(node)
        self.out.line(f"{name} += {code.text}")

    def found(self, node: Expr) -> Code:
        """Whether there is an item, without looking for more than one."""
        if isinstance(node, Flwor) and _is_loop(node):
            flag = self.temp("found")
            self.out.line(f"{flag} = False")
            result = node.result

            def body() -> None:
                code = self.found(result)
                if code.text == "True":
                    self.out.line(f"{flag} = True")
                    if self.out.loops:
                        self.out.line("break")
                    return
                with self.out.block(f"if {code.text}:"):
                    self.out.line(f"{flag} = True")
                    if self.out.loops:
                        self.out.line("break")

            self.stream(node.clauses, node.result, body, stop=flag)
            return Code(flag, "item", 0, True)
        code = self.value(node)
        if node.type.low and (code.form == "item" or node.type.single):
            if node.purity == EFFECTS and not code.stable:
                self.out.line(code.text)
            return Code("True", "item", 0, True)
        if code.form == "list":
            return Code(f"(len({code.text}) > 0)", "item", code.depth + 1)
        return Code(f"exists({code.text})", "item", code.depth + 1)


class _Loop:
    """A loop of a stream: a context manager that breaks out of outer loops, too, once the flag is set."""

    def __init__(self, codegen: FlworCodegen, head: str, stop: str | None) -> None:
        self.codegen, self.stop = codegen, stop
        self.block = codegen.out.block(head)

    def __enter__(self) -> None:
        self.block.__enter__()
        self.codegen.out.loops += 1

    def __exit__(self, *error: object) -> None:
        out = self.codegen.out
        out.loops -= 1
        self.block.__exit__(None, None, None)
        if self.stop is not None and out.loops and error[0] is None:
            out.line(f"if {self.stop}:")
            out.line("    break")


def _is_loop(node: Flwor) -> bool:
    """Whether the FLWOR is loops only: no sorting or grouping that would collect its tuples anyway."""
    return all(isinstance(clause, (For, Let, Where, Count)) for clause in node.clauses) and any(
        isinstance(clause, For) for clause in node.clauses
    )


#: Expressions whose code never needs a statement, if that of their operands does not.
_INLINE: Final = (
    Literal,
    VarRef,
    GlobalRef,
    ContextItemRef,
    Arithmetic,
    Sign,
    Compare,
    Concat,
    JoinedText,
    Range,
    Cast,
    Atomize,
    InstanceOf,
    Logic,
    If,
    UserCall,
    BuiltinCall,
    DynamicCall,
    NodeCompare,
    Lookup,
    Step,
    Root,
    DirectElement,
    Attribute,
    MapConstructor,
    ArrayConstructor,
)


def is_inline(node: Expr) -> bool:
    """Whether an expression's code is likely to be a Python expression (if not, it still works, with more lines)."""
    if isinstance(node, Once):
        return True
    if isinstance(node, (Join, Member)):
        return is_inline(node.probe)
    if not isinstance(node, _INLINE) or (isinstance(node, Step) and node.predicates):
        return False
    return all(is_inline(child) for child in node.children())
