"""Literals, operators, branches, try and types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from xquery_bridge.compiler.codegen_base import EMPTY, CodegenBase
from xquery_bridge.compiler.ir.branches import Catch, If, Rethrow, Switch, Try, TypeCase, Typeswitch
from xquery_bridge.compiler.ir.constructors import JoinedText
from xquery_bridge.compiler.ir.functions import BuiltinCall
from xquery_bridge.compiler.ir.literals import Failure, Literal
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
    Sequence,
    SetOperation,
    Sign,
    Treat,
)
from xquery_bridge.compiler.ir.paths import Step
from xquery_bridge.compiler.ir.variables import Assign, ContextItemRef, Var, VarRef
from xquery_bridge.compiler.types import StaticType
from xquery_bridge.compiler.writer import MAX_NESTING, Code
from xquery_bridge.runtime.context import CODEPOINT
from xquery_bridge.runtime.nodes import clark

_RUNTIME_ARITHMETIC: Final = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "div": "divide",
    "idiv": "integer_divide",
    "mod": "modulo",
}
#: The operators on operands of which one is surely a Decimal.
_DECIMAL_ARITHMETIC: Final = {
    "+": "decimal_add",
    "-": "decimal_subtract",
    "*": "decimal_multiply",
    "div": "decimal_divide",
}
_PYTHON_COMPARISON: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}

#: How many operands are written as one list display; more get a line each.
_IN_ONE_LIST: Final = 60

#: Kinds that Python's own comparison operators order as XQuery does.
_ORDERED: Final = ("integer", "decimal", "double")


class OperatorCodegen(CodegenBase):
    """Static types choose between Python's operators and the runtime's."""

    def value_Literal(self, node: Literal) -> Code:
        return Code(self.literal(node.value), "item", 0, True)

    def value_VarRef(self, node: VarRef) -> Code:
        if node.var.assigned:
            return Code(node.var.read)
        return Code(node.var.python, "item" if node.var.bare else "any", 0, True)

    def value_Assign(self, node: Assign) -> Code:
        code = self.value(node.value)
        if isinstance(node.var, Var):
            place = f"{node.var.python}, 0"
        else:
            place = f"known_variables, ({node.var.uri!a}, {node.var.local!a})"
        return Code(f"assign({place}, {code.text})", "list", code.depth + 1)

    def value_ContextItemRef(self, node: ContextItemRef) -> Code:
        if node.part == "presence":
            return Code("(context.context_item is not None)", "item", 1)
        return Code(self.mark(node, f"context_{node.part}()"), "item")

    def value_Failure(self, node: Failure) -> Code:
        return Code(self.mark(node, f"fail({node.code!r})"), "any", 1)

    # ---------------------------------------------------------------------------------------------------- sequences

    def value_Sequence(self, node: Sequence) -> Code:
        if not node.items:
            return EMPTY
        if any(item.type.empty for item in node.items) and all(item.purity < EFFECTS for item in node.items):
            kept = [item for item in node.items if not isinstance(item, Sequence)]
            node = Sequence(items=kept, type=node.type, start=node.start, end=node.end)
        if len(node.items) <= _IN_ONE_LIST and all(
            not hasattr(self, f"into_{type(item).__name__}") for item in node.items
        ):
            codes = self.operands(node.items)
            parts = [code.text if code.form == "item" else f"*{self.as_items(code).text}" for code in codes]
            return Code(f"[{', '.join(parts)}]", "list", max(code.depth for code in codes) + 1)
        name = self.temp("items")
        self.out.line(f"{name} = []")
        for item in node.items:
            self.into(item, name)
        return Code(name, "list", 0, True)

    def into_Sequence(self, node: Sequence, target: str) -> None:
        for item in node.items:
            self.into(item, target)

    def value_Range(self, node: Range) -> Code:
        low, high = self.operands([node.low, node.high])
        if self.is_int(node.low, low) and self.is_int(node.high, high):
            stop = str(node.high.value + 1) if isinstance(node.high, Literal) else f"{high.text} + 1"
            return Code(f"range({low.text}, {stop})", "list", max(low.depth, high.depth) + 1)
        return self.call(node, "integer_range", low, high, form="list")

    def is_int(self, node: Expr, code: Code) -> bool:
        return node.type.kind == "integer" and node.type.single and code.form == "item"

    # --------------------------------------------------------------------------------------------------- arithmetic

    def value_Arithmetic(self, node: Arithmetic) -> Code:
        left, right = self.operands([node.left, node.right])
        depth = max(left.depth, right.depth) + 1
        operator = node.operator
        form = "item" if node.type.single else "any"
        if operator in _DECIMAL_ARITHMETIC and left.form == right.form == "item" and _gives_decimal(node):
            return self.call(node, _DECIMAL_ARITHMETIC[operator], left, right, form="item")
        if self.is_int(node.left, left) and self.is_int(node.right, right):
            fast = self._integers(node, left, right)
            if fast is not None:
                return Code(fast, "item", depth)
        elif operator in "+-*" and self._floats(node, left, right):
            first, second = self._as_double(node.left, left), self._as_double(node.right, right)
            return Code(f"({first} {operator} {second})", "item", depth)
        elif operator in "+-*" and self._maybe_integer(node.left) and self._maybe_integer(node.right):
            return self._tested(node, left, right, operator, depth, form)
        elif operator in ("mod", "idiv") and isinstance(node.right, Literal) and type(node.right.value) is int:
            if node.right.value > 0 and self._maybe_integer(node.left):
                first, later = self.twice(left)
                fast = self._truncated(operator, later, right.text, False)
                slow = self.mark(node, f"{_RUNTIME_ARITHMETIC[operator]}({later}, {right.text})")
                return Code(f"({fast} if type({first}) is int else {slow})", form, depth + 1)
        elif operator == "div" and self._floats(node, left, right) and _is_constant(node.right):
            first, second = self._as_double(node.left, left), self._as_double(node.right, right)
            return Code(f"({first} / {second})", "item", depth)
        return self.call(node, _RUNTIME_ARITHMETIC[operator], left, right, form=form)

    def _maybe_integer(self, node: Expr) -> bool:
        return node.type.may_be("integer") and not node.type.is_a("node") and not node.type.empty

    def _floats(self, node: Arithmetic, left: Code, right: Code) -> bool:
        """Whether both are single numbers and one of them is a double: Python's operators then do the same."""
        kinds = {
            "double" if isinstance(each, Literal) and type(each.value) is Decimal else each.type.kind
            for each in (node.left, node.right)
        }
        single = node.left.type.single and node.right.type.single and left.form == right.form == "item"
        doubles = "double" in (node.left.type.kind, node.right.type.kind)
        return single and doubles and kinds <= {"double", "integer"}

    def _as_double(self, node: Expr, code: Code) -> str:
        """An operand beside a double: a decimal literal becomes one, too."""
        if isinstance(node, Literal) and type(node.value) is Decimal:
            return self.literal(float(node.value))
        return code.text

    def _integers(self, node: Arithmetic, left: Code, right: Code) -> str | None:
        operator = node.operator
        if operator in "+-*":
            return f"({left.text} {operator} {right.text})"
        if operator not in ("idiv", "mod"):
            return None
        if isinstance(node.right, Literal) and node.right.value > 0:
            positive = not_negative(node.left)
            if positive:
                return self._truncated(operator, left.text, right.text, True)
            first, later = self.twice(left)
            symbol = "//" if operator == "idiv" else "%"
            return f"({later} {symbol} {right.text} if {first} >= 0 else -(-{later} {symbol} {right.text}))"
        symbol = "//" if operator == "idiv" else "%"
        if not_negative(node.left) and not_negative(node.right):
            return self.mark(node, f"({left.text} {symbol} {right.text})")
        if left.stable and right.stable:
            a, b = left.text, right.text
            slow = self.mark(node, f"{_RUNTIME_ARITHMETIC[operator]}({a}, {b})")
            return f"({a} {symbol} {b} if {a} >= 0 and {b} > 0 else {slow})"
        return None

    def _truncated(self, operator: str, left: str, right: str, positive: bool) -> str:
        """Division of an integer by a positive constant, truncated towards zero."""
        symbol = "//" if operator == "idiv" else "%"
        if positive:
            return f"({left} {symbol} {right})"
        return f"({left} {symbol} {right} if {left} >= 0 else -(-{left} {symbol} {right}))"

    def _tested(self, node: Arithmetic, left: Code, right: Code, operator: str, depth: int, form: str) -> Code:
        """Python's operator when both turn out to be integers, the runtime's otherwise."""
        tests: list[str] = []
        a_first, a = self.twice(left)
        if not self.is_int(node.left, left):
            tests.append(f"type({a_first}) is int")
        elif not left.stable:
            a_first = a = self.spill(left).text
        b_first, b = self.twice(right)
        if not self.is_int(node.right, right):
            if not right.stable and tests:
                # the second operand must be computed whatever the first test says
                right = self.spill(right)
                b_first = b = right.text
            tests.append(f"type({b_first}) is int")
        elif not right.stable:
            b_first = b = self.spill(right).text
        slow = self.mark(node, f"{_RUNTIME_ARITHMETIC[operator]}({a}, {b})")
        return Code(f"({a} {operator} {b} if {' and '.join(tests)} else {slow})", form, depth + 2)

    def value_Sign(self, node: Sign) -> Code:
        code = self.value(node.operand)
        if node.operand.type.single and code.form == "item" and node.operand.type.kind in ("integer", "double"):
            return Code(f"(-{code.text})" if node.negative else code.text, "item", code.depth + 1)
        form = "item" if node.type.single else "any"
        return self.call(node, "negate" if node.negative else "plus", code, form=form)

    # --------------------------------------------------------------------------------------------------- comparison

    def _attribute_test(self, node: Compare) -> Code | None:
        """`@name = 'text'` of one node."""
        if not node.general or node.operator != "eq" or node.collation != CODEPOINT:
            return None
        for step, text in ((node.left, node.right), (node.right, node.left)):
            if not isinstance(step, Step) or step.axis != "attribute" or step.predicates:
                continue
            test, start = step.test, step.input
            if test.kind != "attribute" or test.uri is None or test.local is None or test.other is not None:
                continue
            if not isinstance(text, Literal) or type(text.value) is not str:
                continue
            if isinstance(start, VarRef) and start.var.bare and start.type.single and start.type.is_a("node"):
                name = clark(test.uri, test.local)
                constant = self.constant(f"name_{test.local}", name, ("name", name))
                return Code(f"attribute_is({start.var.python}, {constant}, {self.literal(text.value)})", "item", 1)
        return None

    def value_Compare(self, node: Compare) -> Code:
        found = self._attribute_test(node)
        if found is not None:
            return found
        left, right = self.operands([node.left, node.right])
        depth = max(left.depth, right.depth) + 1
        symbol = _PYTHON_COMPARISON[node.operator]
        bare = left.form == right.form == "item"
        kinds = (node.left.type.kind, node.right.type.kind)
        single = node.left.type.single and node.right.type.single and bare
        plain = node.collation == CODEPOINT
        if single and all(kind in _ORDERED for kind in kinds) and ("decimal" not in kinds or "double" not in kinds):
            first, second = left.text, right.text
            if "double" in kinds:
                first, second = _beside_double(node.left, first), _beside_double(node.right, second)
            return Code(f"({first} {symbol} {second})", "item", depth)
        if single and kinds == ("string", "string") and plain:
            return Code(f"({left.text} {symbol} {right.text})", "item", depth)
        if single and kinds == ("boolean", "boolean"):
            return Code(f"({left.text} {symbol} {right.text})", "item", depth)
        name = f"general_{node.operator}" if node.general else f"value_{node.operator}"
        more = "" if plain else f", {self.collation(node.collation)}"
        form = "item" if node.general else "any"
        fast = self._fast_comparison(node, left, right, name, more, symbol, depth, form)
        return fast or self.call(node, name, left, right, form=form, more=more)

    def _fast_comparison(
        self, node: Compare, left: Code, right: Code, name: str, more: str, symbol: str, depth: int, form: str
    ) -> Code | None:
        """A test for the Python type before the runtime's comparison, where one side is known."""
        for known, known_code, other, other_code, swapped in (
            (node.right, right, node.left, left, False),
            (node.left, left, node.right, right, True),
        ):
            kind = known.type.kind
            if not (known.type.single and known_code.form == "item" and kind in ("integer", "string")):
                continue
            if not other.type.may_be(kind) or other.type.is_a("node") or (kind == "string" and more != ""):
                return None
            python = "int" if kind == "integer" else "str"
            if not known_code.stable:
                known_code = self.spill(known_code)
            first, later = self.twice(other_code)
            a, b = (known_code.text, later) if swapped else (later, known_code.text)
            slow = self.mark(node, f"{name}({a}, {b}{more})")
            return Code(f"({a} {symbol} {b} if type({first}) is {python} else {slow})", form, depth + 2)
        return None

    def collation(self, uri: str) -> str:
        """The constant for a collation object."""
        from xquery_bridge.runtime.collations import collation

        return self.constant("collation", collation(uri), ("collation", uri))

    def value_NodeCompare(self, node: NodeCompare) -> Code:
        name = {"is": "node_is", "<<": "node_precedes", ">>": "node_follows"}[node.operator]
        return self.call(node, name, *self.operands([node.left, node.right]))

    def value_SetOperation(self, node: SetOperation) -> Code:
        if len(chain := _unions(node)) > 1:
            return self._union_of_many(chain)
        name = "except_" if node.operator == "except" else node.operator
        return self.call(node, name, *self.operands([node.left, node.right]), form="list")

    def _union_of_many(self, chain: list[SetOperation]) -> Code:
        """`a | b | c …`: the nodes of all operands are put in order once, and not again for each of them.

        Each operand is checked as soon as it has its value, as if there were two at a time.
        """
        operands = [chain[0].left, *[each.right for each in chain]]
        if len(operands) <= _IN_ONE_LIST:
            codes = self.operands(operands)
            both = self.call(chain[0], "union", *codes[:2], form="list")
            parts = [both, *[self._operand_nodes(*each) for each in zip(chain[1:], codes[2:], strict=True)]]
            text = ", ".join([f"*{part.text}" for part in parts])
            return Code(f"ddo([{text}])", "list", max(part.depth for part in parts) + 2)
        name = self.temp("nodes")
        both = self.call(chain[0], "union", *self.operands(operands[:2]), form="list")
        self.out.line(f"{name} = {both.text}")
        for node in chain[1:]:
            self.out.line(f"{name}.extend({self._operand_nodes(node, self.value(node.right)).text})")
        self.out.line(f"{name} = ddo({name})")
        return Code(name, "list", 0, True)

    def _operand_nodes(self, node: SetOperation, code: Code) -> Code:
        """The right operand of a union as a list of nodes."""
        if node.right.type.is_a("node"):
            return self.as_items(code)
        return self.call(node, "operand_nodes", code, form="list")

    # --------------------------------------------------------------------------------------------------------- text

    def value_Concat(self, node: Concat) -> Code:
        codes = self.operands(node.parts)
        parts = [self.text_of(part, code) for part, code in zip(node.parts, codes, strict=True)]
        depth = max(code.depth for code in codes) + 2
        if len(parts) <= 3:
            return Code(f"({' + '.join(parts)})", "item", depth)
        return Code(f"''.join(({', '.join(parts)}))", "item", depth)

    def text_of(self, node: Expr, code: Code) -> str:
        """Code for the string of one atomized item, or of none."""
        if node.type.single and code.form == "item":
            if node.type.kind == "string":
                return code.text
            if node.type.kind == "integer":
                return f"str({code.text})"
        if isinstance(node, Literal):
            return f"text_of({code.text})"
        if node.type.may_be("string") and not node.type.is_a("node"):
            first, later = self.twice(code)
            return f"({later} if type({first}) is str else {self.mark(node, f'text_of({later})')})"
        return self.mark(node, f"text_of({code.text})")

    def value_JoinedText(self, node: JoinedText) -> Code:
        exprs = [part for part in node.parts if not isinstance(part, str)]
        codes = iter(self.operands(exprs))
        parts: list[str] = []
        depth = 0
        for part in node.parts:
            if isinstance(part, str):
                parts.append(self.literal(part))
                continue
            code = next(codes)
            depth = max(depth, code.depth)
            if part.type.single and code.form == "item" and part.type.kind in ("string", "integer"):
                parts.append(code.text if part.type.kind == "string" else f"str({code.text})")
            else:
                parts.append(self.mark(part, f"joined_text({code.text})"))
        if not parts:
            return Code("''", "item", 0, True)
        if len(parts) == 1:
            return Code(parts[0], "item", depth + 1)
        return Code(f"''.join(({', '.join(parts)}))", "item", depth + 2)

    # --------------------------------------------------------------------------------------------------------- logic

    def value_Logic(self, node: Logic) -> Code:
        code = self.truth_Logic(node)
        return code if _is_truth(node) and code.form == "item" else Code(f"bool({code.text})", "item", code.depth + 1)

    def truth(self, node: Expr) -> Code:
        if isinstance(node, Logic) and self.out.nesting < MAX_NESTING:
            return self.truth_Logic(node)
        if isinstance(node, BuiltinCall) and node.row.prefix == "fn" and len(node.args) == 1:
            match node.row.local:
                case "boolean" if not node.mapped:
                    return self.truth(node.args[0])
                case "not" if not node.mapped:
                    inner = self.truth(node.args[0])
                    return Code(f"(not {inner.text})", "item", inner.depth + 1)
        return CodegenBase.truth(self, node)

    def truth_Logic(self, node: Logic) -> Code:
        word = "and" if node.conjunction else "or"
        parts: list[Code] = [self.truth(node.operands[0])]
        for operand in node.operands[1:]:
            with self.out.capture(1) as block:
                code = self.truth(operand)
            if block.lines or len(parts) > 40:
                done = Code(f" {word} ".join([part.text for part in parts]), "any", 1)
                name = self.temp("flag")
                self.out.line(f"{name} = {done.text}")
                with self.out.block(f"if {name}:" if node.conjunction else f"if not {name}:"):
                    self.out.paste(block)
                    self.out.line(f"{name} = {code.text}")
                parts = [Code(name, "any", 0, True)]
                continue
            parts.append(code)
        if len(parts) == 1:
            return Code(parts[0].text, "any", parts[0].depth, parts[0].stable)
        text = f" {word} ".join([part.text for part in parts])
        form = "item" if all(part.form == "item" for part in parts) else "any"
        return Code(f"({text})", form, max(part.depth for part in parts) + 1)

    # ----------------------------------------------------------------------------------------------------- branches

    def value_If(self, node: If) -> Code:
        condition = self.truth(node.condition)
        with self.out.capture(1) as then_block:
            then = self.value(node.then)
        with self.out.capture(1) as else_block:
            otherwise = self.value(node.otherwise)
        form = then.form if then.form == otherwise.form else "any"
        depth = max(condition.depth, then.depth, otherwise.depth) + 1
        if not then_block.lines and not else_block.lines and depth < 20:
            return Code(f"({then.text} if {condition.text} else {otherwise.text})", form, depth)
        name = self.temp("branch")
        with self.out.block(f"if {condition.text}:"):
            self.out.paste(then_block)
            self.out.line(f"{name} = {then.text}")
        with self.out.block("else:"):
            self.out.paste(else_block)
            self.out.line(f"{name} = {otherwise.text}")
        return Code(name, form, 0, True)

    def into_If(self, node: If, target: str) -> None:
        condition = self.truth(node.condition)
        if not node.then.type.empty:
            with self.out.block(f"if {condition.text}:"):
                self.into(node.then, target)
            if not isinstance(node.otherwise, Sequence) or node.otherwise.items:
                with self.out.block("else:"):
                    self.into(node.otherwise, target)
        else:
            with self.out.block(f"if {condition.text}:"):
                self.statement(node.then)
            with self.out.block("else:"):
                self.into(node.otherwise, target)

    def tail_If(self, node: If) -> None:
        rest: Expr = node
        while isinstance(rest, If) and self.out.nesting < MAX_NESTING:
            with self.out.block(f"if {self.truth(rest.condition).text}:"):
                self.tail(rest.then)
            rest = rest.otherwise
        self.tail(rest)

    def value_Switch(self, node: Switch) -> Code:
        name = self.temp("chosen")
        self._switch(node, lambda result: self.out.line(f"{name} = {self.value(result).text}"))
        return Code(name, "any", 0, True)

    def into_Switch(self, node: Switch, target: str) -> None:
        self._switch(node, lambda result: self.into(result, target))

    def tail_Switch(self, node: Switch) -> None:
        self._switch(node, self.tail)

    def _switch(self, node: Switch, branch: Any) -> None:
        """Compare with the constants by one key; other operands one after another."""
        operand = self.value(node.operand)
        literal = all(isinstance(case, Literal) for cases in node.cases for case in cases[:-1])
        kinds = {case.type.kind for cases in node.cases for case in cases[:-1]}
        known = node.operand.type
        direct = (
            literal
            and len(kinds) == 1
            and known.single
            and operand.form == "item"
            and kinds == {known.kind}
            and (known.kind == "integer" or (known.kind == "string" and node.collation == CODEPOINT))
        )
        more = "" if node.collation == CODEPOINT else f", {self.collation(node.collation)}"
        key = self.spill(operand if direct else self.call(node.operand, "switch_key", operand, more=more))
        self._switch_cases(node.cases, node.default, key.text, direct, more, branch)

    def _switch_cases(
        self, cases: list[tuple[Any, ...]], default: Expr, key: str, direct: bool, more: str, branch: Any
    ) -> None:
        word = "if"
        for index, case in enumerate(cases):
            with self.out.capture(1) as block:
                codes = [self.value(operand) for operand in case[:-1]]
            if block.lines:
                if word == "if":
                    self.out.paste(block)
                else:
                    with self.out.block("else:"):
                        self._switch_cases(cases[index:], default, key, direct, more, branch)
                    return
            if direct:
                tests = [f"{key} == {code.text}" for code in codes]
            else:
                tests = [
                    f"{key} == {self.call(op, 'switch_key', code, more=more).text}"
                    for op, code in zip(case, codes, strict=False)
                ]
            with self.out.block(f"{word} {' or '.join(tests)}:"):
                branch(case[-1])
            word = "elif"
        if word == "if":
            branch(default)
        else:
            with self.out.block("else:"):
                branch(default)

    def value_Typeswitch(self, node: Typeswitch) -> Code:
        name = self.temp("chosen")
        self._typeswitch(node, lambda result: self.out.line(f"{name} = {self.value(result).text}"))
        return Code(name, "any", 0, True)

    def into_Typeswitch(self, node: Typeswitch, target: str) -> None:
        self._typeswitch(node, lambda result: self.into(result, target))

    def tail_Typeswitch(self, node: Typeswitch) -> None:
        self._typeswitch(node, self.tail)

    def _typeswitch(self, node: Typeswitch, branch: Any) -> None:
        operand = self.spill(self.value(node.operand))
        word = "if"
        for case in node.cases:
            if case.types:
                tests = " or ".join([self.type_test(operand, node.operand.type, type) for type in case.types])
                head = f"{word} {tests}:"
                word = "elif"
            elif word == "if":
                self._type_case(case, operand, branch)
                return
            else:
                head = "else:"
            with self.out.block(head):
                self._type_case(case, operand, branch)

    def _type_case(self, case: TypeCase, operand: Code, branch: Any) -> None:
        if case.var is not None and case.var.uses:
            case.var.bare = operand.form == "item"
            self.out.line(f"{case.var.python} = {operand.text}")
            if case.var.type.single and not case.var.bare:
                self.out.line(f"if type({case.var.python}) is list: {case.var.python} = {case.var.python}[0]")
                case.var.bare = case.types != []
        branch(case.result)

    # -------------------------------------------------------------------------------------------------------- types

    def sequence_type(self, target: Any) -> str:
        """The constant for a sequence type."""
        hint = "type_" + "".join(char if char.isalnum() else "_" for char in str(target)).strip("_").lower()[:40]
        return self.constant(hint, target, ("type", target))

    def type_test(self, code: Code, known: StaticType, target: Any) -> str:
        """Code for `instance of`, for a value whose code can be written twice."""
        constant = self.sequence_type(target)
        return f"{constant}.matches({code.text})"

    def value_InstanceOf(self, node: InstanceOf) -> Code:
        code = self.value(node.operand)
        return Code(self.mark(node, self.type_test(code, node.operand.type, node.target)), "item", code.depth + 1)

    def value_Treat(self, node: Treat) -> Code:
        code = self.value(node.operand)
        if (
            node.operand.type.is_a(node.type.kind)
            and _within(node.operand.type, node.type)
            and self.exact_kind(node.target)
        ):
            return code
        form = "item" if node.type.single else "any"
        constant = self.sequence_type(node.target)
        return self.call(node, "treat_as", Code(constant), code, form=form, more=f", {node.code!r}")

    def exact_kind(self, target: Any) -> bool:
        """Whether the static kind says all that the type asks for."""
        text = str(target).rstrip("?*+")
        return text in _EXACT

    def value_Cast(self, node: Cast) -> Code:
        operand = self.value(node.operand)
        kind = node.operand.type
        single = kind.single and operand.form == "item"
        if single and not node.test:
            if node.target == "string" and kind.kind == "integer":
                return Code(f"str({operand.text})", "item", operand.depth + 1)
            if node.target == kind.kind and node.target in ("double", "boolean"):
                return operand
            if node.target == kind.kind == "integer" and isinstance(node.operand, (Literal, Arithmetic)):
                return operand
            if node.target == "integer" and kind.kind == "double":
                return self.call(node, "integer_of", operand, form="item")
            if node.target == "double" and kind.kind == "integer":
                return Code(self.mark(node, f"float({operand.text})"), "item", operand.depth + 1)
        static = ""
        if node.target in ("QName", "NOTATION"):
            static = f", {self.constant('static', node.static)}"
        name = "castable_as" if node.test else "cast_as"
        form = "item" if node.test or node.type.single else "any"
        more = f", {node.target!r}, {node.optional}{static}"
        return self.call(node, name, operand, form=form, more=more)

    def value_Atomize(self, node: Atomize) -> Code:
        code = self.value(node.operand)
        if node.operand.type.is_a("atomic"):
            return code
        if node.type.single and code.form == "item":
            return self.call(node, "atomize_one", code, form="item")
        return self.call(node, "atomize", code)

    # ---------------------------------------------------------------------------------------------------------- try

    def value_Try(self, node: Try) -> Code:
        name = self.temp("outcome")
        self._try(node, lambda part: self.out.line(f"{name} = {self.value(part).text}"))
        return Code(name, "any", 0, True)

    def into_Try(self, node: Try, target: str) -> None:
        outcome = self.value_Try(node)
        self.append(outcome, target)

    def value_Rethrow(self, node: Rethrow) -> Code:
        return Code(f"rethrow({node.error.var.python})", "any", 1)

    def _try(self, node: Try, place: Any) -> None:
        error = self.temp("error")
        saved = ""
        if node.body.purity == EFFECTS:
            saved = self.temp("saved")
            self.out.line(f"{saved} = context.savepoint()")
        with self.out.block("try:"):
            place(node.body)
        with self.out.block(f"except CATCHABLE as {error}:"):
            caught = self.temp("caught")
            asked = self.program.static.dialect != "3.1" or any(_asks_for_place(catch) for catch in node.catches)
            more = f", {saved or None}, False" if not asked else f", {saved}" if saved else ""
            self.out.line(f"{caught} = caught_error({error}, context{more})")
            word = "if"
            for catch in node.catches:
                if (None, None) in catch.tests:
                    test = "True"
                else:
                    test = " or ".join([f"error_matches({caught}, {uri!a}, {local!a})" for uri, local in catch.tests])
                with self.out.block(f"{word} {test}:"):
                    for local, var in catch.variables.items():
                        if var not in catch.body.free:
                            continue
                        self.out.line(f"{var.python} = error_{local.replace('-', '_')}({caught})")
                    if catch.caught is not None:
                        self.out.line(f"{catch.caught.python} = {caught}")
                    if catch.error is not None and catch.error.uses:
                        self.out.line(f"{catch.error.python} = error_element({caught}, context)")
                    place(catch.body)
                word = "elif"
            if not any((None, None) in catch.tests for catch in node.catches):
                with self.out.block("else:"):
                    self.out.line("raise")


