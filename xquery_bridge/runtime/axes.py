"""Axis steps, document order, and set operations on nodes (XQuery 3.1, sections 3.3.2 and 3.4.2).

- `AXES[axis](node, test)`: the nodes on an axis of one node, in *axis order* (reverse axes from the nearest outwards):
  what predicates count in. The functions: `child`, `descendant`, `attribute`, `self_`, `parent`, `preceding_sibling` …
- `STEPS[axis](value, test, code)`: the step from a Value whose nodes stand in document order without duplicates: all
  nodes found, in document order without duplicates. The functions: `child_step`, `descendant_step`, …
  A step sorts only when what it found may be out of order. `code` is raised for what is no node: XPTY0019 in a path
  (the default), XPTY0020 from the context item.
- Cutting: `first_child(node, test)`, `child_at(node, test, n)`, `last_child(node, test)`.
- `ddo(nodes)`, `union`, `intersect`, `except_`, `path_result(value)` (the end of a `/`), `require_node(item)`,
  `require_nodes(value)`, `root_document(item)`; `is_same`, `precedes`, `follows` for the node comparisons.

A test is a `node_tests.NodeTest`. A Value is a bare item or a list.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.node_tests import ANY_NODE, NodeTest
from xquery_bridge.runtime.nodes import ElementNode, Tree, order_key, precedes, root, tree_of

Nodes = list[Any]

_UNLIKE_CHILDREN: Final = frozenset(("attribute", "namespace"))


# --------------------------------------------------------------------------------------------------------------- checks


_NOT_A_NODE: Final = {
    "XPTY0019": "The left side of '/' is not a sequence of nodes",
    "XPTY0020": "The context item of an axis step is not a node",
}


def require_node(item: Any, code: str = "XPTY0020") -> Any:
    """What a step starts from, if it is a node. Raises XPTY0020 for a context item, XPTY0019 in a path."""
    if isinstance(item, XPathNode):
        return item
    raise XQueryError(code, _NOT_A_NODE[code])


def require_nodes(value: Any, code: str = "XPTY0019") -> Nodes:
    """The items of a Value as a list, all nodes. Raises `code`: XPTY0019 in a path, XPTY0004 for set operators."""
    items: Any = value if type(value) in (list, range) else [value]
    for item in items:
        if not isinstance(item, XPathNode):
            raise XQueryError(code, _NOT_A_NODE.get(code, "Not a sequence of nodes"))
    found: Nodes = items if type(items) is list else list(items)
    return found


def root_document(item: Any) -> Any:
    """The document node that a leading `/` stands for. Raises XPTY0020 for an item, XPDY0050 for another root."""
    top = root(require_node(item))
    if top.kind != "document":
        raise XQueryError("XPDY0050", "The root of the tree that holds the context item is not a document node")
    return top


# ---------------------------------------------------------------------------------------------------------------- order


def ddo(nodes: Sequence[Any]) -> Nodes:
    """The nodes in document order, each once. Nodes that are already in order cost one pass."""
    if len(nodes) < 2:
        return list(nodes)
    keys = [order_key(node) for node in nodes]
    last = keys[0]
    for key in keys[1:]:
        if key <= last:
            break
        last = key
    else:
        return list(nodes)
    return [node for _, node in sorted(dict(zip(keys, nodes, strict=True)).items())]


def path_result(value: Any) -> Any:
    """What `E1/E2` yields: nodes in document order, or other items as they are. Raises XPTY0018 for a mixture."""
    if type(value) is not list:
        return value
    nodes = sum(1 for item in value if isinstance(item, XPathNode))
    if nodes == 0:
        return value
    if nodes < len(value):
        raise XQueryError("XPTY0018")
    return ddo(value)


def is_same(left: Any, right: Any) -> bool:
    """`is`."""
    return left is right


def follows(left: Any, right: Any) -> bool:
    """`left >> right`."""
    return precedes(right, left)


def union(left: Any, right: Any) -> Nodes:
    """`union`: nodes of either, in document order."""
    return ddo(require_nodes(left, "XPTY0004") + require_nodes(right, "XPTY0004"))


def operand_nodes(value: Any) -> Nodes:
    """The nodes of an operand of `union` that is one of many. Raises XPTY0004 for an item that is no node."""
    return require_nodes(value, "XPTY0004")


def intersect(left: Any, right: Any) -> Nodes:
    """`intersect`: nodes of both, in document order."""
    keep = {id(node) for node in require_nodes(right, "XPTY0004")}
    return ddo([node for node in require_nodes(left, "XPTY0004") if id(node) in keep])


def except_(left: Any, right: Any) -> Nodes:
    """`except`: nodes of the left that are not in the right, in document order."""
    drop = {id(node) for node in require_nodes(right, "XPTY0004")}
    return ddo([node for node in require_nodes(left, "XPTY0004") if id(node) not in drop])


# -------------------------------------------------------------------------------------------------- axes from one node


def _select(nodes: Any, test: NodeTest) -> Nodes:
    """Those of some nodes (children or relatives in axis order) that pass a test."""
    if (name := test.element) is not None:
        return [node for node in nodes if node.name is name]
    if (kind := test.only_kind) is not None:
        return [node for node in nodes if node.kind == kind]
    if test is ANY_NODE:
        return list(nodes)
    matches = test.matches
    return [node for node in nodes if matches(node)]


def _json_children(node: Any) -> Nodes:
    """The children of a JSON node, arrays between replaced by their members (1.0-ml)."""
    found: Nodes = []
    stack = list(node.children[::-1])
    while stack:
        child = stack.pop()
        if child.kind == "array":
            stack.extend(child.children[::-1])
        else:
            found.append(child)
    return found


_JSON_PARENTS: Final = frozenset(("object", "array"))


def child(node: Any, test: NodeTest) -> Nodes:
    """child::test."""
    children = node.children
    if (name := test.element) is not None:
        if type(node) is ElementNode:
            if len(children) <= MANY:
                return [found for found in children if found.name is name]
        elif node.kind in _JSON_PARENTS or (len(children) == 1 and children[0].kind in _JSON_PARENTS):
            return _json_named(node, name)
        if len(children) > MANY:
            return _many_children(node, test)
        return [found for found in children if found.name is name]
    return _select(children, test)


#: From so many children on, those that pass a test are kept with the tree.
MANY: Final = 64
#: How many such lists, paths and indexes a tree keeps.
KEPT_LISTS: Final = 256


def _many_children(node: Any, test: NodeTest) -> Nodes:
    """The children of a node with many that pass a test; a list that is kept with the tree, and never changed."""
    kept = tree_of(node).kept
    key = (id(node), test)
    found: Nodes | None = kept.get(key)
    if found is None:
        if len(kept) > KEPT_LISTS:
            kept.clear()
        found = kept[key] = _select(node.children, test)
    return found


def _json_named(node: Any, name: str | None) -> Nodes:
    """child::name over JSON: members of that name, those of objects in arrays, and the members of arrays so named."""
    found: Nodes = []
    stack = list(node.children[::-1])
    while stack:
        member = stack.pop()
        if member.kind == "array" and member.name in (None, name):
            if member.name is name:
                found.extend(_json_children(member))
            else:
                stack.extend(member.children[::-1])
        elif member.kind == "object" and member.name is None:
            stack.extend(member.children[::-1])
        elif member.name is name:
            found.append(member)
    return found


def attribute(node: Any, test: NodeTest) -> Nodes:
    """attribute::test."""
    attributes = node.attributes
    if not attributes:
        return []
    if test.by_name and test.kind == "attribute":
        name = test.name
        return [found for found in attributes if found.name is name]
    return _select(attributes, test)


def self_(node: Any, test: NodeTest) -> Nodes:
    """self::test."""
    return [node] if test.matches(node) else []


def parent(node: Any, test: NodeTest) -> Nodes:
    """parent::test."""
    above = node.parent
    return [above] if above is not None and test.matches(above) else []


def _below(node: Any) -> Nodes:
    """Everything below a node in document order."""
    found: Nodes = []
    append = found.append
    stack = list(node.children[::-1])
    pop, extend = stack.pop, stack.extend
    while stack:
        current = pop()
        append(current)
        if current.children:
            extend(current.children[::-1])
    return found


def descendant(node: Any, test: NodeTest) -> Nodes:
    """descendant::test; by name from the root of a tree, its index answers."""
    if not node.children:
        return []
    if test.by_name and test.kind == "element":
        if node.parent is None:
            found = tree_of(node).by_name(test.name)  # type: ignore[arg-type]
            return found[1:] if found and found[0] is node else found[:]
        return _named_below(node, test.name)
    return _select(_below(node), test)


#: After searches through so many nodes of a tree its positions and its index of names are made, and used.
_WALKED: Final = 50_000


def _named_below(node: Any, name: str | None) -> Nodes:
    """The elements of a name below a node: by walking, or, after much of that, from the index of the tree."""
    tree: Tree | None = node.tree
    if tree is not None and tree.numbered and tree.walked > _WALKED and tree.root.parent is None:
        found = tree.by_name(name)  # type: ignore[arg-type]
        last = node
        while last.children:
            last = last.children[-1]
        begin = bisect_right(found, node.position, key=_position)
        return found[begin : bisect_right(found, last.position, begin, key=_position)]
    found = []
    append = found.append
    stack = list(node.children[::-1])
    pop, extend = stack.pop, stack.extend
    walked = 0
    while stack:
        current = pop()
        walked += 1
        if current.name is name:
            append(current)
        if current.children:
            extend(current.children[::-1])
    if walked > MANY:
        tree = tree_of(node)
        tree.walked += walked
        if tree.walked > _WALKED and not tree.numbered:
            tree.number()
    return found


def descendant_or_self(node: Any, test: NodeTest) -> Nodes:
    """descendant-or-self::test."""
    below = descendant(node, test)
    if test.matches(node):
        below.insert(0, node)
    return below


def ancestor(node: Any, test: NodeTest) -> Nodes:
    """ancestor::test, the parent first."""
    line: Nodes = []
    while (node := node.parent) is not None:
        line.append(node)
    return [found for found in line if test.matches(found)]


def ancestor_or_self(node: Any, test: NodeTest) -> Nodes:
    """ancestor-or-self::test, the node first."""
    return self_(node, test) + ancestor(node, test)


def _place(node: Any) -> int:
    """The index of a node among its parent's children."""
    siblings = node.parent.children
    if len(siblings) > MANY:
        return bisect_left(siblings, order_key(node)[1], key=_position)
    for index, sibling in enumerate(siblings):
        if sibling is node:
            return index
    return -1


