"""xdmp: functions that change nodes of stored documents: xdmp:node-replace and its kin.

A statement sees its documents as they were at its start; the changes it asks for are kept in the context, taken back
with a `try` that fails, and made on copies when the statement ends (`apply_edits`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.marklogic.xdmp import XDMP
from xquery_bridge.library.stored_documents import document_of
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.construction import adopt, copy_node
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.nodes import root

#: (the copy of the node, the copy of its parent) -> None
_Change = Callable[[Any, Any], None]


@dataclass(slots=True)
class NodeEdit:
    """A change of a node, to be made on its copy; a node that goes away (`ends`) is changed only once."""

    uri: str
    node: Any
    function: str
    change: _Change
    ends: bool


def uri_of(node: Any) -> str | None:
    """The URI of the document that a node belongs to."""
    top = root(node)
    uri: str | None = top.document_uri if top.kind == "document" else None
    return uri


def _edit(context: DynamicContext, node: Any, function: str, change: _Change, *, ends: bool = False) -> None:
    """Note a change. Raises XDMP-UPEXTNODES for a node that is not stored, XDMP-CONFLICTINGUPDATES."""
    uri = uri_of(node)
    if uri is None or context.transaction is None:
        raise XQueryError(
            "FOER0000",
            "The node is not part of a stored document",
            expression=f"xdmp:{function}",
            marklogic_code="XDMP-UPEXTNODES",
        )
    if ends and any(each.node is node and each.ends for each in context.edits):
        raise _conflict(uri, function)
    context.edits.append(NodeEdit(uri, node, function, change, ends))


def _conflict(uri: str, function: str) -> XQueryError:
    return XQueryError(
        "FOER0000",
        "Conflicting updates",
        expression=f'xdmp:{function}(fn:doc("{uri}")/…)',
        marklogic_code="XDMP-CONFLICTINGUPDATES",
    )


def apply_edits(context: DynamicContext) -> None:
    """Make the changes that a statement has asked for, in their order, on copies of its documents.

    Raises XDMP-CONFLICTINGUPDATES when a node lies inside one that went away, or its document was replaced.
    """
    by_uri: dict[str, list[NodeEdit]] = {}
    for edit in context.edits:
        by_uri.setdefault(edit.uri, []).append(edit)
    context.edits = []
    for uri, edits in by_uri.items():
        top = root(edits[0].node)
        copied = copy_node(top)
        twins = _twins(top, copied)
        for edit in edits:
            twin = twins.get(id(edit.node))
            if twin is None or not _hangs_from(twin, copied):
                raise _conflict(uri, edit.function)
            edit.change(twin, twin.parent)
        stored = context.transaction.get(uri)
        if stored is None:
            raise _conflict(uri, edits[0].function)
        context.transaction.insert(document_of(uri, copied, stored.collections))


def _twins(top: Any, copied: Any) -> dict[int, Any]:
    """The copy of each node of a tree, by the identity of the original."""
    twins: dict[int, Any] = {}
    stack = [(top, copied)]
    while stack:
        old, new = stack.pop()
        twins[id(old)] = new
        twins.update({id(a): b for a, b in zip(old.attributes, new.attributes, strict=True)})
        stack.extend(zip(old.children, new.children, strict=True))
    return twins


def _hangs_from(node: Any, top: Any) -> bool:
    """Whether a node is still in the tree: earlier edits cut off what they replace."""
    while node is not top:
        parent = node.parent
        if parent is None:
            return False
        node = parent
    return True


def _place(parent: Any, node: Any) -> int:
    return next(at for at, child in enumerate(parent.children) if child is node)


def _new(parent: Any, node: Any) -> Any:
    """A copy of a node, or of the root of a document, as a part of the parent."""
    if not isinstance(node, XPathNode):
        raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(node)} as node()")
    source: Any = node
    if source.kind == "document":
        source = source.children[0]
    made = copy_node(source)
    if source.kind != "element" and source.name is not None:
        made.name = source.name
    made.parent = parent
    return made


@XDMP.row("node-replace($old as node(), $new as node()) as empty-sequence()", needs="dynamic", effects=True)
def node_replace(context: DynamicContext, old: Any, new: Any) -> None:
    """Replace a node of a stored document when the statement ends."""

    def change(twin: Any, parent: Any) -> None:
        if twin.kind == "document":
            twin.children[:] = [_new(twin, new)]
            return
        made = _new(parent, new)
        if twin.kind == "attribute":
            parent.attributes = [made if one is twin else one for one in parent.attributes]
        else:
            if parent.kind == "object":
                made.name = twin.name
            parent.children[_place(parent, twin)] = made
        twin.parent = None

    _edit(context, old, "node-replace", change, ends=True)


@XDMP.row("node-delete($old as node()) as empty-sequence()", needs="dynamic", effects=True)
def node_delete(context: DynamicContext, old: Any) -> None:
    """Remove a node of a stored document, or the document, when the statement ends."""
    if old.kind == "document" and context.transaction is not None and (uri := uri_of(old)) is not None:
        context.transaction.delete(uri)
        return

    def change(twin: Any, parent: Any) -> None:
        if twin.kind == "attribute":
            parent.attributes = [one for one in parent.attributes if one is not twin]
        else:
            del parent.children[_place(parent, twin)]
        twin.parent = None

    _edit(context, old, "node-delete", change, ends=True)


@XDMP.row("node-insert-child($parent as node(), $new as node()) as empty-sequence()", needs="dynamic", effects=True)
def node_insert_child(context: DynamicContext, parent: Any, new: Any) -> None:
    """Add a node, or an attribute, to one of a stored document when the statement ends."""

    def change(twin: Any, _: Any) -> None:
        made = _new(twin, new)
        if made.kind == "attribute":
            twin.attributes = [*twin.attributes, made]
        elif twin.kind in ("object", "array"):
            twin.children.append(made)
        else:
            adopt(twin, made)

    _edit(context, parent, "node-insert-child", change)


def _inserted_beside(function: str, shift: int) -> None:
    def insert(context: DynamicContext, sibling: Any, new: Any) -> None:
        """Add a node beside one of a stored document when the statement ends."""

        def change(twin: Any, parent: Any) -> None:
            parent.children.insert(_place(parent, twin) + shift, _new(parent, new))

        _edit(context, sibling, function, change)

    XDMP.add(
        f"{function}($sibling as node(), $new as node()) as empty-sequence()", insert, needs="dynamic", effects=True
    )


_inserted_beside("node-insert-before", 0)
_inserted_beside("node-insert-after", 1)