#: The err:* variables that know nothing of the place an error came from.
_PLACELESS: Final = {"code", "description", "value"}


def _asks_for_place(catch: Catch) -> bool:
    """Whether a catch clause may ask where its error came from; its own dialect has no function that does."""
    used = {local for local, var in catch.variables.items() if var in catch.body.free}
    return catch.error is not None or not used <= _PLACELESS


#: Sequence types that a static kind stands for exactly.
_EXACT: Final = {
    "item()",
    "node()",
    "element()",
    "attribute()",
    "text()",
    "xs:double",
    "xs:boolean",
    "xs:string",
    "xs:integer",
    "xs:decimal",
    "xs:numeric",
    "xs:anyAtomicType",
    "function(*)",
    "map(*)",
    "array(*)",
}


def _within(found: StaticType, wanted: StaticType) -> bool:
    return found.low >= wanted.low and (wanted.high is None or (found.high is not None and found.high <= wanted.high))


def _unions(node: SetOperation) -> list[SetOperation]:
    """The operators of `a | b | c …`, the innermost first; none where the last is no union."""
    chain: list[SetOperation] = []
    at: Expr = node
    while isinstance(at, SetOperation) and at.operator == "union":
        chain.append(at)
        at = at.left
    return chain[::-1]


def _gives_decimal(node: Expr, levels: int = 6) -> bool:
    """Whether a value is surely a Decimal, not an integer that stands for one; unknown beyond so many levels."""
    if isinstance(node, Literal):
        return type(node.value) is Decimal
    if levels == 0 or not isinstance(node, Arithmetic) or node.operator not in _DECIMAL_ARITHMETIC:
        return False
    operands = (node.left, node.right)
    if not all(each.type.single and each.type.is_a("decimal") for each in operands):
        return False
    return node.operator == "div" or any(_gives_decimal(each, levels - 1) for each in operands)


