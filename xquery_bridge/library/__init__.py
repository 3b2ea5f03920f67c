"""The functions a query can call: each module below puts its rows into the table of its namespace."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import walk_packages

from xquery_bridge.registry import Registry, Row, Table
from xquery_bridge.runtime.calls import find_rows_by


@lru_cache(maxsize=1)
def tables() -> list[Table]:
    """Every table that a module of this package holds, each once, with the rows of all modules."""
    found: dict[int, Table] = {}
    for module in walk_packages(__path__, f"{__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Table):
                found.setdefault(id(value), value)
    return list(found.values())


@lru_cache(maxsize=1)
def _registry() -> Registry:
    return Registry(tables())


def _row(uri: str, local: str, arity: int) -> Row | None:
    """The row of a built-in function, looked for only where an error names a parameter."""
    return _registry().lookup(uri, local, arity)


find_rows_by(_row)
