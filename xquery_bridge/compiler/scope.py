"""Names: namespaces, variables and functions of a module, and where in the source a construct stands."""

from __future__ import annotations

import bisect
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from xquery_bridge.compiler.ir.functions import Function
from xquery_bridge.compiler.ir.variables import Focus, GlobalVariable, Var
from xquery_bridge.compiler.types import ANY, INTEGER, ITEM, StaticType
from xquery_bridge.errors import ErrorName, Frame, XQueryError
from xquery_bridge.registry import Registry
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.syntax import tree

_NOT_PYTHON: Final = re.compile(r"\W|[^\x00-\x7f]")


class PlaceTable:
    """Turns character offsets of one source text into lines and columns, both counted from 1."""

    def __init__(self, source: str, uri: str, dialect: str) -> None:
        self.source, self.uri, self.dialect = source, uri, dialect
        #: where the lines start; found when the first place is asked for
        self._starts: list[int] | None = None

    def line_and_column(self, offset: int) -> tuple[int, int]:
        if self._starts is None:
            self._starts = [0, *[match.end() for match in re.finditer("\n", self.source)]]
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def frame(self, offset: int, operation: str = "") -> Frame:
        """The stack frame for a place in this source."""
        line, column = self.line_and_column(offset)
        return Frame(self.uri, line, column, operation, self.dialect)

    def text(self, start: int, end: int, limit: int = 100) -> str:
        """The source between two offsets on one line, cut after `limit` characters."""
        text = " ".join(self.source[start:end].split())
        return text if len(text) <= limit else text[: limit - 3] + "..."


