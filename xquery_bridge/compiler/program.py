"""Modules: prologs, imports, and the program of functions and variables that they make together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Final
from urllib.parse import urljoin

from xquery_bridge.compiler.ir.functions import Function
from xquery_bridge.compiler.ir.node import EFFECTS, Expr
from xquery_bridge.compiler.ir.variables import GlobalVariable, Var
from xquery_bridge.compiler.resolve_constructors import ConstructorResolver
from xquery_bridge.compiler.resolve_flwor import FlworResolver
from xquery_bridge.compiler.resolve_functions import FunctionResolver
from xquery_bridge.compiler.resolve_paths import PathResolver
from xquery_bridge.compiler.resolver import OperatorResolver
from xquery_bridge.compiler.scope import ModuleScope, PlaceTable, PythonNames, Scope
from xquery_bridge.compiler.types import ANY, FUNCTION
from xquery_bridge.errors import NotSupportedYet, XQueryError
from xquery_bridge.registry import Registry
from xquery_bridge.runtime.context import ENHANCED_PREFIXES, FN, XML, XS, CallerScope, StaticContext
from xquery_bridge.runtime.sequence_types import SequenceType
from xquery_bridge.syntax import tree
from xquery_bridge.syntax.parser import parse_query

#: Gives the texts of the modules with a namespace: (uri, location hints, base URI) -> [(location, text)].
ModuleLoader = Callable[[str, list[str], "str | None"], list[tuple[str, str]]]

_XQUERY: Final = "http://www.w3.org/2012/xquery"
_XDMP: Final = "http://marklogic.com/xdmp"
_OUTPUT: Final = "http://www.w3.org/2010/xslt-xquery-serialization"

#: Namespaces in which a query declares no function.
_RESERVED_FUNCTIONS: Final = {
    XML,
    XS,
    "http://www.w3.org/2001/XMLSchema-instance",
    FN,
    "http://www.w3.org/2005/xpath-functions/math",
    "http://www.w3.org/2005/xpath-functions/map",
    "http://www.w3.org/2005/xpath-functions/array",
}

_SETTER_TWICE: Final = {
    "boundary-space": "XQST0068",
    "default-collation": "XQST0038",
    "base-uri": "XQST0032",
    "construction": "XQST0067",
    "ordering": "XQST0065",
    "empty-order": "XQST0069",
    "copy-namespaces": "XQST0055",
}

_FORMAT_CHARACTERS: Final = {
    "decimal-separator",
    "grouping-separator",
    "minus-sign",
    "percent",
    "per-mille",
    "zero-digit",
    "digit",
    "pattern-separator",
    "exponent-separator",
}
_FORMAT_DEFAULTS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "percent": "%",
    "per-mille": "‰",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
    "exponent-separator": "e",
}


class Resolver(
    FlworResolver, PathResolver, FunctionResolver, ConstructorResolver, OperatorResolver
):  # PathResolver before OperatorResolver: it has the `!` that the other leaves open
    """Resolves every expression."""


@dataclass(slots=True)
class Program:
    """Everything a query consists of, ready for code generation.

    `context_types` and `context_value` come from `declare context item`, the types from every module; `places` map
    module names to source places.
    """

    body: Expr
    static: StaticContext
    functions: list[Function]
    variables: list[GlobalVariable]
    places: dict[str, PlaceTable]
    names: PythonNames
    main: str
    context_types: list[SequenceType] = field(default_factory=list)
    context_value: Expr | None = None
    context_external: bool = True
    updates: bool = False


class ProgramBuilder:
    """Reads the prologs of a main module and of all it imports, and resolves their expressions."""

    def __init__(self, registry: Registry, loader: ModuleLoader, reserved: Iterable[str]) -> None:
        self.registry, self.loader = registry, loader
        self.names = PythonNames(reserved)
        self.modules: dict[str, list[ModuleScope]] = {}
        self.order: list[ModuleScope] = []
        self.context: tree.ContextItemDecl | None = None
        self.context_types: list[SequenceType] = []
        #: which module imports which namespace, and where: what is imported is known once every prolog is read
        self.links: list[tuple[ModuleScope, str, int]] = []
        self._main: ModuleScope | None = None

    def build(
        self,
        module: tree.Module,
        source: str,
        static: StaticContext,
        *,
        uri: str = "/eval",
        outer: CallerScope | None = None,
    ) -> Program:
        """The program of a main module; `outer` has variables and functions of a caller, usable undeclared."""
        if module.body is None:
            raise XQueryError("XPST0003", "A library module cannot be evaluated by itself")
        scope = ModuleScope(static, PlaceTable(source, uri, static.dialect))
        self._main = scope
        if outer is not None:
            scope.outer_functions = frozenset(outer.functions)
            for outer_uri, outer_local in outer.variables:
                var = Var(outer_local, self.names.make(outer_local), ANY, is_global=True)
                made = GlobalVariable(outer_uri, outer_local, var, None, True, static, module=uri)
                scope.variables[(outer_uri, outer_local)] = made
        try:
            self._prolog(module, scope)
            self._link()
            self._resolve_all()
            resolver = Resolver(Scope(scope, self.names, self.registry), main=True)
            context_value = None
            if self.context is not None and self.context.value is not None:
                resolver.main = False
                context_value = resolver.expr(self.context.value)
                resolver.main = True
            body = resolver.expr(module.body)
        except RecursionError:
            raise XQueryError("XPST0003", "The query is nested too deeply", marklogic_code="XDMP-NESTING") from None
        program = Program(
            body=body,
            static=static,
            functions=[function for each in self.order for function, _ in each.own_functions],
            variables=[
                *[v for v in scope.variables.values() if v.body is None and v.var.is_global and v.start == v.end == 0],
                *[variable for each in self.order for variable, _ in each.own_variables],
            ],
            places={each.places.uri: each.places for each in self.order},
            names=self.names,
            main=uri,
            context_types=self.context_types,
            context_value=context_value,
            context_external=self.context is None or self.context.external or self.context.value is None,
        )
        _spread_purity(program.functions)
        return program

    # ------------------------------------------------------------------------------------------------------ prolog

    def _prolog(self, module: tree.Module, scope: ModuleScope) -> None:
        self.order.append(scope)
        if scope.static.dialect == "1.0-ml" and _ASSIGNMENT.search(scope.places.source, module.start, module.end):
            scope.assigned = frozenset(_assigned_names(module))
        reader = _PrologReader(self, module, scope)
        for declaration in module.declarations:
            with _placed(scope, declaration.start):
                reader.read(declaration)

    def import_module(self, uri: str, locations: list[str], scope: ModuleScope, start: int) -> None:
        """Load and read the modules with a namespace that are not loaded yet, and note the import."""
        self.links.append((scope, uri, start))
        known = self.modules.get(uri)
        if known is not None and not locations:
            return
        texts = self.loader(uri, locations, scope.static.base_uri)
        if not texts and known is None:
            at = f" at {', '.join(locations)}" if locations else ""
            raise XQueryError("XQST0059", f"Module {uri}{at} not found", marklogic_code="XDMP-MODNOTFOUND")
        loaded = self.modules.setdefault(uri, [])
        for location, text in texts:
            if any(each.places.uri == location for each in loaded):
                continue
            query = parse_query(text, scope.static.dialect, uri=location)
            module = query.modules[0]
            if module.uri is None:
                raise XQueryError("XQST0059", f"{location} is no library module", marklogic_code="XDMP-IMPMOD")
            if not module.uri.strip():
                raise XQueryError("XQST0088", "A library module needs a namespace")
            if module.uri != uri:
                raise XQueryError("XQST0059", f"{location} has namespace {module.uri}, not {uri}")
            dialect = dialect_of(module.version, scope.static.dialect)
            static = StaticContext.of_dialect(dialect, location)
            static.uri = uri
            made = ModuleScope(static, PlaceTable(text, location, dialect), uri)
            loaded.append(made)
            self._prolog(module, made)

    def _link(self) -> None:
        """Make the public functions and variables of imported modules visible where they are imported."""
        for scope, uri, start in self.links:
            with _placed(scope, start):
                for exporting in self.modules[uri]:
                    if exporting is not scope:
                        _take_exports(scope, exporting)

    # --------------------------------------------------------------------------------------------------- expressions

    def _resolve_all(self) -> None:
        for scope in self.order:
            for variable, written_variable in scope.own_variables:
                if written_variable.value is None:
                    continue
                resolver = Resolver(Scope(scope, self.names, self.registry), main=True)
                with _hidden(scope, variable):
                    body = resolver.expr(written_variable.value)
                if variable.declared is not None:
                    body = resolver.checked(body, variable.declared)
                elif not variable.var.assigned:
                    variable.var.type = body.type
                variable.body = body
        for scope in self.order:
            for function, written in scope.own_functions:
                if written.body is None:
                    continue
                resolver = Resolver(Scope(scope, self.names, self.registry))
                pairs = [(each.name, param.var) for each, param in zip(written.params, function.params, strict=True)]
                with resolver.scope.binding(*pairs):
                    function.body = resolver.expr(written.body)


class _PrologReader:
    """Takes the declarations of one prolog one after another."""

    def __init__(self, builder: ProgramBuilder, module: tree.Module, scope: ModuleScope) -> None:
        self.builder, self.module, self.module_scope = builder, module, scope
        self.static = scope.static
        self.scope = Scope(scope, builder.names, builder.registry)
        self.resolver = Resolver(self.scope)
        self._set: set[str] = set()
        self._declared_prefixes: set[str] = set()
        self._imported: set[str] = set()
        self._context_declared = False
        if module.uri is not None:
            scope.uri = module.uri
            if not module.uri:
                raise XQueryError("XQST0088", "A library module needs a namespace")
            if module.prefix:
                self._declare_prefix(module.prefix, module.uri)

    def read(self, declaration: tree.Declaration) -> None:
        match declaration:
            case tree.NamespaceDecl():
                self._declare_prefix(declaration.prefix, " ".join(declaration.uri.split()))
            case tree.DefaultNamespaceDecl():
                self._default_namespace(declaration)
            case tree.Setter():
                self._setter(declaration)
            case tree.DecimalFormatDecl():
                self._decimal_format(declaration)
            case tree.SchemaImport():
                self._schema(declaration)
            case tree.ModuleImport():
                self._import(declaration)
            case tree.UsingDecl():
                self.module_scope.using.append(declaration.uri)
                if not self.builder.registry.knows(declaration.uri):
                    self.builder.import_module(declaration.uri, [], self.module_scope, declaration.start)
            case tree.StylesheetImport():
                raise NotSupportedYet("import stylesheet")
            case tree.ContextItemDecl():
                self._context_item(declaration)
            case tree.VarDecl():
                self._variable(declaration)
            case tree.FunctionDecl():
                self._function(declaration)
            case tree.OptionDecl():
                self._option(declaration)

    def _context_item(self, declaration: tree.ContextItemDecl) -> None:
        if self._context_declared:
            raise XQueryError("XQST0099", "The context item is declared twice")
        self._context_declared = True
        if self.module.uri is None:
            self.builder.context = declaration
        elif declaration.value is not None:
            raise XQueryError("XQST0113", "A library module gives the context item no value")
        type = self.resolver.types.optional(declaration.type)
        if type is not None:
            self.builder.context_types.append(type)

    # --------------------------------------------------------------------------------------------------- namespaces

    def _declare_prefix(self, prefix: str, uri: str) -> None:
        if prefix in self._declared_prefixes:
            raise XQueryError("XQST0033", detail=prefix)
        if prefix in ("xml", "xmlns") or uri in (XML, "http://www.w3.org/2000/xmlns/"):
            raise XQueryError("XQST0070", f"Prefix {prefix!r} cannot be bound to {uri!r}")
        self._declared_prefixes.add(prefix)
        if uri:
            self.static.namespaces[prefix] = uri
        else:
            self.static.namespaces.pop(prefix, None)

    def _default_namespace(self, declaration: tree.DefaultNamespaceDecl) -> None:
        key = f"default {declaration.kind}"
        if key in self._set:
            raise XQueryError("XQST0066", f"The default {declaration.kind} namespace is declared twice")
        self._set.add(key)
        uri = " ".join(declaration.uri.split())
        if uri in (XML, "http://www.w3.org/2000/xmlns/"):
            raise XQueryError("XQST0070", f"{uri} cannot be a default namespace")
        if declaration.kind == "element":
            self.static.default_element_namespace = uri
        else:
            self.static.default_function_namespace = uri

    def _schema(self, declaration: tree.SchemaImport) -> None:
        """Schemas are not known here: XQST0009, after the errors that the import has by itself."""
        if declaration.prefix and not declaration.uri.strip():
            raise XQueryError("XQST0057", f"The schema prefix {declaration.prefix!r} needs a namespace")
        if declaration.prefix in ("xml", "xmlns"):
            raise XQueryError("XQST0070", f"Prefix {declaration.prefix!r} cannot be bound to {declaration.uri!r}")
        raise XQueryError("XQST0009")

    def _setter(self, declaration: tree.Setter) -> None:
        kind, value = declaration.kind, declaration.value
        if kind in self._set:
            raise XQueryError(_SETTER_TWICE[kind], f"{kind} is declared twice")
        self._set.add(kind)
        match kind:
            case "boundary-space":
                self.static.preserve_boundary_space = value == "preserve"
            case "default-collation":
                self.static.default_collation = self.resolver.types.collation(value, "XQST0038")
            case "base-uri":
                base = " ".join(value.split())
                self.static.base_uri = urljoin(self.static.base_uri or "", base)
            case "construction":
                self.static.preserve_construction = value == "preserve"
            case "ordering":
                self.static.ordered = value == "ordered"
            case "empty-order":
                self.static.empty_greatest = value == "greatest"
            case "copy-namespaces":
                words = value.replace(",", " ").split()
                self.static.preserve_namespaces = "preserve" in words
                self.static.inherit_namespaces = "inherit" in words

    def _decimal_format(self, declaration: tree.DecimalFormatDecl) -> None:
        key = ("", "") if declaration.name is None else self.scope.expand(declaration.name, "")
        if key in self.static.decimal_formats:
            raise XQueryError("XQST0111", "A decimal format is declared twice")
        properties: dict[str, str] = {}
        for name, value in declaration.properties:
            if name in properties:
                raise XQueryError("XQST0114", f"Property {name} is given twice")
            if name in _FORMAT_CHARACTERS and len(value) != 1:
                raise XQueryError("XQST0097", f"Property {name} is one character, not {value!r}")
            if name == "zero-digit" and not (value.isdigit() and int(value) == 0):
                raise XQueryError("XQST0097", f"Property {name} is a digit of value zero, not {value!r}")
            properties[name] = value
        signs = {**_FORMAT_DEFAULTS, **properties}
        used = [signs[name] for name in _FORMAT_DEFAULTS]
        digits = {chr(ord(signs["zero-digit"]) + at) for at in range(1, 10)}
        if len(set(used)) < len(used) or digits & set(used):
            raise XQueryError("XQST0098", "Two properties of a decimal format have the same character")
        self.static.decimal_formats[key] = properties

    def _option(self, declaration: tree.OptionDecl) -> None:
        uri, local = self.scope.expand(declaration.name, _XQUERY)
        if not uri:
            raise XQueryError("XPST0081", f"An option needs a namespace: {declaration.name}")
        if uri == _XDMP and local == "mapping":
            self.static.function_mapping = declaration.value.strip() != "false"
        if uri == _OUTPUT and (uri, local) in self.static.options:
            raise XQueryError("XQST0110", f"Serialization parameter {local} is given twice")
        if uri == _OUTPUT and self.module.uri is not None:
            raise XQueryError("XQST0108", "A library module has no serialization parameters")
        self.static.options[(uri, local)] = declaration.value

    # ------------------------------------------------------------------------------------------------------ imports

    def _import(self, declaration: tree.ModuleImport) -> None:
        uri = " ".join(declaration.uri.split())
        if not uri:
            raise XQueryError("XQST0088", "A module import needs a namespace")
        if uri in self._imported:
            raise XQueryError("XQST0047", f"Module {uri} is imported twice")
        self._imported.add(uri)
        if declaration.prefix:
            if self.module.uri == uri and declaration.prefix == self.module.prefix:
                self.static.namespaces[declaration.prefix] = uri
            else:
                self._declare_prefix(declaration.prefix, uri)
        builtin = self.builder.registry.knows(uri) if not declaration.locations else False
        if builtin:
            return
        self.builder.import_module(uri, declaration.locations, self.module_scope, declaration.start)

    # ------------------------------------------------------------------------------------------------- declarations

    def _variable(self, declaration: tree.VarDecl) -> None:
        uri, local = self.scope.expand(declaration.name, "")
        if any((known.uri, known.local) == (uri, local) for known, _ in self.module_scope.own_variables):
            raise XQueryError("XQST0049", detail=f"${declaration.name}")
        if self.module.uri is not None and uri != self.module.uri:
            raise XQueryError("XQST0048", f"Variable ${declaration.name} is not in the module's namespace")
        declared = self.resolver.types.optional(declaration.type)
        annotations = self.resolver.annotations(declaration.annotations, "XQST0116")
        type = ANY if declared is None else self.resolver.types.static(declared)
        var = Var(str(declaration.name), self.builder.names.make(local), type, is_global=True)
        if local in self.module_scope.assigned:
            var.type, var.assigned = ANY, True
        made = GlobalVariable(
            uri,
            local,
            var,
            declared,
            declaration.external,
            self.static,
            start=declaration.start,
            end=declaration.end,
            module=self.module_scope.places.uri,
            private=_is_private(annotations),
        )
        self.module_scope.variables[(uri, local)] = made
        self.module_scope.own_variables.append((made, declaration))

    def _function(self, declaration: tree.FunctionDecl) -> None:
        name = declaration.name
        uri, local = self.scope.function_name(name)
        if (
            not name.prefix
            and name.uri is None
            and self.static.default_function_namespace == FN
            and (self.static.dialect == "1.0-ml")
        ):
            raise XQueryError("XQST0045", f"Function {name} needs a prefix, such as local:{name}")
        if not uri:
            raise XQueryError("XQST0060", f"Function {name} is in no namespace")
        if uri in _RESERVED_FUNCTIONS:
            raise XQueryError("XQST0045", f"Function {name} is in a reserved namespace")
        if self.module.uri is not None and uri != self.module.uri:
            raise XQueryError("XQST0048", f"Function {name} is not in the module's namespace")
        annotations = self.resolver.annotations(declaration.annotations)
        params = self.resolver.params(declaration.params)
        key = (uri, local, len(params))
        if key in self.module_scope.functions or (self.builder.registry.lookup(*key) is not None and uri != FN):
            raise XQueryError("XQST0034", detail=f"{name}#{len(params)}")
        result = self.resolver.types.optional(declaration.result)
        prefix = f"{name.prefix}_" if name.prefix else ""
        types = self.resolver.types
        made = Function(
            uri=uri,
            local=local,
            python=self.builder.names.make(f"{prefix}{local}"),
            params=params,
            result=result,
            result_type=ANY if result is None else types.static(result),
            static=self.static,
            module=self.module_scope.places.uri,
            private=_is_private(annotations),
            annotations=annotations,
            display=str(name),
            mapped=tuple(at for at, param in enumerate(params) if param.type is not None and types.is_one(param.type)),
        )
        self.module_scope.functions[key] = made
        self.module_scope.own_functions.append((made, declaration))


@contextmanager
def _placed(scope: ModuleScope, start: int) -> Iterator[None]:
    """Errors of the block get a place in the module."""
    try:
        yield
    except XQueryError as error:
        if not error.frames:
            error.frames.append(scope.places.frame(start))
        raise


@contextmanager
def _hidden(scope: ModuleScope, variable: GlobalVariable) -> Iterator[None]:
    """Standard XQuery: a variable is not in scope in its own initializing expression (4.16)."""
    if scope.static.dialect == "1.0-ml":
        yield
        return
    key = (variable.uri, variable.local)
    del scope.variables[key]
    try:
        yield
    finally:
        scope.variables[key] = variable


def _take_exports(scope: ModuleScope, exporting: ModuleScope) -> None:
    """Make public functions and variables of one module visible in another. Raises XQST0034 or XQST0049 for a clash."""
    for function, _ in exporting.own_functions:
        if not function.private:
            key = (function.uri, function.local, function.arity)
            if scope.functions.setdefault(key, function) is not function:
                raise XQueryError("XQST0034", detail=f"{function.display}#{function.arity}")
    for variable, _ in exporting.own_variables:
        name = (variable.uri, variable.local)
        if not variable.private and scope.variables.setdefault(name, variable) is not variable:
            raise XQueryError("XQST0049", detail=f"${variable.local}")


_ASSIGNMENT: Final = re.compile(r"\bset\b")


def _assigned_names(module: tree.Module) -> Iterator[str]:
    """The local names of variables that are the first argument of a function named `set`."""
    stack: list[Any] = [module]
    while stack:
        node = stack.pop()
        if isinstance(node, (list, tuple)):
            stack.extend(node)
            continue
        if not isinstance(node, tree.Node):
            continue
        match node:
            case tree.FunctionCall(name=tree.Name(local="set"), args=[tree.VarRef() as changed, _]):
                yield changed.name.local
            case tree.ArrowExpr(function=tree.Name(local="set"), operand=tree.VarRef() as changed):
                yield changed.name.local
        stack.extend(getattr(node, each.name) for each in fields(node))


def _is_private(annotations: list[tuple[str, str, list[Any]]]) -> bool:
    return any((uri, local) == (_XQUERY, "private") for uri, local, _ in annotations)


def _spread_purity(functions: list[Function]) -> None:
    """Infer what calling each function may do, through the functions it calls, until nothing changes."""
    changed = True
    while changed:
        changed = False
        for function in functions:
            found = EFFECTS if function.body is None else function.body.purity
            if found > function.purity:
                function.purity, changed = found, True


_VERSION: Final = re.compile(r"[0-9.]+(-ml)?")


def dialect_of(version: str | None, default: str) -> str:
    """The dialect a version declaration asks for. Raises XQST0031 for one that is not known."""
    if version is None:
        return default
    if version in ("1.0-ml", "0.9-ml"):
        return "1.0-ml"
    if version in ("1.0", "3.0", "3.1"):
        return "1.0" if version == "1.0" else "3.1"
    raise XQueryError("XQST0031", detail=repr(version))


__all__ = ["ENHANCED_PREFIXES", "FUNCTION", "ModuleLoader", "Program", "ProgramBuilder", "dialect_of"]
