"""Node tests: what a step asks of nodes, ready to be asked (XQuery 3.1, section 3.3.2.3, and 1.0-ml's JSON kinds).

`node_test(kind, uri, local, literal, other)` takes the fields of the compiler's NodeTest and gives one shared
`NodeTest`; `test.matches(node)` answers. The axes look into the test's fields (`name`, `kind`) to run loops of their
own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from xquery_bridge.runtime.nodes import clark, name_parts

#: What the kinds of the syntax tree are called on nodes.
_NODE_KINDS: Final = {"namespace-node": "namespace"}

#: The kinds of JSON nodes with a name of their own; text nodes can have one too.
JSON_KINDS: Final = frozenset(("object", "array", "number", "boolean", "null"))

#: What a name test for elements also finds: the named members of JSON objects.
_NAMED_KINDS: Final = frozenset(("element", "text", *JSON_KINDS))


class NodeTest:
    """A node test.

    `kind` is a node kind or "node"; `name` the interned Clark name asked for, or None. `by_name` says that comparing
    `node.name is test.name` is the whole test on the child, descendant, self and parent axes (for element names) or on
    the attribute axis (for attribute names). `matches` is the test in full. `element` is the name where that is all of
    a test for elements, `only_kind` the kind where that is all of a test.
    """

    __slots__ = ("by_name", "element", "kind", "label", "matches", "name", "only_kind")

    def __init__(
        self,
        kind: str,
        matches: Callable[[Any], bool],
        name: str | None = None,
        by_name: bool = False,
        label: str = "",
        only_kind: str | None = None,
    ) -> None:
        self.kind = kind
        self.matches = matches
        self.name = name
        self.by_name = by_name
        self.element = name if by_name and kind == "element" else None
        self.only_kind = only_kind
        self.label = label or kind

    def __repr__(self) -> str:
        return f"NodeTest({self.label})"


@lru_cache(maxsize=4096)
def _plain_test(kind: str, uri: str | None, local: str | None, literal: str | None) -> NodeTest:
    kind = _NODE_KINDS.get(kind, kind)
    label = f"{kind} {uri}:{local}"
    if kind == "node":
        return ANY_NODE if literal is None else _member_test(None, literal)
    if kind == "processing-instruction":
        target = literal if literal is not None else local
        if target is None:
            return NodeTest(kind, lambda node: node.kind == "processing-instruction")
        return NodeTest(kind, lambda node: node.kind == "processing-instruction" and node.target == target, label=label)
    if kind == "namespace":
        if local is None:
            return NodeTest(kind, lambda node: node.kind == "namespace" and not uri)
        return NodeTest(kind, lambda node: node.kind == "namespace" and node.prefix == local and not uri, label=label)
    if literal is not None:
        return _member_test(kind, literal)
    if uri is None and local is None:
        return NodeTest(kind, lambda node: node.kind == kind, only_kind=kind)
    if kind not in ("element", "attribute"):
        name = clark(uri, local or "")
        return NodeTest(kind, lambda node: node.kind == kind and node.name is name, name, label=label)
    if uri is not None and local is not None:
        name = clark(uri, local)
        if kind == "attribute":
            return NodeTest(
                kind, lambda node: node.name is name and node.kind == "attribute", name, by_name=True, label=label
            )
        return NodeTest(
            kind, lambda node: node.name is name and node.kind != "attribute", name, by_name=True, label=label
        )
    kinds = frozenset((kind,)) if kind == "attribute" else _NAMED_KINDS
    part, index = (local, 1) if uri is None else (uri, 0)
    return NodeTest(
        kind,
        lambda node: node.name is not None and node.kind in kinds and name_parts(node.name)[index] == part,
        label=label,
    )


def _member_test(kind: str | None, member: str) -> NodeTest:
    """1.0-ml: node("n"), text("n"), number-node("n"): the member of that name of a JSON object."""
    name = clark("", member)
    return NodeTest(
        kind or "node",
        lambda node: node.name is name and node.kind not in ("element", "attribute") and kind in (None, node.kind),
        name,
        label=f"{kind or 'node'}({member!r})",
    )


#: `node()`.
ANY_NODE: Final = NodeTest("node", lambda node: True)


def node_test(
    kind: str, uri: str | None = None, local: str | None = None, literal: str | None = None, other: Any = None
) -> NodeTest:
    """The test for a kind (as in the syntax tree: node, element, namespace-node, object …) and a name.

    `uri` and `local` None stand for `*`; `literal` is the string of processing-instruction("x") and of 1.0-ml's named
    tests; `other` a SequenceType that decides by itself (`document-node(element(x))`, `element(*, xs:integer)`).
    """
    if other is not None:
        return NodeTest(_NODE_KINDS.get(kind, kind), other.matches, label=str(other))
    return _plain_test(kind, uri, local, literal)
