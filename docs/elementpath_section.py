"""Writes the section of architecture.md on what elementpath serves, from the registry and the runtime's classes.

`python -m docs.elementpath_section` writes it anew; a test compares the section with what would be written.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from xquery_bridge.library import tables
from xquery_bridge.library.elementpath_functions import NATIVE
from xquery_bridge.registry import Registry
from xquery_bridge.runtime import json_nodes, nodes
from xquery_bridge.runtime.atomic import ATOMIC_TYPES

PAGE = Path(__file__).with_name("architecture.md")
BEGIN = "<!-- written by `python -m docs.elementpath_section` -->"
END = "<!-- end of what is written -->"


def section() -> str:
    """The text between the two marks."""
    served = sorted(
        {f"{row.prefix}:{row.local}" for row in Registry(tables()).rows() if row.served_by == "elementpath"}
    )
    types = [f"xs:{row.name}" for row in ATOMIC_TYPES if any(_is_theirs(each) for each in row.classes)]
    parts = [
        f"**Functions** ({len(served)} names, by `library.elementpath_functions`): {_names(served)}.",
        f"**Atomic types** whose class is elementpath's or derives from one: {_names(types)}.",
        f"**Node classes** that the runtime's nodes derive from: {_names(sorted(set(_node_bases())))}.",
        "**Standard functions that are native**, and why:",
    ]
    reasons = [f"- {reason}: {_names(sorted(names.split()))}" for reason, names in NATIVE.items()]
    reasons.append("- items, elementpath's maps and arrays are tokens: every function of `map:` and `array:`")
    return "\n\n".join([*map(_filled, parts), "\n".join(map(_filled, reasons))])


def _is_theirs(kind: type) -> bool:
    return any(base.__module__.startswith("elementpath.datatypes") for base in kind.__mro__)


def _node_bases() -> Iterator[str]:
    """The names of the classes of elementpath that our node classes name as their bases."""
    for module in (nodes, json_nodes):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__:
                yield from (base.__name__ for base in kind.__bases__ if base.__module__ == "elementpath.xpath_nodes")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _filled(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def rewritten(page: str) -> str:
    """A page with the section anew between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{PAGE.name} has no section between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{section()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
