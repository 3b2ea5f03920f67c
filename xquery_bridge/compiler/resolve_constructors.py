"""Direct and computed node constructors."""

from __future__ import annotations

from typing import Final

from xquery_bridge.compiler.ir.constructors import Attribute, ComputedNode, DirectElement, JoinedText, ObjectNode
from xquery_bridge.compiler.ir.literals import Literal
from xquery_bridge.compiler.ir.node import Expr
from xquery_bridge.compiler.ir.operators import Sequence
from xquery_bridge.compiler.resolver import ResolverBase
from xquery_bridge.compiler.types import STRING, StaticType
from xquery_bridge.errors import NotSupportedYet, XQueryError
from xquery_bridge.runtime.context import XML
from xquery_bridge.syntax import tree

XMLNS: Final = "http://www.w3.org/2000/xmlns/"

#: The static kind of what a computed constructor makes.
_MADE: Final = {
    "document": "document",
    "element": "element",
    "attribute": "attribute",
    "text": "text",
    "comment": "comment",
    "processing-instruction": "processing-instruction",
    "namespace": "namespace-node",
    "array": "json-node",
    "number": "json-node",
    "boolean": "json-node",
    "null": "json-node",
    "binary": "node",
}

#: Constructors that give nothing for empty content.
_OPTIONAL: Final = {"text", "number", "boolean", "binary"}


class ConstructorResolver(ResolverBase):
    """Namespace declarations of a direct element are known to everything inside it."""

    def resolve_DirElement(self, node: tree.DirElement) -> Expr:
        declared = self._declared(node)
        before = self.constructor_namespaces
        self.constructor_namespaces = {**before, **dict(declared)}
        try:
            with self.scope.namespaces(declared):
                uri, local = self.scope.element_name(node.name)
                attributes = [self._attribute(attribute) for attribute in node.attributes]
                seen: set[tuple[str, str]] = set()
                for attribute, written in zip(attributes, node.attributes, strict=True):
                    if (attribute.uri, attribute.local) in seen:
                        frame = self.scope.module.places.frame(written.start)
                        raise XQueryError("XQST0040", f"Attribute {written.name} is written twice", frames=[frame])
                    seen.add((attribute.uri, attribute.local))
                content = self._content(node.content)
                return DirectElement(
                    prefix=node.name.prefix,
                    uri=uri,
                    local=local,
                    in_scope=self.constructor_namespaces,
                    attributes=attributes,
                    content=content,
                    static=self.scope.static,
                    type=StaticType("element"),
                )
        finally:
            self.constructor_namespaces = before

    def _declared(self, node: tree.DirElement) -> list[tuple[str, str]]:
        declared: list[tuple[str, str]] = []
        for written in node.namespaces:
            prefix, uri = written.prefix, " ".join(written.uri.split())
            if any(prefix == other for other, _ in declared):
                raise XQueryError("XQST0071", f"Namespace prefix {prefix!r} is declared twice")
            if prefix == "xmlns" or (prefix == "xml") != (uri == XML) or uri == XMLNS:
                raise XQueryError("XQST0070", f"Prefix {prefix!r} cannot be bound to {uri!r}")
            if prefix and not uri:
                raise XQueryError("XQST0085", f"Prefix {prefix!r} cannot be undeclared")
            if prefix != "xml":
                declared.append((prefix, uri))
        return declared

    def _attribute(self, node: tree.DirAttribute) -> Attribute:
        uri, local = self.scope.expand(node.name, "")
        parts: list[str | Expr] = []
        for part in node.value:
            if isinstance(part, tree.TextContent):
                parts.append(part.text)
            elif part.expr is not None:
                parts.append(self.expr(part.expr))
        value = JoinedText(parts=parts, type=STRING, start=node.start, end=node.end)
        return Attribute(prefix=node.name.prefix, uri=uri, local=local, value=value, start=node.start, end=node.end)

    def _content(self, written: list[tree.DirContent]) -> list[str | Expr]:
        """The content with boundary white space stripped and adjacent text merged."""
        content: list[str | Expr] = []
        for part in written:
            if isinstance(part, tree.TextContent):
                if part.boundary and not self.scope.static.preserve_boundary_space:
                    continue
                if content and isinstance(content[-1], str):
                    content[-1] += part.text
                else:
                    content.append(part.text)
            elif isinstance(part, tree.EnclosedExpr):
                if part.expr is not None:
                    content.append(self.expr(part.expr))
                else:
                    content.append(Sequence(items=[], type=StaticType("item", 0, 0)))
            else:
                made = self.expr(part)
                if isinstance(made, DirectElement):
                    made.nested = True
                content.append(made)
        return content

    def resolve_DirComment(self, node: tree.DirComment) -> Expr:
        return self._constant("comment", None, node.text)

    def resolve_DirPI(self, node: tree.DirPI) -> Expr:
        return self._constant("processing-instruction", ("", "", node.target), node.text)

    def _constant(self, kind: str, name: tuple[str, str, str] | None, text: str) -> Expr:
        return ComputedNode(
            kind=kind,
            name=name,
            name_expr=None,
            content=Literal(value=text, type=STRING),
            in_scope=self.constructor_namespaces,
            static=self.scope.static,
            type=StaticType(_MADE[kind]),
        )

    def resolve_ComputedConstructor(self, node: tree.ComputedConstructor) -> Expr:
        if node.kind not in _MADE:
            raise NotSupportedYet(f"{node.kind} constructor")
        name: tuple[str, str, str] | None = None
        name_expr: Expr | None = None
        if isinstance(node.name, tree.Name):
            name = (node.name.prefix, *self._computed_name(node.kind, node.name))
        elif node.name is not None:
            name_expr = self.expr(node.name)
        content = self.expr(node.content) if node.content is not None else None
        low = 0 if node.kind in _OPTIONAL else 1
        return ComputedNode(
            kind=node.kind,
            name=name,
            name_expr=name_expr,
            content=content,
            in_scope=self.constructor_namespaces,
            static=self.scope.static,
            type=StaticType(_MADE[node.kind], low, 1),
        )

    def _computed_name(self, kind: str, name: tree.Name) -> tuple[str, str]:
        if kind == "element":
            return self.scope.element_name(name)
        if kind == "attribute":
            return self.scope.expand(name, "")
        return "", name.local

    def resolve_ObjectConstructor(self, node: tree.ObjectConstructor) -> Expr:
        entries = [(self.expr(key), self.expr(value)) for key, value in node.entries]
        return ObjectNode(entries=entries, type=StaticType("json-node"))
