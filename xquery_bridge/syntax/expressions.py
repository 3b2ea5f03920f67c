"""Expressions: branches, quantifiers, try, and the operators by their precedence."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.characters import NCNAME, QNAME, SPACE, normalize_lines
from xquery_bridge.syntax.flwor import FLWORParser
from xquery_bridge.syntax.lexer import NESTING_LIMIT
from xquery_bridge.syntax.paths import PathParser


class Operator(NamedTuple):
    """A row of the precedence table.

    `level` grows with how tightly it binds; `chain` says whether `a op b op c` is allowed; `sort` tells how its right
    side is read; `second` is the word that must follow, as in `instance of`.
    """

    level: int
    chain: bool = True
    sort: Literal["binary", "sequence type", "single type", "arrow"] = "binary"
    second: str = ""


#: XQuery 3.1, A.4. A unary sign stands between `=>` and `!`.
OPERATORS: Final[dict[str, Operator]] = {
    "or": Operator(1),
    "and": Operator(2),
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "<<", ">>"), Operator(3, chain=False)),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "is"), Operator(3, chain=False)),
    "||": Operator(4),
    "to": Operator(5, chain=False),
    "+": Operator(6),
    "-": Operator(6),
    **dict.fromkeys(("*", "div", "idiv", "mod"), Operator(7)),
    "union": Operator(8),
    "|": Operator(8),
    "intersect": Operator(9),
    "except": Operator(9),
    "instance": Operator(10, chain=False, sort="sequence type", second="of"),
    "treat": Operator(11, chain=False, sort="sequence type", second="as"),
    "castable": Operator(12, chain=False, sort="single type", second="as"),
    "cast": Operator(13, chain=False, sort="single type", second="as"),
    "=>": Operator(14, sort="arrow"),
    "!": Operator(16),
}
_SIGN: Final = 15
_SIMPLE_MAP: Final = 16

#: What makes `validate` a keyword.
_VALIDATE: Final = {"{", "lax", "strict", "type"}
_ENHANCED_VALIDATE: Final = _VALIDATE | {"full", "as"}

#: What must follow a word to make it an expression of its own.
_FOLLOWING: Final[dict[str, tuple[str, ...]]] = {
    "for": ("$", "tumbling", "sliding"),
    "let": ("$",),
    "some": ("$",),
    "every": ("$",),
    "switch": ("(",),
    "typeswitch": ("(",),
    "if": ("(",),
    "try": ("{",),
}

_PRAGMA: Final = re.compile(f"\\(#{SPACE}*+(Q\\{{[^{{}}]*\\}}{NCNAME}|{QNAME})(?:{SPACE}++(.*?))?#\\)", re.DOTALL)


class ExpressionParser(FLWORParser, PathParser):
    """From Expr to PragmaContents."""

    def expr(self) -> tree.Expr:
        """Expr."""
        made = self.expr_single()
        if self.text != ",":
            return made
        items = [made]
        while self.text == ",":
            self.advance()
            items.append(self.expr_single())
        return tree.SequenceExpr(items=items, start=made.start, end=self.last)

    def expr_single(self) -> tree.Expr:
        """ExprSingle."""
        self.depth += 1
        if self.depth > NESTING_LIMIT:
            raise self.too_deep()
        text = self.text
        following = _FOLLOWING.get(text)
        made = self._worded(text) if following is not None and self.peek() in following else self.operator_expr(1)
        self.depth -= 1
        return made

    def _worded(self, word: str) -> tree.Expr:
        match word:
            case "for" | "let":
                return self.flwor_expr()
            case "some" | "every":
                return self.quantified_expr()
            case "switch":
                return self.switch_expr()
            case "typeswitch":
                return self.typeswitch_expr()
            case "if":
                return self.if_expr()
            case _:
                return self.try_catch_expr()

    def quantified_expr(self) -> tree.QuantifiedExpr:
        """QuantifiedExpr."""
        start = self.start
        quantifier: Literal["some", "every"] = "some" if self.text == "some" else "every"
        self.advance()
        bindings = self.separated(self.quantified_binding)
        self.expect("satisfies")
        condition = self.expr_single()
        return tree.QuantifiedExpr(
            quantifier=quantifier, bindings=bindings, condition=condition, start=start, end=self.last
        )

    def quantified_binding(self) -> tree.QuantifiedBinding:
        """`$var as T in E`."""
        start = self.start
        var = self.variable()
        type = self.type_declaration()
        self.expect("in")
        source = self.expr_single()
        return tree.QuantifiedBinding(var=var, type=type, source=source, start=start, end=self.last)

    def switch_expr(self) -> tree.SwitchExpr:
        """SwitchExpr."""
        start = self.start
        self.advance()
        operand = self.parenthesized_condition()
        cases: list[tree.SwitchCase] = []
        if self.text != "case":
            self.unexpected("case")
        while self.text == "case":
            case_start = self.start
            operands: list[tree.Expr] = []
            while self.accept("case"):
                operands.append(self.expr_single())
            self.expect("return")
            result = self.expr_single()
            cases.append(tree.SwitchCase(operands=operands, result=result, start=case_start, end=self.last))
        self.expect("default")
        self.expect("return")
        default = self.expr_single()
        return tree.SwitchExpr(operand=operand, cases=cases, default=default, start=start, end=self.last)

    def typeswitch_expr(self) -> tree.TypeswitchExpr:
        """TypeswitchExpr."""
        start = self.start
        self.advance()
        operand = self.parenthesized_condition()
        cases: list[tree.TypeswitchCase] = []
        if self.text != "case":
            self.unexpected("case")
        while self.text == "case":
            cases.append(self.case_clause())
        self.expect("default")
        default_var = self.variable() if self.text == "$" else None
        self.expect("return")
        default = self.expr_single()
        return tree.TypeswitchExpr(
            operand=operand, cases=cases, default_var=default_var, default=default, start=start, end=self.last
        )

    def case_clause(self) -> tree.TypeswitchCase:
        """CaseClause with SequenceTypeUnion."""
        start = self.start
        self.advance()
        var = None
        if self.text == "$":
            var = self.variable()
            self.expect("as")
        types = self.separated(self.sequence_type, "|")
        self.expect("return")
        result = self.expr_single()
        return tree.TypeswitchCase(var=var, types=types, result=result, start=start, end=self.last)

    def if_expr(self) -> tree.IfExpr:
        """IfExpr."""
        start = self.start
        self.advance()
        condition = self.parenthesized_condition()
        self.expect("then")
        then = self.expr_single()
        self.expect("else")
        otherwise = self.expr_single()
        return tree.IfExpr(condition=condition, then=then, otherwise=otherwise, start=start, end=self.last)

    def try_catch_expr(self) -> tree.TryCatchExpr:
        """TryCatchExpr."""
        start = self.start
        self.advance()
        body = self.block()
        catches: list[tree.CatchClause] = []
        if self.text != "catch":
            self.unexpected("catch")
        while self.text == "catch":
            catches.append(self.catch_clause())
            if catches[-1].var is not None:
                break
        return tree.TryCatchExpr(body=body, catches=catches, start=start, end=self.last)

    def catch_clause(self) -> tree.CatchClause:
        """CatchClause, or that of 1.0-ml with a variable."""
        start = self.start
        self.advance()
        tests: list[tree.NameTest] = []
        var = None
        if self.enhanced and self.text == "(":
            self.advance()
            var = self.variable()
            self.expect(")")
        else:
            tests = self.separated(self.name_test, "|")
        body = self.block()
        return tree.CatchClause(tests=tests, var=var, body=body, start=start, end=self.last)

    # ---------------------------------------------------------------------------------------------------- operators

    def operator_expr(self, low: int) -> tree.Expr:
        """From OrExpr to SimpleMapExpr: operators that bind at least as tightly as `low`."""
        start, text = self.start, self.text
        highest = _SIMPLE_MAP
        left: tree.Expr
        if text in {"-", "+"}:
            left, highest = self.unary_expr(), _SIGN
        elif text == "validate" and self.starts_validate():
            left, highest = self.validate_expr(), _SIGN
        elif text == "(#":
            left, highest = self.extension_expr(), _SIGN
        else:
            left = self.path_expr()
        while True:
            text = self.text
            operator = OPERATORS.get(text)
            if operator is None or not low <= operator.level <= highest:
                return left
            level, chain, sort, second = operator
            self.advance()
            if second:
                self.expect(second)
            highest = level if chain else level - 1
            if sort == "binary":
                right = self.path_expr() if level == _SIMPLE_MAP else self.operator_expr(level + 1)
                name = "union" if text == "|" else text
                left = tree.BinaryExpr(operator=name, left=left, right=right, start=start, end=self.last)
            elif sort == "arrow":
                left = self.arrow_expr(left)
            elif sort == "sequence type":
                made = tree.InstanceOfExpr if text == "instance" else tree.TreatExpr
                left = made(operand=left, type=self.sequence_type(), start=start)
                left.end = self.last
            else:
                cast = tree.CastExpr if text == "cast" else tree.CastableExpr
                left = cast(operand=left, type=self.single_type(), start=start)
                left.end = self.last

    def arrow_expr(self, operand: tree.Expr) -> tree.ArrowExpr:
        """ArrowFunctionSpecifier and ArgumentList, after `=>`."""
        function: tree.Name | tree.Expr
        if self.text in {"$", "("}:
            found = self.primary()
            assert found is not None
            function = found
        else:
            function = self.name("a function after =>")
        args = self.argument_list()
        return tree.ArrowExpr(operand=operand, function=function, args=args, start=operand.start, end=self.last)

    def unary_expr(self) -> tree.UnaryExpr:
        """UnaryExpr with at least one sign."""
        start, negative = self.start, False
        while self.text in {"-", "+"}:
            negative ^= self.text == "-"
            self.advance()
        operand = self.operator_expr(_SIMPLE_MAP)
        return tree.UnaryExpr(negative=negative, operand=operand, start=start, end=self.last)

    def starts_validate(self) -> bool:
        """Whether `validate` is the keyword here."""
        return self.peek() in (_ENHANCED_VALIDATE if self.enhanced else _VALIDATE)

    def validate_expr(self) -> tree.ValidateExpr:
        """ValidateExpr; without a mode it is strict."""
        start = self.start
        self.advance()
        mode, type = "strict", None
        if self.text in ("type", "as"):
            self.advance()
            mode, type = "type", self.name("the name of a type")
        elif self.text != "{":
            mode = self.text
            self.advance()
        self.expect("{")
        operand = self.expr()
        self.expect("}")
        return tree.ValidateExpr(mode=mode, type=type, operand=operand, start=start, end=self.last)

    def extension_expr(self) -> tree.ExtensionExpr:
        """ExtensionExpr with its pragmas."""
        start = self.start
        pragmas: list[tree.Pragma] = []
        while self.text == "(#":
            match = _PRAGMA.match(self.source, self.start)
            if match is None:
                self.error("unexpected (#, expecting a pragma (# name content #)", self.start)
            name = self.name_of(match[1], self.start)
            content = normalize_lines(match[2] or "")
            pragmas.append(tree.Pragma(name=name, content=content, start=self.start, end=match.end()))
            self.resume(match.end())
        body = self.enclosed()
        return tree.ExtensionExpr(pragmas=pragmas, body=body, start=start, end=self.last)
