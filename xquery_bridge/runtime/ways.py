"""Ways: paths of child and attribute steps without predicates, as functions from a Value of nodes in document order.

Most paths go down from one element by names (`$b/name/text()`, `$p/profile/@income`). For each shape of such a path the
source of a function of nested loops is written once; a way is that function with the names of its path filled in. It
leaves nodes of other kinds, and elements with many children, whose lists are kept with the tree, to `axes.down`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final

from xquery_bridge.runtime.axes import AXES, MANY, STEPS, down
from xquery_bridge.runtime.node_tests import NodeTest
from xquery_bridge.runtime.nodes import ElementNode, TextNode

Way = Callable[[Any], list[Any]]

#: Python does not take loops in loops without end.
_LONGEST: Final = 8

#: Kind of a step -> the nodes it looks through, the test for one; `{up}` and `{at}` number the node above and its own.
_LOOPS: Final = {
    "element": ("n{up}.children", "n{at}.name is name{at}"),
    "text": ("n{up}.children", "n{at}.__class__ is TextNode"),
    "attribute": ("n{up}.attributes", "n{at}.name is name{at}"),
}


@lru_cache(maxsize=4096)
def way(path: tuple[tuple[str, NodeTest], ...]) -> Way:
    """The function of a path; its steps are (axis, test), of the axes child and attribute."""
    general = partial(down, path=tuple([(AXES[axis], STEPS[axis], test) for axis, test in path]))
    kinds: list[str] = []
    for axis, test in path:
        if axis == "child" and test.element is not None:
            kinds.append("element")
        elif axis == "child" and test.only_kind == "text":
            kinds.append("text")
        elif axis == "attribute" and test.by_name and test.kind == "attribute":
            kinds.append("attribute")
        else:
            return general
    if len(kinds) > _LONGEST or any(kind != "element" for kind in kinds[:-1]):
        return general
    made: Way = _factory(tuple(kinds))(general, *[test.name for _, test in path])
    return made


@lru_cache(maxsize=256)
def _factory(kinds: tuple[str, ...]) -> Callable[..., Way]:
    """The function that makes the ways of a shape."""
    names = ", ".join([f"name{at}" for at in range(1, len(kinds) + 1)])
    lines = [
        f"def make(general, {names}):",
        "    def way(n0):",
        f"        if n0.__class__ is not ElementNode or len(n0.children) > {MANY}:",
        "            return general(n0)",
        "        found = []",
    ]
    indent = "        "
    for at, kind in enumerate(kinds, 1):
        source, test = _LOOPS[kind]
        if at > 1 and kind != "attribute":
            lines.append(f"{indent}if len(n{at - 1}.children) > {MANY}:")
            lines.append(f"{indent}    return general(n0)")
        lines.append(f"{indent}for n{at} in {source.format(up=at - 1)}:")
        lines.append(f"{indent}    if {test.format(at=at)}:")
        indent += "        "
    lines.append(f"{indent}found.append(n{len(kinds)})")
    lines += ["        return found", "    return way"]
    namespace: dict[str, Any] = {"ElementNode": ElementNode, "TextNode": TextNode}
    exec("\n".join(lines), namespace)
    factory: Callable[..., Way] = namespace["make"]
    return factory
