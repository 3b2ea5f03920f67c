"""Sequence types, item types and kind tests."""

from __future__ import annotations

from typing import Final

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.lexer import Lexer

#: Kind tests of XQuery 3.1 and the `kind` each has in the tree.
KIND_TESTS: Final = {
    "node": "node",
    "document-node": "document",
    "element": "element",
    "attribute": "attribute",
    "text": "text",
    "comment": "comment",
    "processing-instruction": "processing-instruction",
    "namespace-node": "namespace-node",
    "schema-element": "schema-element",
    "schema-attribute": "schema-attribute",
}

#: JSON kind tests of 1.0-ml.
_JSON_TESTS: Final = {
    "object-node": "object",
    "array-node": "array",
    "number-node": "number",
    "boolean-node": "boolean",
    "null-node": "null",
}

#: Schema component tests of 1.0-ml; each may hold a name or `*`.
_SCHEMA_TESTS: Final = (
    "attribute-decl",
    "complex-type",
    "element-decl",
    "schema-component",
    "schema-particle",
    "schema-root",
    "schema-type",
    "simple-type",
    "schema-facet",
    "schema-wildcard",
    "model-group",
)

ENHANCED_KIND_TESTS: Final = {
    **KIND_TESTS,
    **_JSON_TESTS,
    "binary": "binary",
    **{name: name for name in _SCHEMA_TESTS},
}


class TypeParser(Lexer):
    """From SequenceType to ParenthesizedItemType, and annotations, which function tests have."""

    def __init__(self, source: str, dialect: str, uri: str) -> None:
        super().__init__(source, dialect, uri)
        self.choose(dialect)

    def choose(self, dialect: str) -> None:
        """Read on in a dialect: what a version declaration asks for."""
        self.dialect = dialect
        self.enhanced = dialect == "1.0-ml"
        self.kind_tests = ENHANCED_KIND_TESTS if self.enhanced else KIND_TESTS

    def annotations(self) -> list[tree.Annotation]:
        """Annotation*: `%name` or `%name("literal", …)`."""
        found: list[tree.Annotation] = []
        while self.text == "%":
            start = self.start
            self.advance()
            name = self.name("the name of an annotation")
            values: list[tree.LiteralExpr] = []
            if self.accept("("):
                values = self.separated(self.literal)
                self.expect(")")
            found.append(tree.Annotation(name=name, values=values, start=start, end=self.last))
        return found

    def type_declaration(self) -> tree.SequenceType | None:
        """TypeDeclaration?: `as` and a sequence type."""
        return self.sequence_type() if self.accept("as") else None

    def single_type(self) -> tree.SingleType:
        """SingleType."""
        start = self.start
        name = self.name("the name of an atomic type")
        optional = self.accept("?")
        return tree.SingleType(name=name, optional=optional, start=start, end=self.last)

    def sequence_type(self) -> tree.SequenceType:
        """SequenceType."""
        start = self.start
        if self.text == "empty-sequence" and self.peek() == "(":
            self.advance()
            self.advance()
            self.expect(")")
            return tree.SequenceType(item=None, start=start, end=self.last)
        item = self.item_type()
        occurrence = ""
        if self.text in ("?", "*", "+"):
            occurrence = self.text
            self.advance()
        return tree.SequenceType(item=item, occurrence=occurrence, start=start, end=self.last)

    def item_type(self) -> tree.ItemType:
        """ItemType."""
        self.enter()
        made = self._item_type()
        self.depth -= 1
        return made

    def _item_type(self) -> tree.ItemType:
        start, text = self.start, self.text
        if text == "(":
            return self.parenthesized_item_type()
        if text == "%":
            return self.function_test()
        if self.kind == "name" and self.peek() == "(":
            if text in self.kind_tests:
                return self.kind_test()
            match text:
                case "item":
                    self.advance()
                    self.advance()
                    self.expect(")")
                    return tree.AnyItemType(start=start, end=self.last)
                case "function":
                    return self.function_test()
                case "map":
                    return self.map_test()
                case "array":
                    return self.array_test()
        name = self.name("an item type")
        if self.text == "(":
            self.unexpected("an item type: there is no such kind test")
        return tree.AtomicOrUnionType(name=name, start=start, end=self.last)

    def kind_test(self) -> tree.KindTest:
        """KindTest, from the name before the parenthesis."""
        start, word = self.start, self.text
        kind = self.kind_tests[word]
        self.advance()
        self.advance()
        made = tree.KindTest(kind=kind, start=start)
        if self.text != ")":
            self._inside_kind_test(made, word)
        self.expect(")")
        if word.startswith("schema-") and made.name is None and word in KIND_TESTS:
            self.error(f"unexpected ), expecting the name of the declaration in {word}()", self.last - 1)
        made.end = self.last
        return made

    def _inside_kind_test(self, made: tree.KindTest, word: str) -> None:
        match word:
            case "document-node":
                allowed = {"element", "schema-element"} | ({"array-node", "object-node"} if self.enhanced else set())
                if self.text not in allowed or self.peek() != "(":
                    self.unexpected("element(…) or schema-element(…)")
                made.content = self.kind_test()
            case "element" | "attribute":
                if not self.accept("*"):
                    made.name = self.name("a name or *")
                if self.accept(","):
                    made.type = self.name("the name of a type")
                    made.nillable = word == "element" and self.accept("?")
            case "schema-element" | "schema-attribute":
                made.name = self.name()
            case "processing-instruction":
                if self.kind == "string":
                    made.literal = self.string()
                else:
                    made.name = tree.Name(self.ncname("the target of processing instructions"))
            case _ if not self.enhanced or word in ("comment", "namespace-node", "binary"):
                self.unexpected(")")
            case _ if word in _SCHEMA_TESTS:
                if not self.accept("*"):
                    made.name = self.name("a name or *")
            case _:
                if not (word == "node" and self.accept("*")):
                    made.literal = self.string(") or the name in quotes")

    def function_test(self) -> tree.FunctionTest:
        """FunctionTest: function(*), or with the types of parameters and result."""
        start = self.start
        annotations = self.annotations()
        self.expect("function")
        self.expect("(")
        if self.accept("*"):
            self.expect(")")
            return tree.FunctionTest(annotations=annotations, start=start, end=self.last)
        params = [] if self.text == ")" else self.separated(self.sequence_type)
        self.expect(")")
        self.expect("as")
        result = self.sequence_type()
        return tree.FunctionTest(annotations=annotations, params=params, result=result, start=start, end=self.last)

    def map_test(self) -> tree.MapTest:
        """MapTest: map(*) or map(K, V)."""
        start = self.start
        self.advance()
        self.advance()
        if self.accept("*"):
            self.expect(")")
            return tree.MapTest(start=start, end=self.last)
        key_start = self.start
        name = self.name("the name of an atomic type")
        key = tree.AtomicOrUnionType(name=name, start=key_start, end=self.last)
        self.expect(",")
        value = self.sequence_type()
        self.expect(")")
        return tree.MapTest(key=key, value=value, start=start, end=self.last)

    def array_test(self) -> tree.ArrayTest:
        """ArrayTest: array(*) or array(T)."""
        start = self.start
        self.advance()
        self.advance()
        member = None if self.accept("*") else self.sequence_type()
        self.expect(")")
        return tree.ArrayTest(member=member, start=start, end=self.last)

    def parenthesized_item_type(self) -> tree.ItemType:
        """ParenthesizedItemType."""
        self.expect("(")
        made = self.item_type()
        self.expect(")")
        return made
