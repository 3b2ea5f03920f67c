"""Paths, steps, node tests, predicates and what may follow a primary expression."""

from __future__ import annotations

from typing import Final, Literal

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.primaries import PrimaryParser

AXES: Final = {
    "child",
    "descendant",
    "attribute",
    "self",
    "descendant-or-self",
    "following-sibling",
    "following",
    "parent",
    "ancestor",
    "preceding-sibling",
    "preceding",
    "ancestor-or-self",
}
ENHANCED_AXES: Final = AXES | {"namespace", "property"}

#: Symbols that can begin a step; after a leading slash they do (XQuery 3.1, leading-lone-slash).
_STEP_SYMBOLS: Final = {"*", "@", ".", "..", "(", "$", "<", "%", "``[", "[", "?"}
_STEP_KINDS: Final = {"name", "braced", "wildcard", "string", "integer", "decimal", "double"}

#: The axis of an abbreviated step when its test is of this kind.
_AXIS_OF_KIND: Final = {"attribute": "attribute", "schema-attribute": "attribute", "namespace-node": "namespace"}


class PathParser(PrimaryParser):
    """From PathExpr to PostfixExpr."""

    def choose(self, dialect: str) -> None:
        super().choose(dialect)
        self.axes = ENHANCED_AXES if self.enhanced else AXES

    def path_expr(self) -> tree.Expr:
        """PathExpr; a single step stands for itself."""
        start, text = self.start, self.text
        root: Literal["", "/", "//"] = ""
        if text == "/":
            self.advance()
            if self.kind not in _STEP_KINDS and self.text not in _STEP_SYMBOLS:
                return tree.PathExpr(root="/", steps=[], start=start, end=self.last)
            root = "/"
        elif text == "//":
            self.advance()
            root = "//"
        first = self.step_expr()
        if not root and self.text not in {"/", "//"}:
            return first
        steps = [first]
        while True:
            if self.text == "//":
                at = self.start
                test = tree.KindTest(kind="node", start=at, end=self.end)
                steps.append(tree.AxisStep(axis="descendant-or-self", test=test, start=at, end=self.end))
            elif self.text != "/":
                return tree.PathExpr(root=root, steps=steps, start=start, end=self.last)
            self.advance()
            steps.append(self.step_expr())

    def step_expr(self) -> tree.Expr:
        """StepExpr."""
        kind, text = self.kind, self.text
        if kind in {"name", "braced"}:
            following = self.peek()
            if following == "::":
                return self.axis_step()
            made = self.named_primary(following)
            if made is None:
                return self.abbreviated_step("child")
        elif text in {"@", "..", "*"} or kind == "wildcard":
            return self.axis_step()
        else:
            made = self.primary()
            if made is None:
                self.unexpected("an expression")
        following = self.text
        if following in {"[", "(", "?"}:
            return self.postfix_expr(made)
        return made

    def postfix_expr(self, made: tree.Expr) -> tree.Expr:
        """PostfixExpr: predicates, argument lists and lookups after a primary expression."""
        start = made.start
        while True:
            match self.text:
                case "[":
                    predicate = self.predicate()
                    made = tree.FilterExpr(operand=made, predicate=predicate, start=start, end=self.last)
                case "(":
                    args = self.argument_list()
                    made = tree.DynamicCall(function=made, args=args, start=start, end=self.last)
                case "?":
                    self.advance()
                    key = self.key_specifier()
                    made = tree.LookupExpr(operand=made, key=key, start=start, end=self.last)
                case _:
                    return made

    def predicate(self) -> tree.Expr:
        """Predicate."""
        self.expect("[")
        made = self.expr()
        self.expect("]")
        return made

    def axis_step(self) -> tree.AxisStep:
        """AxisStep that begins with an axis, `@`, `..` or a wildcard."""
        start, text = self.start, self.text
        if text == "..":
            self.advance()
            test = tree.KindTest(kind="node", start=start, end=self.last)
            return self.with_predicates("parent", test, start)
        if text == "@":
            self.advance()
            return self.abbreviated_step("attribute", start)
        if self.kind == "name" and self.peek() == "::":
            if text not in self.axes:
                self.unexpected("the name of an axis")
            self.advance()
            self.advance()
            return self.with_predicates(text, self.node_test(), start)
        return self.abbreviated_step("child")

    def abbreviated_step(self, axis: str, start: int | None = None) -> tree.AxisStep:
        """AbbrevForwardStep; a test for attributes looks along their axis."""
        start = self.start if start is None else start
        test = self.node_test()
        if axis == "child" and type(test) is tree.KindTest:
            axis = _AXIS_OF_KIND.get(test.kind, axis)
            if axis == "namespace" and not self.enhanced:
                raise self.failure("XQST0134", "XQuery has no namespace axis", start)
        return self.with_predicates(axis, test, start)

    def with_predicates(self, axis: str, test: tree.NameTest | tree.KindTest, start: int) -> tree.AxisStep:
        """A step with its PredicateList."""
        predicates: list[tree.Expr] = []
        while self.text == "[":
            predicates.append(self.predicate())
        return tree.AxisStep(axis=axis, test=test, predicates=predicates, start=start, end=self.last)

    def node_test(self) -> tree.NameTest | tree.KindTest:
        """NodeTest."""
        if self.text in self.kind_tests and self.peek() == "(":
            return self.kind_test()
        return self.name_test()

    def name_test(self) -> tree.NameTest:
        """NameTest with Wildcard."""
        start, text, kind = self.start, self.text, self.kind
        made = tree.NameTest(start=start, end=self.end)
        if kind == "name":
            prefix, colon, local = text.partition(":")
            if colon:
                made.prefix, made.local = prefix, local
            else:
                made.local = text
        elif kind == "braced":
            name = self.name_of(text, start)
            made.uri, made.local = name.uri, None if name.local == "*" else name.local
        elif kind == "wildcard":
            if text[0] == "*":
                made.any_namespace, made.local = True, text[2:]
            else:
                made.prefix = text[:-2]
        elif text != "*":
            self.unexpected("a name test")
        self.advance()
        return made