class PythonNames:
    """Gives every variable and function a Python name of its own that resembles the query's."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken: dict[str, int] = dict.fromkeys((*keyword.kwlist, *keyword.softkwlist, *reserved), 1)

    def make(self, name: str) -> str:
        """A new name like `name`: the same where it is a free Python name, else with a number behind it."""
        base = _NOT_PYTHON.sub("_", name) or "v"
        if base[0].isdigit():
            base = f"v{base}"
        count = self._taken.get(base, 0) + 1
        self._taken[base] = count
        if count == 1:
            return base
        return self.make(f"{base}_{count}") if f"{base}_{count}" in self._taken else self._keep(f"{base}_{count}")

    def _keep(self, name: str) -> str:
        self._taken[name] = 1
        return name


@dataclass(slots=True)
class ModuleScope:
    """What the expressions of one module can name."""

    static: StaticContext
    places: PlaceTable
    uri: str = ""
    functions: dict[tuple[str, str, int], Function] = field(default_factory=dict)
    variables: dict[tuple[str, str], GlobalVariable] = field(default_factory=dict)
    using: list[str] = field(default_factory=list)
    #: local names of variables that xdmp:set changes somewhere in the module
    assigned: frozenset[str] = frozenset()
    #: functions of the query that evaluates this one (xdmp:value), found by name when they are called
    outer_functions: frozenset[tuple[str, str, int]] = frozenset()
    #: own functions and variables, in the order of declaration
    own_functions: list[tuple[Function, tree.FunctionDecl]] = field(default_factory=list)
    own_variables: list[tuple[GlobalVariable, tree.VarDecl]] = field(default_factory=list)


class Scope:
    """Resolves names inside one module; local variables come and go with `bind`."""

    def __init__(self, module: ModuleScope, names: PythonNames, registry: Registry) -> None:
        self.module, self.names, self.registry = module, names, registry
        self.static = module.static
        self._locals: dict[tuple[str, str], list[Var]] = {}

    # ---------------------------------------------------------------------------------------------------- namespaces

    def expand(self, name: tree.Name, default: str) -> tuple[str, str]:
        """The namespace URI and local name of a QName; `default` is the URI of names without a prefix."""
        if name.uri is not None:
            return " ".join(name.uri.split()), name.local
        if name.prefix:
            return self.static.namespace(name.prefix), name.local
        return default, name.local

    def element_name(self, name: tree.Name) -> tuple[str, str]:
        return self.expand(name, self.static.default_element_namespace)

    def error_name(self, name: tree.Name) -> ErrorName:
        uri, local = self.element_name(name)
        return ErrorName(uri, local, name.prefix)

    @contextmanager
    def namespaces(self, declared: Sequence[tuple[str, str]]) -> Iterator[None]:
        """Namespace declarations of a direct constructor, known inside it."""
        if not declared:
            yield
            return
        before = self.static
        bound = dict(before.namespaces)
        default = before.default_element_namespace
        for prefix, uri in declared:
            if prefix:
                bound[prefix] = uri
            else:
                default = uri
        self.static = replace(before, namespaces=bound, default_element_namespace=default)
        try:
            yield
        finally:
            self.static = before

    # ----------------------------------------------------------------------------------------------------- variables

    def new_var(self, name: tree.Name, type: StaticType = ANY, *, bare: bool = False) -> Var:
        return Var(str(name), self.names.make(name.local), type, bare)

    def new_cell(self, name: tree.Name) -> Var | None:
        """A variable that xdmp:set may change, if the module does so with one of this name."""
        if name.local not in self.module.assigned:
            return None
        return Var(str(name), self.names.make(name.local), ANY, assigned=True)

    def temporary(self, name: str, type: StaticType = ANY, *, bare: bool = False) -> Var:
        """A variable that the compiler introduces."""
        return Var(name, self.names.make(name), type, bare)

    def new_focus(self, type: StaticType) -> Focus:
        name = type.kind if type.is_a("node") and type.kind != "node" else "item"
        return Focus(
            Var(".", self.names.make(name.replace("-", "_")), type if type.single else ITEM, True),
            Var("position()", self.names.make("position"), INTEGER, True),
            Var("last()", self.names.make("last"), INTEGER, True),
        )

    def key(self, name: tree.Name) -> tuple[str, str]:
        return self.expand(name, "")

    def bind(self, name: tree.Name, var: Var) -> None:
        """Bring a variable into scope, hiding one of the same name; `unbind` ends it."""
        self._locals.setdefault(self.key(name), []).append(var)

    def unbind(self, names: Iterable[tree.Name]) -> None:
        for name in names:
            self._locals[self.key(name)].pop()

    @contextmanager
    def binding(self, *pairs: tuple[tree.Name, Var]) -> Iterator[None]:
        for name, var in pairs:
            self.bind(name, var)
        try:
            yield
        finally:
            self.unbind([name for name, _ in pairs])

    @contextmanager
    def only_globals(self) -> Iterator[None]:
        """The body of a declared function or variable: no local variables are visible."""
        before, self._locals = self._locals, {}
        try:
            yield
        finally:
            self._locals = before

    def variable(self, name: tree.Name) -> Var | GlobalVariable:
        """The variable a reference means. Raises XPST0008 when there is none."""
        key = self.key(name)
        stack = self._locals.get(key)
        if stack:
            return stack[-1]
        found = self.module.variables.get(key)
        if found is None and not name.prefix and name.uri is None:
            for uri in self.module.using:
                found = found or self.module.variables.get((uri, name.local))
        if found is None:
            raise XQueryError("XPST0008", detail=f"${name}")
        return found

    def visible(self) -> dict[tuple[str, str], Var]:
        """All local variables in scope."""
        return {key: stack[-1] for key, stack in self._locals.items() if stack}

    # ----------------------------------------------------------------------------------------------------- functions

    def function_name(self, name: tree.Name) -> tuple[str, str]:
        return self.expand(name, self.static.default_function_namespace)

    def declared_function(self, name: tree.Name, arity: int) -> Function | None:
        """The query's own function of that name, if there is one."""
        uri, local = self.function_name(name)
        found = self.module.functions.get((uri, local, arity))
        if found is None and not name.prefix and name.uri is None:
            for used in self.module.using:
                found = found or self.module.functions.get((used, local, arity))
        return found

    def undefined_function(self, name: tree.Name, arity: int) -> XQueryError:
        """XPST0017, saying what is known by that name."""
        uri, local = self.function_name(name)
        known = set(self.registry.arities(uri, local))
        known |= {count for (u, n, count) in self.module.functions if (u, n) == (uri, local)}
        if not known:
            return XQueryError("XPST0017", detail=f"{name}()")
        counts = " or ".join(map(str, sorted(known)))
        return XQueryError(
            "XPST0017", f"Undefined function {name}() with {arity} argument{'s' * (arity != 1)}: it takes {counts}"
        )
