"""The table of functions: for each name and arity its signature, implementation and what a compiler may do with it.

The rows are written in the modules of `library`; this module knows only their form. `fn:function-lookup`, arity errors,
type checks and the reference pages are all made from the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from xquery_bridge.runtime.sequence_types import SequenceType, parse_sequence_type

#: What an implementation may ask for before its arguments, in the order it gets them.
NEEDS: Final = ("dynamic", "static", "item", "position", "last", "focus", "caller")

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SIGNATURE = re.compile(r"\s*(?P<name>[\w.\-]+)\s*\((?P<params>.*)\)\s+as\s+(?P<result>.+?)\s*", re.DOTALL)
_PARAM = re.compile(r"\s*\$(?P<name>[\w.\-]+)\s+as\s+(?P<type>.+?)\s*(?P<variadic>\.\.\.)?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: SequenceType


@dataclass(frozen=True)
class Row:
    """One function of one arity (or of any arity from `minimum` up, when its last parameter repeats: fn:concat).

    `served_by` is "native", or "elementpath" when the implementation is one of its function tokens behind
    `library.elementpath_functions`. `effects`: the call changes something or reads what can change, so it is
    neither dropped, moved, repeated nor cached. `deterministic`: equal arguments give equal results within one run.
    """

    uri: str
    prefix: str
    signature: str
    implementation: Callable[..., Any]
    needs: tuple[str, ...] = ()
    effects: bool = False
    deterministic: bool = True
    served_by: str = "native"
    summary: str = ""
    extra: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @cached_property
    def _match(self) -> re.Match[str]:
        found = _SIGNATURE.fullmatch(self.signature)
        if found is None:
            raise ValueError(f"not a signature: {self.signature}")
        return found

    @cached_property
    def local(self) -> str:
        return self._match["name"]

    @cached_property
    def _params(self) -> list[re.Match[str]]:
        found = [_PARAM.fullmatch(part) for part in _split(self._match["params"])]
        if not all(found):
            raise ValueError(f"not a signature: {self.signature}")
        return [match for match in found if match is not None]

    @cached_property
    def variadic(self) -> bool:
        """Whether the last parameter may be repeated (written `$v as T, ...`: here `$v as T...`)."""
        return bool(self._params) and self._params[-1]["variadic"] is not None

    @cached_property
    def arity(self) -> int:
        return len(self._params)

    @cached_property
    def params(self) -> tuple[Parameter, ...]:
        return tuple(Parameter(p["name"], parse_sequence_type(p["type"])) for p in self._params)

    @cached_property
    def result(self) -> SequenceType:
        return parse_sequence_type(self._match["result"])

    def param(self, index: int) -> Parameter:
        """The parameter an argument at this position goes to; a repeated last one takes all that follow."""
        return self.params[min(index, len(self.params) - 1)]


def _split(params: str) -> Iterator[str]:
    """Split a parameter list at its outer commas."""
    depth, begin = 0, 0
    for at, char in enumerate(params):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            yield params[begin:at]
            begin = at + 1
    if params[begin:].strip():
        yield params[begin:]


class Table:
    """The rows of one namespace, as a library module writes them down."""

    def __init__(self, uri: str, prefix: str) -> None:
        self.uri, self.prefix = uri, prefix
        self.rows: list[Row] = []

    def row(self, *signatures: str, **flags: Any) -> Callable[[_Function], _Function]:
        """Decorate an implementation with its row, or with several when it serves several arities."""

        def register(implementation: _Function) -> _Function:
            for signature in signatures:
                self.add(signature, implementation, **flags)
            return implementation

        return register

    def add(self, signature: str, implementation: Callable[..., Any], *, needs: str = "", **flags: Any) -> None:
        """Add a row; `needs` is a blank-separated list of `NEEDS`."""
        asked = set(needs.split())
        if asked - set(NEEDS):
            raise ValueError(f"{signature}: unknown needs {sorted(asked - set(NEEDS))}")
        ordered = tuple(need for need in NEEDS if need in asked)
        summary = (implementation.__doc__ or "").strip().split("\n")[0]
        self.rows.append(Row(self.uri, self.prefix, signature, implementation, ordered, summary=summary, **flags))


class Registry:
    """All functions an engine knows, by namespace, local name and arity."""

    def __init__(self, tables: list[Table]) -> None:
        self._rows: dict[tuple[str, str], dict[int, Row]] = {}
        self._variadic: dict[tuple[str, str], Row] = {}
        for table in tables:
            for row in table.rows:
                key = (row.uri, row.local)
                if row.variadic:
                    self._variadic[key] = row
                self._rows.setdefault(key, {})[row.arity] = row

    def lookup(self, uri: str, local: str, arity: int) -> Row | None:
        """The row of a function, or None (then `arities` tells whether only the number of arguments is wrong)."""
        key = (uri, local)
        found = self._rows.get(key, {}).get(arity)
        if found is None:
            variadic = self._variadic.get(key)
            if variadic is not None and arity >= variadic.arity:
                return variadic
        return found

    def arities(self, uri: str, local: str) -> list[int]:
        """The numbers of arguments a function is known with, ascending; empty for an unknown name."""
        return sorted(self._rows.get((uri, local), ()))

    def knows(self, uri: str) -> bool:
        """Whether any function of a namespace is built in."""
        return any(known == uri for known, _ in self._rows)

    def rows(self) -> Iterator[Row]:
        """Every row, each once."""
        for by_arity in self._rows.values():
            yield from by_arity.values()