def _is_constant(node: Expr) -> bool:
    return isinstance(node, Literal) and type(node.value) in (int, float, Decimal) and node.value != 0


def _beside_double(node: Expr, text: str) -> str:
    """An integer to be compared with a double: as a double, unless it is a literal that is one exactly."""
    if node.type.kind != "integer" or (isinstance(node, Literal) and abs(node.value) <= 2**53):
        return text
    return f"float({text})"


def not_negative(node: Expr) -> bool:
    """Whether an integer expression is known to be at least zero."""
    match node:
        case Literal():
            return type(node.value) is int and node.value >= 0
        case VarRef():
            value = node.var.value
            return node.var.name in ("position()", "last()") or (value is not None and not_negative(value))
        case Arithmetic():
            return node.operator != "-" and not_negative(node.left) and not_negative(node.right)
        case Range():
            return not_negative(node.low)
        case BuiltinCall():
            return node.row.prefix == "fn" and node.row.local in ("count", "string-length")
        case _:
            return False


def _is_truth(node: Expr) -> bool:
    """Whether the code for an expression's truth yields a bool, rather than anything that Python takes for one."""
    if isinstance(node, Logic):
        return all(_is_truth(operand) for operand in node.operands)
    if isinstance(node, BuiltinCall) and node.row.prefix == "fn" and node.row.local == "boolean":
        return False
    return node.type.is_a("boolean") and node.type.single
