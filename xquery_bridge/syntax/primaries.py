"""Primary expressions: literals, variables, calls, functions, maps, arrays and string constructors."""

from __future__ import annotations

import re
from typing import Final

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.characters import normalize_lines
from xquery_bridge.syntax.constructors import ConstructorParser
from xquery_bridge.syntax.types import ENHANCED_KIND_TESTS, KIND_TESTS

#: Names that no function has unprefixed (XQuery 3.1, A.3), and what 1.0-ml adds.
RESERVED_FUNCTION_NAMES: Final = {
    *KIND_TESTS,
    *("array", "empty-sequence", "function", "if", "item", "map", "switch", "typeswitch"),
}
ENHANCED_RESERVED: Final = RESERVED_FUNCTION_NAMES | ENHANCED_KIND_TESTS.keys()

#: More digits than any arity has; int() refuses texts of thousands.
_ARITY_DIGITS: Final = 18
_STRING_EDGE: Final = re.compile("]``|`{")


class PrimaryParser(ConstructorParser):
    """PrimaryExpr and its kinds."""

    def choose(self, dialect: str) -> None:
        super().choose(dialect)
        self.reserved = ENHANCED_RESERVED if self.enhanced else RESERVED_FUNCTION_NAMES

    def primary(self) -> tree.Expr | None:
        """A PrimaryExpr that does not begin with a name, or None if none begins here."""
        start, text = self.start, self.text
        match text:
            case "$":
                self.advance()
                name = self.name("the name of a variable")
                return tree.VarRef(name=name, start=start, end=self.last)
            case "(":
                return self.parenthesized_expr()
            case ".":
                self.advance()
                return tree.ContextItem(start=start, end=self.last)
            case "<":
                return self.direct_constructor()
            case "[":
                return self.square_array_constructor()
            case "?":
                self.advance()
                key = self.key_specifier()
                return tree.LookupExpr(operand=None, key=key, start=start, end=self.last)
            case "%":
                return self.inline_function()
            case "``[":
                return self.string_constructor()
            case _:
                return self.literal() if self.kind in ("string", "integer", "decimal", "double") else None

    def named_primary(self, following: str) -> tree.Expr | None:
        """A PrimaryExpr that begins with a name, `following` the token after it; None if it is a step."""
        text = self.text
        if following == "(":
            if text in self.reserved:
                if text == "function":
                    return self.inline_function()
                if text in self.kind_tests:
                    return None
                self.unexpected(f"an expression: no function is named {text}")
            return self.function_call()
        if following == "#":
            return self.named_function_ref()
        if text in self.computed:
            return self.computed_constructor() if self.starts_computed() else None
        if following == "{":
            match text:
                case "map":
                    return self.map_constructor()
                case "array":
                    return self.curly_array_constructor()
                case "ordered" | "unordered":
                    start = self.start
                    self.advance()
                    expr = self.block()
                    return tree.OrderedExpr(ordered=text == "ordered", expr=expr, start=start, end=self.last)
        return None

    def parenthesized_expr(self) -> tree.ParenthesizedExpr | tree.SequenceExpr:
        """ParenthesizedExpr."""
        start = self.start
        self.advance()
        if self.text == ")":
            self.advance()
            return tree.SequenceExpr(items=[], start=start, end=self.last)
        expr = self.expr()
        self.expect(")")
        return tree.ParenthesizedExpr(expr=expr, start=start, end=self.last)

    def function_call(self) -> tree.FunctionCall:
        """FunctionCall."""
        start = self.start
        name = self.name()
        args = self.argument_list()
        return tree.FunctionCall(name=name, args=args, start=start, end=self.last)

    def argument_list(self) -> list[tree.Expr | tree.Placeholder]:
        """ArgumentList."""
        self.expect("(")
        args = [] if self.text == ")" else self.separated(self.argument)
        self.expect(")")
        return args

    def argument(self) -> tree.Expr | tree.Placeholder:
        """Argument, or the `?` of a partial application."""
        if self.text == "?" and self.peek() in (",", ")"):
            start = self.start
            self.advance()
            return tree.Placeholder(start=start, end=self.last)
        return self.expr_single()

    def named_function_ref(self) -> tree.NamedFunctionRef:
        """NamedFunctionRef."""
        start = self.start
        if self.text in self.reserved:
            self.unexpected(f"an expression: no function is named {self.text}")
        name = self.name()
        self.expect("#")
        if self.kind != "integer":
            self.unexpected("a number of arguments")
        if len(self.text) > _ARITY_DIGITS:
            self.unexpected("a smaller number of arguments")
        arity = int(self.text)
        self.advance()
        return tree.NamedFunctionRef(name=name, arity=arity, start=start, end=self.last)

    def inline_function(self) -> tree.InlineFunction:
        """InlineFunctionExpr."""
        start = self.start
        annotations = self.annotations()
        self.expect("function")
        params = self.param_list()
        result = self.type_declaration()
        body = self.block()
        return tree.InlineFunction(
            annotations=annotations, params=params, result=result, body=body, start=start, end=self.last
        )

    def param_list(self) -> list[tree.Param]:
        """`( ParamList? )`."""
        self.expect("(")
        params = [] if self.text == ")" else self.separated(self.param)
        self.expect(")")
        return params

    def param(self) -> tree.Param:
        """Param."""
        start = self.start
        name = self.variable()
        type = self.type_declaration()
        return tree.Param(name=name, type=type, start=start, end=self.last)

    def map_constructor(self) -> tree.MapConstructor:
        """MapConstructor."""
        start = self.start
        self.advance()
        entries = self.entries()
        return tree.MapConstructor(entries=entries, start=start, end=self.last)

    def square_array_constructor(self) -> tree.ArrayConstructor:
        """SquareArrayConstructor."""
        start = self.start
        self.advance()
        members = [] if self.text == "]" else self.separated(self.expr_single)
        self.expect("]")
        return tree.ArrayConstructor(square=True, members=members, start=start, end=self.last)

    def curly_array_constructor(self) -> tree.ArrayConstructor:
        """CurlyArrayConstructor."""
        start = self.start
        self.advance()
        members = [self.block()]
        return tree.ArrayConstructor(square=False, members=members, start=start, end=self.last)

    def key_specifier(self) -> tree.Expr | None:
        """KeySpecifier after its `?`; None for `*`."""
        start, text = self.start, self.text
        if self.kind == "name":
            # only the part before a colon is the key: `?a:b` stands in `map { ?a:b }`
            local = text.partition(":")[0]
            self.resume(start + len(local))
            return tree.LiteralExpr(kind="string", value=local, start=start, end=self.last)
        if self.kind == "wildcard" and text[0] != "*":
            self.resume(start + len(text) - 2)
            return tree.LiteralExpr(kind="string", value=text[:-2], start=start, end=self.last)
        if self.kind == "integer":
            return self.literal()
        if text == "(":
            return self.parenthesized_expr()
        self.expect("*")
        return None

    def string_constructor(self) -> tree.StringConstructor:
        """StringConstructor; its text is taken as it stands."""
        source, start = self.source, self.start
        parts: list[str | tree.Interpolation] = []
        position = self.end
        while True:
            edge = _STRING_EDGE.search(source, position)
            if edge is None:
                self.error("unexpected $end in a string constructor, expecting ]``", start)
            opened = edge.start()
            if opened > position:
                parts.append(normalize_lines(source[position:opened]))
            self.resume(edge.end())
            if edge[0] == "]``":
                return tree.StringConstructor(parts=parts, start=start, end=self.last)
            expr = None if self.text == "}" else self.expr()
            if self.text != "}" or not source.startswith("`", self.end):
                self.unexpected("}`")
            parts.append(tree.Interpolation(expr=expr, start=opened, end=self.end + 1))
            position = self.end + 1
