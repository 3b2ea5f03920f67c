"""Ways: the function of a path finds what its steps find one after another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.runtime.axes import MANY, STEPS
from xquery_bridge.runtime.json_nodes import object_node
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.node_tests import node_test
from xquery_bridge.runtime.ways import way

_TREES = st.recursive(
    st.sampled_from(("text", "<!--c-->", "<a/>", '<b x="1" y="2"/>')),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: f'<a x="{len(parts)}">{"".join(parts)}</a>')
        | st.lists(inner, max_size=4).map(lambda parts: f"<b>{'.'.join(parts)}</b>")
    ),
    max_leaves=12,
)
_STEPS = st.sampled_from(
    (("child", "element", "", "a"), ("child", "element", "", "b"), ("child", "element", None, None))
)
_LAST = st.sampled_from(
    (
        ("child", "element", "", "b"),
        ("child", "text", None, None),
        ("attribute", "attribute", "", "x"),
        ("attribute", "attribute", None, None),
        ("child", "node", None, None),
    )
)


def _path(steps: list[tuple[str, str, str | None, str | None]]) -> tuple[tuple[str, Any], ...]:
    return tuple([(axis, node_test(kind, uri, local)) for axis, kind, uri, local in steps])


def _stepwise(value: Any, path: tuple[tuple[str, Any], ...]) -> Any:
    for axis, test in path:
        value = STEPS[axis](value, test)
    return value


@settings(max_examples=60, deadline=None)
@given(tree=_TREES, steps=st.lists(_STEPS, max_size=9), last=_LAST)
def test_a_way_finds_what_its_steps_find(tree: str, steps: list[Any], last: Any) -> None:
    root = parse_xml(f"<r><a>{tree}</a>{tree}</r>").children[0]
    path = _path([*steps, last])
    starts: list[Any] = [root, root.children, root.parent, []]
    for start in starts:
        found = way(path)(start)
        expected = _stepwise(start, path)
        assert len(found) == len(expected) and all(one is other for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("many", [1, MANY, MANY + 1])
def test_wide_elements_give_all_their_children(many: int) -> None:
    root = parse_xml(f"<r><a>{'<b>x</b>' * many}</a></r>").children[0]
    path = _path([("child", "element", "", "a"), ("child", "element", "", "b"), ("child", "text", None, None)])
    assert [node.value for node in way(path)(root)] == ["x"] * many


def test_json_members_are_found_by_name() -> None:
    node = object_node([("a", object_node([("b", "x")]))])
    path = _path([("child", "element", "", "a"), ("child", "element", "", "b")])
    assert [found.string_value for found in way(path)(node)] == ["x"]