_position: Final = attrgetter("position")


def following_sibling(node: Any, test: NodeTest, limit: int | None = None) -> Nodes:
    """following-sibling::test; at least the first `limit` of them."""
    above = node.parent
    if above is None or node.kind in _UNLIKE_CHILDREN:
        return []
    if len(above.children) > MANY:
        found = _many_children(above, test)
        begin = bisect_right(found, order_key(node)[1], key=_position)
        return found[begin : None if limit is None else begin + limit]
    return _select(above.children[_place(node) + 1 :], test)


def preceding_sibling(node: Any, test: NodeTest, limit: int | None = None) -> Nodes:
    """preceding-sibling::test, the nearest first; at least the first `limit` of them."""
    above = node.parent
    if above is None or node.kind in _UNLIKE_CHILDREN:
        return []
    if len(above.children) > MANY:
        found = _many_children(above, test)
        end = bisect_left(found, order_key(node)[1], key=_position)
        return found[0 if limit is None else max(end - limit, 0) : end][::-1]
    return _select(above.children[: _place(node)][::-1], test)


def following(node: Any, test: NodeTest) -> Nodes:
    """following::test: what begins after the node has ended."""
    found: Nodes = []
    if node.kind in _UNLIKE_CHILDREN and node.parent is not None:
        node = node.parent
        found.extend(_below(node))
    while node.parent is not None:
        for sibling in node.parent.children[_place(node) + 1 :]:
            found.append(sibling)
            if sibling.children:
                found.extend(_below(sibling))
        node = node.parent
    return _select(found, test)


