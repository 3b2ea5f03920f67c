"""Direct and computed constructors, maps, arrays and lookups."""

from __future__ import annotations

from xquery_bridge.compiler.codegen_paths import PathCodegen
from xquery_bridge.compiler.ir.branches import If, Typeswitch
from xquery_bridge.compiler.ir.constructors import (
    ArrayConstructor,
    ComputedNode,
    DirectElement,
    Lookup,
    MapConstructor,
    ObjectNode,
)
from xquery_bridge.compiler.ir.flwor import Flwor
from xquery_bridge.compiler.ir.functions import Function, UserCall
from xquery_bridge.compiler.ir.node import Expr, Node
from xquery_bridge.compiler.ir.operators import Sequence
from xquery_bridge.compiler.ir.paths import PathMap, SimpleMap
from xquery_bridge.compiler.writer import Code
from xquery_bridge.errors import NotSupportedYet
from xquery_bridge.runtime.construction import LiteralText
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.nodes import clark


class ConstructorCodegen(PathCodegen):
    """Calls of `runtime.construction`; parts that only just made their nodes are adopted, not copied."""

    def static(self, static: StaticContext) -> str:
        return self.constant("static", static)

    def value_DirectElement(self, node: DirectElement) -> Code:
        namespaces = dict(node.in_scope)
        codes = iter(
            self.operands(
                [*[each.value for each in node.attributes], *[p for p in node.content if isinstance(p, Node)]]
            )
        )
        depth = 0
        attributes: list[str] = []
        for attribute in node.attributes:
            code = next(codes)
            depth = max(depth, code.depth)
            name = self.name_constant(attribute.uri, attribute.local)
            attributes.append(f"({attribute.prefix!a}, {name}, {code.text})")
        parts: list[str] = []
        fresh = nested = 0
        for index, part in enumerate(node.content):
            if isinstance(part, str):
                parts.append(self.constant("text", LiteralText(part), ("literal text", part)))
                continue
            code = next(codes)
            depth = max(depth, code.depth)
            parts.append(code.text)
            fresh |= is_fresh(part) << index
            nested |= (isinstance(part, DirectElement) and part.nested) << index
        attribute_list = f"({', '.join(attributes)},)" if attributes else "()"
        content = f"({', '.join(parts)},)" if parts else "()"
        scope = (
            self.constant("namespaces", namespaces, ("namespaces", *namespaces.items()))
            if namespaces
            else "NO_NAMESPACES"
        )
        text = (
            f"element({node.prefix!a}, {self.name_constant(node.uri, node.local)}, {scope}, {attribute_list}, "
            f"{content}, {self.static(node.static)}{f', {fresh}' if fresh else ''}"
            f"{f', {nested}' if nested else ''})"
        )
        return Code(self.mark(node, text), "item", depth + 2)

    def name_constant(self, uri: str, local: str) -> str:
        """The constant for a Clark name."""
        name = clark(uri, local)
        return self.constant(f"name_{local}", name, ("name", name))

    def value_ComputedNode(self, node: ComputedNode) -> Code:
        operands = [each for each in (node.name_expr, node.content) if each is not None]
        codes = iter(self.operands(operands))
        name = next(codes) if node.name_expr is not None else None
        content = next(codes) if node.content is not None else Code("[]", "list", 0, True)
        fresh = node.content is not None and is_fresh(node.content)
        static = Code(self.static(node.static), "item", 0, True)
        more = ", 1" if fresh else ""
        match node.kind:
            case "document":
                return self.call(node, "document", content, static, form="item", more=more)
            case "element":
                given = name or self._given(node)
                scope = self._namespaces(node)
                more = f"{f', fresh={int(fresh)}' if fresh else ''}{f', namespaces={scope}' if scope else ''}"
                return self.call(node, "computed_element", given, content, static, form="item", more=more)
            case "attribute":
                in_scope = f", {self.static(node.static)}.namespaces"
                return self.call(
                    node, "computed_attribute", name or self._given(node), content, form="item", more=in_scope
                )
            case "text":
                return self.call(
                    node,
                    "text_node",
                    content,
                    form="item" if node.content is not None and node.content.type.low else "any",
                )
            case "comment":
                return self.call(node, "comment", content, form="item")
            case "processing-instruction":
                given = name or Code(ascii(node.name[2] if node.name else ""), "item", 0, True)
                return self.call(node, "processing_instruction", given, content, static, form="item")
            case "namespace":
                given = name or Code(ascii(node.name[2] if node.name else ""), "item", 0, True)
                return self.call(node, "namespace_node", given, content, form="item")
            case "binary" | "array" | "number" | "boolean" | "null":
                return self.call(node, f"{node.kind}_node", *([content] if node.kind != "null" else []))
            case _:
                raise NotSupportedYet(f"{node.kind} constructor")

    def _given(self, node: ComputedNode) -> Code:
        return Code(ascii(node.name), "item", 0, True)

    def _namespaces(self, node: ComputedNode) -> str:
        if not node.in_scope:
            return ""
        return self.constant("namespaces", dict(node.in_scope), ("namespaces", *node.in_scope.items()))

    def value_ObjectNode(self, node: ObjectNode) -> Code:
        flat = [part for entry in node.entries for part in entry]
        codes = self.operands(flat)
        pairs = [f"({key.text}, {value.text})" for key, value in zip(codes[::2], codes[1::2], strict=True)]
        depth = max((code.depth for code in codes), default=0) + 2
        return Code(self.mark(node, f"object_node([{', '.join(pairs)}])"), "item", depth)

    # ----------------------------------------------------------------------------------------------- maps and arrays

    def value_MapConstructor(self, node: MapConstructor) -> Code:
        flat = [part for entry in node.entries for part in entry]
        codes = self.operands(flat)
        pairs: list[str] = []
        for (key_node, _), key, value in zip(node.entries, codes[::2], codes[1::2], strict=True):
            plain = key_node.type.single and key.form == "item" and key_node.type.kind in ("string", "integer")
            pairs.append(f"({key.text if plain else self.mark(key_node, f'map_key({key.text})')}, {value.text})")
        depth = max((code.depth for code in codes), default=0) + 2
        return Code(self.mark(node, f"new_map([{', '.join(pairs)}])"), "item", depth)

    def value_ArrayConstructor(self, node: ArrayConstructor) -> Code:
        if node.square:
            codes = self.operands(node.members)
            depth = max((code.depth for code in codes), default=0) + 2
            return Code(f"XdmArray([{', '.join([code.text for code in codes])}])", "item", depth)
        if not node.members:
            return Code("XdmArray([])", "item", 1)
        items = self.items(node.members[0])
        return Code(f"XdmArray(list({items.text}))", "item", items.depth + 1)

    def value_Lookup(self, node: Lookup) -> Code:
        if node.key is None:
            return self.call(node, "lookup_all", self.value(node.operand))
        operand, key = self.operands([node.operand, node.key])
        return self.call(node, "lookup", operand, key)


def is_fresh(node: Expr, met: frozenset[Function] = frozenset()) -> bool:
    """Whether all nodes in the value were just made by the expression itself, and are reachable from nowhere else.

    `met` are the functions whose results are being looked at: they are what the rest of their bodies makes them.
    """
    match node:
        case UserCall():
            function = node.function
            return function in met or (function.body is not None and is_fresh(function.body, met | {function}))
        case Typeswitch():
            return all(_harmless(case.result, met) for case in node.cases)
        case DirectElement():
            return True
        case ComputedNode():
            return node.kind not in ("document", "binary", "array", "number", "boolean", "null")
        case Sequence():
            return all(_harmless(item, met) for item in node.items)
        case Flwor() | SimpleMap():
            inner = node.result if isinstance(node, Flwor) else node.right
            return is_fresh(inner, met) and not isinstance(node, PathMap)
        case If():
            return _harmless(node.then, met) and _harmless(node.otherwise, met)
        case _:
            return False


def _harmless(node: Expr, met: frozenset[Function]) -> bool:
    """Whether a value has no nodes but fresh ones."""
    return node.type.is_a("atomic") or node.type.empty or is_fresh(node, met)
