"""The base of code generation: dispatch, temporary values, sequences of operands, splitting into functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from xquery_bridge.compiler.ir.branches import If, Switch, Try, Typeswitch
from xquery_bridge.compiler.ir.flwor import Flwor, Quantified
from xquery_bridge.compiler.ir.functions import DynamicCall, Function
from xquery_bridge.compiler.ir.node import EFFECTS, Expr, Node
from xquery_bridge.compiler.ir.operators import Logic, Sequence
from xquery_bridge.compiler.ir.paths import Filter, SimpleMap, Step
from xquery_bridge.compiler.program import Program
from xquery_bridge.compiler.writer import MAX_DEPTH, MAX_NESTING, Code, FunctionWriter, Place, Source

#: Expressions that may open blocks: where blocks are already deep, they get a function of their own.
_BLOCKS: Final = (
    Flwor,
    Quantified,
    Try,
    If,
    Switch,
    Typeswitch,
    SimpleMap,
    Step,
    Filter,
    Sequence,
    Logic,
)

#: Text literals longer than this become constants.
_LONG_TEXT: Final = 120

EMPTY: Final = Code("[]", "list", 0, True)


class CodegenBase:
    """Writes one program. Every `value_CLASS` method gives the Python expression for a node's Value."""

    def __init__(self, program: Program, namespace: dict[str, Any]) -> None:
        self.program = program
        self.names = program.names
        self.namespace = namespace
        self.source = Source()
        self.out = FunctionWriter()
        self.finished: list[tuple[str, list[tuple[int, str]]]] = []
        self.module = program.main
        #: the function whose body is being written, for tail calls
        self.function: Function | None = None
        #: functions on cycles of tail calls, with those of the cycle that each calls so
        self.bouncing: dict[Function, set[Function]] = {}
        #: calls in tail position that a function item leaves to its caller
        self.handed_on: set[DynamicCall] = set()
        self._constants: dict[Any, str] = {}
        self._keep: list[Any] = []
        #: class of a node -> the method for it, unbound: bound ones would keep the whole program until the garbage
        #: collector finds it
        self._methods: dict[type, Callable[[Any, Any], Code]] = {}
        self._places: dict[Place, int] = {}
        #: list comprehension -> the same as a generator expression
        self.generators: dict[str, str] = {}
        #: code of a list -> what gives the code of its first items only
        self.bounded: dict[str, Callable[[int], Code]] = {}

    # ---------------------------------------------------------------------------------------------------- dispatch

    def value(self, node: Expr) -> Code:
        """The Python expression for a node's Value; statements it needs are written before it."""
        kind = type(node)
        if self.out.nesting >= MAX_NESTING and kind in _BLOCKS:
            return self.split(node)
        method = self._methods.get(kind)
        if method is None:
            method = self._methods[kind] = getattr(type(self), f"value_{kind.__name__}")
        code = method(self, node)
        return self.spill(code) if code.depth > MAX_DEPTH else code

    def mark(self, node: Node, text: str, shown: str = "") -> str:
        """Surround code with marks that lead back to the node's place in the query."""
        place = Place(self.module, node.start, node.end, shown)
        index = self._places.get(place)
        if index is None:
            index = self._places[place] = self.source.add_place(place)
        return f"\x01{index}\x02{text}\x03"

    def call(self, node: Node, function: str, *args: Code, form: str = "any", more: str = "") -> Code:
        """A call of a runtime function, marked with the node's place."""
        text = ", ".join([arg.text for arg in args])
        depth = max((arg.depth for arg in args), default=0) + 1
        return Code(self.mark(node, f"{function}({text}{more})"), form, depth)

    # --------------------------------------------------------------------------------------------------- temporaries

    def temp(self, hint: str = "t") -> str:
        return self.names.make(hint)

    def spill(self, code: Code, hint: str = "t") -> Code:
        """Assign to a temporary, unless it is a name or a constant already."""
        if code.stable:
            return code
        name = self.temp(hint)
        self.out.line(f"{name} = {code.text}")
        return Code(name, code.form, 0, True)

    def twice(self, code: Code) -> tuple[str, str]:
        """Code for the first and for later uses of a value within one expression."""
        if code.stable:
            return code.text, code.text
        name = self.temp()
        return f"({name} := {code.text})", name

    def constant(self, hint: str, value: Any, key: Any = None) -> str:
        """A name in the generated program's namespace for a Python object made at compile time."""
        key = (hint, id(value)) if key is None else key
        found = self._constants.get(key)
        if found is None:
            found = self._constants[key] = self.names.make(hint)
            self.namespace[found] = value
            self._keep.append(value)
        return found

    def literal(self, value: Any) -> str:
        """Python source for an atomic value."""
        kind = type(value)
        if kind is bool:
            return str(value)
        if kind is int:
            return str(value) if value >= 0 else f"({value})"
        if kind is str:
            return ascii(value) if len(value) <= _LONG_TEXT else self.constant("text", value, ("text", value))
        if kind is float:
            if math.isinf(value) or math.isnan(value):
                return self.constant("double", value, ("double", repr(value)))
            return repr(value) if math.copysign(1.0, value) > 0 else f"({value!r})"
        if kind is Decimal:
            return self.constant("decimal", value, ("decimal", str(value)))
        return self.constant(kind.__name__.lower(), value)

    # ------------------------------------------------------------------------------------------------------ operands

    def operands(self, nodes: list[Expr], mode: Callable[[Expr], Code] | None = None) -> list[Code]:
        """The code of several operands. When a later one needs statements, effects of earlier ones stay before them."""
        mode = mode or self.value
        codes: list[Code] = []
        for node in nodes:
            at = len(self.out.lines)
            code = mode(node)
            if len(self.out.lines) > at:
                self._settle(nodes, codes, at)
            codes.append(code)
        return codes

    def _settle(self, nodes: list[Expr], codes: list[Code], at: int) -> None:
        """Assign the earlier operands that have effects to temporaries at a line before the later one's statements."""
        for index, prior in enumerate(codes):
            if not prior.stable and nodes[index].purity == EFFECTS:
                name = self.temp()
                self.out.lines.insert(at, (self.out.indent, f"{name} = {prior.text}"))
                at += 1
                codes[index] = Code(name, prior.form, 0, True)

    def items(self, node: Expr) -> Code:
        """A list or range of the node's items."""
        return self.as_items(self.value(node))

    def as_items(self, code: Code) -> Code:
        if code.form == "list":
            return code
        if code.form == "item":
            return Code(f"[{code.text}]", "list", code.depth + 1)
        return Code(f"as_list({code.text})", "list", code.depth + 1)

    # --------------------------------------------------------------------------------------------------------- truth

    def truth(self, node: Expr) -> Code:
        """Code whose Python truth is the effective boolean value."""
        return self.truth_of(node, self.value(node))

    def truth_of(self, node: Expr, code: Code) -> Code:
        type = node.type
        if type.is_a("boolean") and type.optional:
            if code.form != "item":
                return Code(self.mark(node, f"ebv({code.text})"), "item", code.depth + 1)
            return code
        if type.single and code.form == "item" and (type.is_a("integer") or type.is_a("string")):
            return code
        if type.is_a("node") and code.form == "list":
            return code
        return Code(self.mark(node, f"ebv({code.text})"), "item", code.depth + 1)

    # -------------------------------------------------------------------------------------------------- into a list

    def into(self, node: Expr, target: str) -> None:
        """Statements that append the node's items to a Python list."""
        method = getattr(self, f"into_{type(node).__name__}", None)
        if method is not None and self.out.nesting < MAX_NESTING:
            method(node, target)
            return
        self.append(self.value(node), target)

    def append(self, code: Code, target: str) -> None:
        """Append a Value to a list."""
        if code.text == "[]":
            return
        if code.form == "item":
            self.out.line(f"{target}.append({code.text})")
        elif code.form == "list":
            self.out.line(f"{target}.extend({code.text})")
        else:
            first, later = self.twice(code)
            self.out.line(f"if type({first}) is list or type({later}) is range:")
            self.out.line(f"    {target}.extend({later})")
            self.out.line("else:")
            self.out.line(f"    {target}.append({later})")

    def statement(self, node: Expr) -> None:
        """Evaluate for the effects only."""
        code = self.value(node)
        if not code.stable:
            self.out.line(code.text)

    # ----------------------------------------------------------------------------------------------------- returning

    def tail(self, node: Expr) -> None:
        """Statements that return the node's Value from the function being written."""
        method = getattr(self, f"tail_{type(node).__name__}", None)
        if method is not None and self.out.nesting < MAX_NESTING:
            method(node)
        else:
            self.out.line(f"return {self.result(node).text}")

    def result(self, node: Expr) -> Code:
        """The Value to return; functions with a declared result type convert it here."""
        return self.value(node)

    # ----------------------------------------------------------------------------------------------------- functions

    def split(self, node: Expr) -> Code:
        """Put an expression into a function of its own, with its free variables as parameters."""
        names = sorted({var.python for var in node.free if not var.is_global})
        name = self.names.make("part")
        saved, saved_function = self.out, self.function
        self.out, self.function = FunctionWriter(), None
        try:
            self.out.line(f"return {self.value(node).text}")
            self.finish(f"def {name}({', '.join(names)}):")
        finally:
            self.out, self.function = saved, saved_function
        return Code(f"{name}({', '.join(names)})", "any", 1)

    def in_one_piece(self, node: Expr, mode: Callable[[Expr], Code] | None = None) -> Code:
        """An expression's code without lines around it: in place, or in a function of its own where it needs lines.

        It is generated once: trying it in place first would double the work with every level of nesting.
        """
        saved, saved_function = self.out, self.function
        self.out, self.function = FunctionWriter(), None
        try:
            code = (mode or self.value)(node)
            if not self.out.lines and ":=" not in code.text:
                return code
            names = sorted({var.python for var in node.free if not var.is_global})
            name = self.names.make("part")
            self.out.line(f"return {code.text}")
            self.finish(f"def {name}({', '.join(names)}):")
        finally:
            self.out, self.function = saved, saved_function
        return Code(f"{name}({', '.join(names)})", code.form, 1)

    def finish(self, header: str) -> None:
        """Keep the function that has been written."""
        self.finished.append((header, self.out.lines))