def preceding(node: Any, test: NodeTest) -> Nodes:
    """preceding::test: what ended before the node began, the nearest first."""
    if node.kind in _UNLIKE_CHILDREN and node.parent is not None:
        node = node.parent
    found: Nodes = []
    while node.parent is not None:
        for sibling in node.parent.children[: _place(node)][::-1]:
            if sibling.children:
                found.extend(_below(sibling)[::-1])
            found.append(sibling)
        node = node.parent
    return _select(found, test)


def namespace(node: Any, test: NodeTest) -> Nodes:
    """namespace::test."""
    return _select(node.namespace_nodes, test) if node.kind == "element" else []


#: Axis -> function from one node, in axis order.
AXES: Final[dict[str, Callable[[Any, NodeTest], Nodes]]] = {
    "child": child,
    "descendant": descendant,
    "attribute": attribute,
    "self": self_,
    "descendant-or-self": descendant_or_self,
    "following-sibling": following_sibling,
    "following": following,
    "namespace": namespace,
    "parent": parent,
    "ancestor": ancestor,
    "preceding-sibling": preceding_sibling,
    "preceding": preceding,
    "ancestor-or-self": ancestor_or_self,
    "property": lambda node, test: [],  # 1.0-ml: documents here have no properties
}

REVERSE_AXES: Final = frozenset(("parent", "ancestor", "preceding-sibling", "preceding", "ancestor-or-self"))


# ------------------------------------------------------------------------------------------------ steps from a sequence


def _one(value: Any, code: str) -> Any:
    """The node of a Value of one node, None for a sequence of another length."""
    if type(value) is not list:
        return require_node(value, code)
    if len(value) == 1:
        return require_node(value[0], code)
    return None


def _disjoint(nodes: Nodes) -> bool:
    """Whether none of some nodes in document order lies below another: then it would come right after that one."""
    held = {id(node) for node in nodes}
    above: set[int] = set()  # ancestors already seen to be none of the nodes
    for node in nodes:
        up = node.parent
        while up is not None and (mark := id(up)) not in above:
            if mark in held:
                return False
            above.add(mark)
            up = up.parent
    return True


def child_step(value: Any, test: NodeTest, code: str = "XPTY0019") -> Nodes:
    """`value/child::test`."""
    if (node := _one(value, code)) is not None:
        return child(node, test)
    nodes = value
    if not nodes:
        return []
    try:
        if test.by_name and test.kind == "element":
            name = test.name
            kind = nodes[0].kind
            if kind in _JSON_PARENTS or kind == "document":
                found = [one for node in nodes for one in child(node, test)]
            else:
                found = [one for node in nodes for one in node.children if one.name is name]
        elif test is ANY_NODE:
            found = [one for node in nodes for one in node.children]
        else:
            matches = test.matches
            found = [one for node in nodes for one in node.children if matches(one)]
    except AttributeError:
        require_nodes(nodes, "XPTY0019")
        raise
    return found if _children_in_order(nodes, found) else ddo(found)


def _children_in_order(parents: Nodes, found: Nodes) -> bool:
    """Whether the children of nodes in document order are in order: yes, unless one parent lies below another."""
    if len(found) < 2:
        return True
    above = parents[0].parent
    for node in parents:
        if node.parent is not above:
            return _disjoint(parents)
    return True


def attribute_step(value: Any, test: NodeTest, code: str = "XPTY0019") -> Nodes:
    """`value/attribute::test`; attributes of nodes in order are in order."""
    if (node := _one(value, code)) is not None:
        return attribute(node, test)
    try:
        if test.by_name and test.kind == "attribute":
            name = test.name
            return [one for node in value for one in node.attributes if one.name is name]
        return [one for node in value for one in _select(node.attributes, test)]
    except AttributeError:
        require_nodes(value, "XPTY0019")
        raise


def self_step(value: Any, test: NodeTest, code: str = "XPTY0019") -> Nodes:
    """`value/self::test`."""
    matches = test.matches
    return [node for node in require_nodes(value, code) if matches(node)]


def descendant_step(value: Any, test: NodeTest, code: str = "XPTY0019") -> Nodes:
    """`value/descendant::test`."""
    if (node := _one(value, code)) is not None:
        return descendant(node, test)
    if not value:
        return []
    nodes = _outermost(require_nodes(value))
    return [one for node in nodes for one in descendant(node, test)]


def descendant_or_self_step(value: Any, test: NodeTest, code: str = "XPTY0019") -> Nodes:
    """`value/descendant-or-self::test`."""
    if (node := _one(value, code)) is not None:
        return descendant_or_self(node, test)
    if not value:
        return []
    nodes = _outermost(require_nodes(value))
    found = [one for node in nodes for one in descendant_or_self(node, test)]
    # Attributes stand between an element and its children, which the element has brought with it.
    return ddo(found) if any(node.kind in _UNLIKE_CHILDREN for node in nodes) else found


def _outermost(nodes: Nodes) -> Nodes:
    """The nodes that lie below no other of them; attributes stay, since only their parents hold them."""
    above = nodes[0].parent
    if above is not None and all(node.parent is above for node in nodes):
        return nodes
    held = {id(node) for node in nodes}
    seen: dict[int, bool] = {}  # ancestors walked before -> whether one of the nodes is at or above them
    kept: Nodes = []
    for node in nodes:
        if node.kind in _UNLIKE_CHILDREN:
            kept.append(node)
            continue
        line: list[int] = []
        up = node.parent
        inside = False
        while up is not None:
            mark = id(up)
            known = seen.get(mark)
            if known is not None:
                inside = known
                break
            line.append(mark)
            if mark in held:
                inside = True
                break
            up = up.parent
        for mark in line:
            seen[mark] = inside
        if not inside:
            kept.append(node)
    return kept


def parent_step(value: Any, test: NodeTest, code: str = "XPTY0019") -> Nodes:
    """`value/parent::test`."""
    if (node := _one(value, code)) is not None:
        return parent(node, test)
    found: Nodes = []
    last = None
    for node in require_nodes(value):
        above = node.parent
        if above is not last and above is not None and test.matches(above):
            found.append(above)
        last = above
    return ddo(found)


def _sorted_step(axis: Callable[[Any, NodeTest], Nodes], reverse: bool) -> Callable[..., Nodes]:
    def step(value: Any, test: NodeTest, code: str = "XPTY0019") -> Nodes:
        if (node := _one(value, code)) is not None:
            found = axis(node, test)
            return found[::-1] if reverse else found
        return ddo([one for node in require_nodes(value) for one in axis(node, test)])

    return step


following_sibling_step: Final = _sorted_step(following_sibling, False)
following_step: Final = _sorted_step(following, False)
namespace_step: Final = _sorted_step(namespace, False)
ancestor_step: Final = _sorted_step(ancestor, True)
ancestor_or_self_step: Final = _sorted_step(ancestor_or_self, True)
preceding_sibling_step: Final = _sorted_step(preceding_sibling, True)
preceding_step: Final = _sorted_step(preceding, True)
property_step: Final = _sorted_step(AXES["property"], False)

#: Axis -> step from a Value in document order to nodes in document order.
STEPS: Final[dict[str, Callable[..., Nodes]]] = {
    "child": child_step,
    "descendant": descendant_step,
    "attribute": attribute_step,
    "self": self_step,
    "descendant-or-self": descendant_or_self_step,
    "following-sibling": following_sibling_step,
    "following": following_step,
    "namespace": namespace_step,
    "parent": parent_step,
    "ancestor": ancestor_step,
    "preceding-sibling": preceding_sibling_step,
    "preceding": preceding_step,
    "ancestor-or-self": ancestor_or_self_step,
    "property": property_step,
}


def down(value: Any, path: Sequence[tuple[Any, Any, NodeTest]]) -> Nodes:
    """A path of child and attribute steps from nodes in order; a step is its axis, function of sequences and test."""
    found: Nodes = value if type(value) is list else [value]
    for axis, step, test in path:
        if len(found) == 1:
            (node,) = found
            if axis is child and (name := test.element) is not None and type(node) is ElementNode:
                children = node.children
                if len(children) <= MANY:
                    found = [one for one in children if one.name is name]
                    continue
            found = axis(node, test)
        elif found:
            found = step(found, test)
        else:
            return found
    return found


def attribute_is(node: Any, name: str, text: str) -> bool:
    """`node/@name = text`, for a string."""
    for attribute in node.attributes:
        if attribute.name is name:
            return bool(attribute.value == text)
    return False


# -------------------------------------------------------------------------------------------------------------- cutting


def first_child(node: Any, test: NodeTest) -> Any:
    """`node/test[1]`: the node, or []."""
    return child_at(node, test, 1)


def child_at(node: Any, test: NodeTest, position: int) -> Any:
    """`node/test[position]`: the node, or []; looks no further than it."""
    if position < 1:
        return []
    if type(node) is not ElementNode or len(node.children) > MANY:
        all_found = child(node, test)
        return all_found[position - 1] if position <= len(all_found) else []
    name = test.element
    matches = test.matches
    for one in node.children:
        if one.name is name if name is not None else matches(one):
            position -= 1
            if position == 0:
                return one
    return []


def last_child(node: Any, test: NodeTest) -> Any:
    """`node/test[last()]`: the node, or []; looks no further than it."""
    name = test.element
    if name is not None and type(node) is ElementNode and len(node.children) <= MANY:
        for one in reversed(node.children):
            if one.name is name:
                return one
        return []
    found = child(node, test)
    return found[-1] if found else []
