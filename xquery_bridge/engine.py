"""The one door: compile and run queries (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import urljoin

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.answer import Answer, Part
from xquery_bridge.compiler.codegen import GENERATED, Generated, generate
from xquery_bridge.compiler.namespace import RESERVED, RUNTIME
from xquery_bridge.compiler.program import ModuleLoader, Program, ProgramBuilder, Resolver, dialect_of
from xquery_bridge.compiler.scope import ModuleScope, PlaceTable, PythonNames, Scope
from xquery_bridge.errors import XQueryError
from xquery_bridge.external import ExternalVariable
from xquery_bridge.library import tables
from xquery_bridge.library.marklogic.node_edits import apply_edits
from xquery_bridge.limits import Limits
from xquery_bridge.program_cache import ProgramCache
from xquery_bridge.query_thread import QueryThread, TimeLimit
from xquery_bridge.registry import Registry
from xquery_bridge.runtime import serialization
from xquery_bridge.runtime.atomic import ATOMIC_CLASSES
from xquery_bridge.runtime.caught import as_query_error
from xquery_bridge.runtime.context import CallerScope, DynamicContext, StaticContext
from xquery_bridge.runtime.deadline import deadline, time_is_up
from xquery_bridge.runtime.external_values import from_python
from xquery_bridge.runtime.values import Value, as_list
from xquery_bridge.store import Document, TransactionConflict
from xquery_bridge.syntax import tree
from xquery_bridge.syntax.parser import parse_query

#: How many frames of a deep recursion an error keeps.
_STACK_FRAMES: Final = 30
#: What the frames of an error say of a query that is no stored module.
_MAIN_URI: Final = "/eval"
#: How often a statement runs when others keep changing what it reads.
_ATTEMPTS: Final = 5
#: The run's count of transactions that have been committed.
_COMMITTED: Final = "committed transactions"

#: Codes whose message shows the expression they were raised in.
_SHOWN: Final = {"XPTY0004", "FORG0001", "XPDY0050", "FORG0006"}


# ------------------------------------------------------------------------------------------------------------ compiling


@dataclass(eq=False, slots=True)
class _Statement:
    """One main module of a query.

    One that imports stored modules has only the way to compile it, for when its turn comes, unless it is the first:
    those before it may have stored them.
    """

    program: Generated | Callable[[], Generated]

    def ready(self) -> Generated:
        """The compiled program. Raises the static errors of a statement that is compiled only now."""
        return self.program if isinstance(self.program, Generated) else self.program()


@dataclass(eq=False)
class Prepared:
    """A compiled query; `run` evaluates it, any number of times.

    `modules` are the stored modules it was compiled with, and their versions.
    """

    engine: Engine
    statements: list[_Statement]
    modules: dict[str, int] = field(default_factory=dict)
    #: the length of its source and of its Python source
    size: int = 0

    @property
    def python(self) -> str:
        """The generated Python source."""
        return "\n\n".join(statement.ready().source.text for statement in self.statements)

    @property
    def static(self) -> StaticContext:
        """The static context of the last statement."""
        return self.statements[-1].ready().static

    def run(self, variables: Mapping[str, Any] | None = None, context_item: Any = None, **options: Any) -> list[Any]:
        """Evaluate: the items of the result. `options` are fields of the DynamicContext (documents, texts …)."""
        given = {_name(key): from_python(value) for key, value in (variables or {}).items()}
        items: list[Any] = self.engine._run(self, given, context_item, options)[0]
        return items

    def run_to_text(self, context_item: Any = None, **options: Any) -> str:
        """Evaluate and serialize by the query's own serialization options."""

        def work(context: DynamicContext) -> str:
            value = self.engine._evaluate_statements(self.statements, context)
            return self.engine.serialize(value, self.static, context.documents)

        text: str = self.engine._run(self, {}, context_item, options, work)[0]
        return text


class Engine:
    """Evaluates XQuery.

    `store` holds documents (an object of `xquery_bridge.store`, or None), `dialect` is that of queries without a
    version declaration ("1.0-ml" or "3.1"), `limits` bound each query, `modules` gives library modules:
    (uri, location hints, base URI) -> [(location, source text)]. `progress` is called now and then while a query trains
    or evaluates many minibatches, with a `compute.progress.Progress`, in the thread that works.
    """

    def __init__(
        self,
        store: Any = None,
        dialect: str = "1.0-ml",
        limits: Limits | None = None,
        modules: ModuleLoader | None = None,
        progress: Callable[[Any], object] | None = None,
    ) -> None:
        self.store = store
        self.progress = progress
        self.dialect = dialect
        self.limits = limits or Limits()
        self.modules = modules
        #: Whether programs are rewritten before code generation; without it they mean the same, and are slower.
        self.rewriting = True
        self.registry = _registry()
        self._cache: ProgramCache[Prepared] = ProgramCache()
        self._runner: QueryThread | None = None
        self._items: ProgramCache[Generated] = ProgramCache()
        self._transaction: Any = None

    # ---------------------------------------------------------------------------------------------------- evaluation

    def evaluate(
        self, source: str, variables: Mapping[str, Any] | None = None, context_item: Any = None, **options: Any
    ) -> list[Any]:
        """The items a query yields.

        `variables` are values of external variables by local name or Clark name: Python values or items. Raises
        XQueryError, static or dynamic.
        """
        given = {_name(key): from_python(value) for key, value in (variables or {}).items()}
        items: list[Any] = self._run(source, given, context_item, options)[0]
        return items

    def answer(
        self,
        source: str,
        externals: Iterable[ExternalVariable] = (),
        *,
        dialect: str | None = None,
        database: str = "",
    ) -> Answer:
        """A query's result as the parts of an HTTP answer (rest-eval.md, sections 3 and 5)."""
        given: dict[tuple[str, str], Any] = {(each.uri, each.local): each for each in externals}

        def work(context: DynamicContext) -> Answer:
            compiled = self.compile(source, dialect=dialect)
            value = self._evaluate_statements(compiled.statements, context)
            parts: list[Part] = [serialization.answer_part(item) for item in as_list(value)]
            return Answer(parts, context.headers, context.content_type)

        made: Answer = self._run(source, given, None, {"database": database}, work)[0]
        return made

    def serialize(
        self,
        value: Value,
        static: StaticContext | None = None,
        documents: Callable[[str], Any] | None = None,
    ) -> str:
        """A Value as text, by the serialization parameters a module declares (method xml without any).

        `documents` finds the document of `declare option output:parameter-document`. Raises XQST0119 without it.
        """
        parameters = serialization.Parameters() if static is None else _output_parameters(static, documents)
        text: str = serialization.serialize(value, parameters)
        return text

    def compile(self, source: str, *, dialect: str | None = None, base_uri: str | None = None) -> Prepared:
        """Compile a query, or take it from the cache. Raises XQueryError for static errors."""
        key = (dialect or self.dialect, base_uri, source)
        found = self._cache.get(key)
        if found is not None and self._are_current(found.modules):
            return found
        made: Prepared = self._in_thread(lambda: self._compile(source, dialect or self.dialect, base_uri))
        self._cache.put(key, made, made.size)
        return made

    def close(self) -> None:
        """End the thread that runs queries."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    # ------------------------------------------------------------------------------------------------------ compiling

    def _compile(
        self,
        source: str,
        dialect: str,
        base_uri: str | None,
        outer: CallerScope | None = None,
    ) -> Prepared:
        if source.startswith("\ufeff"):  # the mark of a file's encoding, which editors leave
            source = f" {source[1:]}"
        query = parse_query(source, dialect)
        statements: list[_Statement] = []
        modules: dict[str, int] = {}
        size = len(source)
        chosen: str | None = None
        for module in query.modules:
            wanted = dialect_of(module.version, chosen or dialect)
            if chosen is not None and wanted != chosen:
                raise XQueryError(
                    "FOER0000",
                    "All modules in a module sequence must use the same XQuery version",
                    marklogic_code="XDMP-XQUERYVERSIONSWITCH",
                )
            chosen = wanted
            make = partial(self._generate, module, source, wanted, base_uri, outer)
            if statements and self.store is not None and _imports_modules(module):
                statements.append(_Statement(partial(make, {})))
            else:
                generated = make(modules)
                statements.append(_Statement(generated))
                size += len(generated.source.text)
        return Prepared(self, statements, modules, size)

    def _generate(
        self,
        module: tree.Module,
        source: str,
        dialect: str,
        base_uri: str | None,
        outer: CallerScope | None,
        modules: dict[str, int],
    ) -> Generated:
        """Compile a main module; the stored modules it imports are added to `modules`."""
        return generate(self._build(module, source, dialect, base_uri, outer, modules), rewriting=self.rewriting)

    def _build(
        self,
        module: tree.Module,
        source: str,
        dialect: str,
        base_uri: str | None,
        outer: CallerScope | None,
        modules: dict[str, int],
    ) -> Program:
        """A main module as a program of which no code is generated yet."""
        static = StaticContext.of_dialect(dialect, base_uri)
        if outer is not None:
            static.namespaces = dict(outer.static.namespaces)
            static.default_element_namespace = outer.static.default_element_namespace
        builder = ProgramBuilder(self.registry, partial(self._load_module, modules), RESERVED)
        uri = base_uri if base_uri is not None and base_uri.startswith("/") else _MAIN_URI
        return builder.build(module, source, static, uri=uri, outer=outer)

    def _load_module(
        self, modules: dict[str, int], uri: str, locations: list[str], base_uri: str | None
    ) -> list[tuple[str, str]]:
        if self.modules is not None:
            found = self.modules(uri, locations, base_uri)
            if found:
                return found
        texts: list[tuple[str, str]] = []
        for location in locations:
            document = self._stored_module(urljoin(base_uri or "", location))
            if document is not None:
                modules[document.uri] = document.version
                texts.append((document.uri, document.content.decode("utf-8-sig")))
        return texts

    def _stored_module(self, location: str) -> Document | None:
        """A module stored as a document, as the running statement sees it; a relative location is one below `/`."""
        if self.store is None:
            return None
        transaction = self._transaction or self.store.begin()
        try:
            found = transaction.get(location)
            if found is None and not location.startswith("/"):
                found = transaction.get(f"/{location}")
        finally:
            if transaction is not self._transaction:
                transaction.rollback()
        document: Document | None = found
        return document

    def _are_current(self, modules: Mapping[str, int]) -> bool:
        """Whether stored modules are still those that a query was compiled with."""

        def compare() -> bool:
            found = [(self._stored_module(uri), version) for uri, version in modules.items()]
            return all(document is not None and document.version == version for document, version in found)

        return not modules or bool(self._in_thread(compare))

    def module_text(self, location: str) -> str | None:
        """The text of a module stored as a document, or None."""
        found = self._stored_module(location)
        return None if found is None else found.content.decode("utf-8-sig")

    # -------------------------------------------------------------------------------------------------------- running

    def _in_thread(self, work: Callable[[], Any], seconds: float | None = None) -> Any:
        if self._runner is not None and self._runner.is_current:
            return work()
        if self._runner is None:
            self._runner = QueryThread()
        try:
            return self._runner.run(work, seconds, self.limits.recursion)
        except TimeLimit:
            raise time_is_up() from None
        except Exception as error:
            found = as_query_error(error)
            if found is error:
                raise
            raise found from error

    def _run(
        self,
        query: str | Prepared,
        variables: Mapping[tuple[str, str], Any],
        context_item: Any,
        options: Mapping[str, Any],
        work: Callable[[DynamicContext], Any] | None = None,
    ) -> tuple[Any, DynamicContext]:
        """Run a query in the engine's thread: its items, or what `work` gives, and the context it ran in."""
        settings = dict(options)
        dialect = settings.pop("dialect", None)
        base_uri = settings.pop("base_uri", None)
        context = DynamicContext(
            evaluator=self,
            variables=dict(variables),
            context_item=context_item,
            store=self.store,
            limits=self.limits,
            locate=_locate,
            **settings,
        )
        if self.progress is not None:
            context.memory["progress"] = self.progress

        def all_of_it() -> Any:
            with deadline(self.limits.seconds):
                if work is not None:
                    return work(context)
                prepared = query
                if not isinstance(prepared, Prepared):
                    prepared = self.compile(prepared, dialect=dialect, base_uri=base_uri)
                return list(as_list(self._evaluate_statements(prepared.statements, context)))

        return self._in_thread(all_of_it, self.limits.seconds), context

    def _evaluate_statements(self, statements: Sequence[_Statement], context: DynamicContext) -> Value:
        """Run statements one after another, each in a transaction of its own; their results concatenated."""
        if len(statements) == 1:
            return self._evaluate_one(statements[0].ready(), context)
        items: list[Any] = []
        context_item = context.context_item
        for statement in statements:
            context.context_item = context_item
            items.extend(as_list(self._evaluate_one(statement.ready(), context)))
        return items

    def _evaluate_one(self, generated: Generated, context: DynamicContext) -> Value:
        """Run a statement in a transaction of its own; again when another one changed what it read."""
        if self.store is None:
            return execute(generated, context)
        outer, headers, content_type = context.transaction, len(context.headers), context.content_type
        for attempt in range(_ATTEMPTS):
            committed = context.memory.get(_COMMITTED, 0)
            try:
                return self._in_transaction(generated, context, outer)
            except TransactionConflict as conflict:
                unchanged = context.memory.get(_COMMITTED, 0) == committed and _is_repeatable(context, outer)
                if not unchanged or attempt == _ATTEMPTS - 1:
                    raise XQueryError(
                        "FOER0000",
                        "Another transaction changed a document that this statement has read:",
                        detail=str(conflict),
                        marklogic_code="XDMP-DEADLOCK",
                    ) from None
            del context.headers[headers:]
            context.content_type = content_type
        raise AssertionError("the last attempt returns or raises")

    def _in_transaction(self, generated: Generated, context: DynamicContext, outer: Any) -> Value:
        transaction = self._transaction = context.transaction = self.store.begin(outer)
        context.edits = []
        try:
            try:
                value = execute(generated, context)
                apply_edits(context)
            except BaseException:
                transaction.rollback()
                raise
            if transaction.commit():
                context.memory[_COMMITTED] = context.memory.get(_COMMITTED, 0) + 1
            return value
        finally:
            self._transaction = context.transaction = outer

    # ------------------------------------------------------------------------------------- what library functions ask

    def evaluate_source(
        self,
        source: str,
        *,
        context: DynamicContext,
        variables: Mapping[tuple[str, str], Any],
        dialect: str | None = None,
        base_uri: str | None = None,
        context_item: Any = None,
        own_transaction: bool = True,
    ) -> Value:
        """Evaluate a query within a run, in a context of its own: xdmp:eval and its kin."""
        prepared = self.compile(source, dialect=dialect, base_uri=base_uri)
        inner = self._inner_context(context, variables, context_item)
        if own_transaction:
            value = self._evaluate_statements(prepared.statements, inner)
        else:
            value = self._evaluate_shared(prepared.statements, inner, context)
        context.content_type = inner.content_type or context.content_type
        return value

    def evaluate_within(self, source: str, caller: CallerScope, context: DynamicContext) -> Value:
        """Evaluate an expression that sees what its caller sees: xdmp:value."""
        static = caller.static
        names = tuple(static.namespaces.items())
        key = (source, static.dialect, static.base_uri, static.default_element_namespace, names, caller.names)
        prepared = self._cache.get(key)
        if prepared is None or not self._are_current(prepared.modules):
            prepared = self._compile(source, static.dialect, static.base_uri, caller)
            self._cache.put(key, prepared, prepared.size)
        inner = self._inner_context(context, caller.variables, caller.context_item)
        inner.declared_functions = dict(caller.functions)
        value = self._evaluate_shared(prepared.statements, inner, context)
        context.content_type = inner.content_type or context.content_type
        return value

    def _evaluate_shared(
        self, statements: Sequence[_Statement], inner: DynamicContext, context: DynamicContext
    ) -> Value:
        """Run statements as part of the one that asks for them, in its transaction."""
        inner.edits = context.edits
        parts = [execute(each.ready(), inner) for each in statements]
        return parts[0] if len(parts) == 1 else [item for part in parts for item in as_list(part)]

    def _inner_context(
        self, context: DynamicContext, variables: Mapping[tuple[str, str], Any], context_item: Any
    ) -> DynamicContext:
        """The context of a query that runs within another one."""
        return DynamicContext(
            evaluator=self,
            variables=dict(variables),
            context_item=context_item,
            store=self.store,
            transaction=context.transaction,
            limits=context.limits,
            documents=context.documents,
            collections=context.collections,
            texts=context.texts,
            environment=context.environment,
            headers=context.headers,
            memory=context.memory,
            database=context.database,
            started=context.started,
            locate=_locate,
        )

    def load_module(
        self,
        uri: str,
        locations: Sequence[str],
        *,
        context: DynamicContext,
        static: StaticContext,
        variables: Mapping[tuple[str, str], Any],
        context_item: Any,
    ) -> tuple[list[tuple[str, Value]], list[tuple[str, int, Any]]]:
        """The public variables (name, value) and functions (name, arity, item) of a library module, for this run.

        Raises what importing the module raises, and what its variables raise.
        """
        hints = f" at {', '.join(map(_literal, locations))}" if locations else ""
        prolog = f"import module namespace m = {_literal(uri)}{hints};"
        importing = f"{prolog} ()"
        module = parse_query(importing, static.dialect).modules[0]
        program = self._build(module, importing, static.dialect, static.base_uri, None, {})
        names = [each.local for each in program.variables if each.uri == uri and not each.private]
        functions = [(each.local, each.arity) for each in program.functions if each.uri == uri and not each.private]
        members = [*[f"$m:{name}" for name in names], *[f"m:{name}#{arity}" for name, arity in functions]]
        prepared = self._compile(f"{prolog} [{', '.join(members)}]", static.dialect, static.base_uri)
        inner = self._inner_context(context, variables, context_item)
        values = execute(prepared.statements[0].ready(), inner).members()
        items = zip(functions, values[len(names) :], strict=True)
        return list(zip(names, values, strict=False)), [(name, arity, item) for (name, arity), item in items]

    def builtin_item(
        self,
        context: DynamicContext,
        static: StaticContext,
        uri: str,
        local: str,
        arity: int,
        focus: tuple[Any, ...] | None = None,
    ) -> Any:
        """A built-in function as an item, or None. Sees the focus given (item, position, last, or ()), or the run's."""
        key = (uri, local, arity, static.dialect, static.default_collation, static.base_uri)
        generated = self._items.get(key)
        if generated is None:
            module = ModuleScope(static, PlaceTable("", "", static.dialect))
            resolver = Resolver(Scope(module, PythonNames(RESERVED), self.registry), main=True)
            item = resolver.builtin_item(uri, local, arity)
            if item is None:
                return None
            generated = generate(item_program(item, static, resolver))
            self._items.put(key, generated, len(generated.source.text))
        return execute(generated, context, focus)


def item_program(item: Any, static: StaticContext, resolver: Resolver) -> Any:
    """A program whose value is one function item."""
    return Program(
        body=item,
        static=static,
        functions=[],
        variables=[],
        places={"": resolver.scope.module.places},
        names=resolver.names,
        main="",
    )


def execute(generated: Generated, context: DynamicContext, focus: tuple[Any, ...] | None = None) -> Value:
    """Run a compiled program, with a focus (item, position and last; () for none) or that of the run.

    Errors get the places in the query they come from.
    """

    def part(index: int) -> Any:
        # The program may set the context item of the run, so that it is read when it is asked for.
        known = ((context.context_item, 1, 1) if context.context_item is not None else ()) if focus is None else focus
        if not known:
            raise XQueryError("XPDY0002")
        return known[index]

    namespace = {**RUNTIME, **generated.constants, "context": context}
    for index, name in enumerate(("item", "position", "last")):
        namespace[f"context_{name}"] = partial(part, index)
    namespace["known_variables"] = {}
    exec(generated.code, namespace)
    try:
        value: Value = namespace["main"]()
        return value
    except Exception as error:
        found = as_query_error(error)
        if not found.frames:
            _locate(found, error.__traceback__)
        if found is error:
            raise
        raise found from None


def _locate(error: XQueryError, traceback: Any) -> None:
    """Add to an error the places in the query that a traceback runs through, the innermost first."""
    places: list[tuple[Generated, Any, str]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        generated = GENERATED.get(code.co_filename)
        if generated is not None:
            places.append((generated, traceback, code.co_name))
            if len(places) > 2 * _STACK_FRAMES:
                del places[_STACK_FRAMES // 2]
        traceback = traceback.tb_next
    for generated, at, function in reversed(places):
        place = generated.place_of(at.tb_frame.f_code, at.tb_lasti, at.tb_lineno)
        if place is None:
            continue
        table = generated.modules.get(place.module)
        if table is None or not table.source:  # code of a function item that was looked up: its caller has a place
            if not error.frames and not error.expression and error.code in _SHOWN:
                error.expression = place.shown
            continue
        if not error.frames:
            error.source_text = table.text(place.start, place.end)
            if not error.expression and error.code in _SHOWN:
                error.expression = place.shown or error.source_text
        if len(error.frames) < _STACK_FRAMES:
            error.frames.append(table.frame(place.start, generated.operations.get(function, "")))


def _imports_modules(module: tree.Module) -> bool:
    return any(isinstance(each, (tree.ModuleImport, tree.UsingDecl)) for each in module.declarations)


def _is_repeatable(context: DynamicContext, outer: Any) -> bool:
    """Whether a statement that starts anew finds everything as it was: it was given nothing that it can change.

    One that another statement evaluates may have been given that one's maps.
    """
    if outer is None:
        return True
    values = [item for value in context.variables.values() for item in as_list(value)]
    return all(type(item) in ATOMIC_CLASSES or isinstance(item, XPathNode) for item in values)


def _output_parameters(static: StaticContext, documents: Callable[[str], Any] | None) -> serialization.Parameters:
    """The serialization parameters of a module: its options come before those in the document it names."""
    uri = "http://www.w3.org/2010/xslt-xquery-serialization"
    options = {local: value for (namespace, local), value in static.options.items() if namespace == uri}
    namespaces = {**static.namespaces, "": static.default_element_namespace}
    base = None
    if (location := options.get("parameter-document")) is not None:
        found = documents(urljoin(static.base_uri or "", location.strip())) if documents is not None else None
        if found is None:
            raise XQueryError("XQST0119", f"The document of serialization parameters {location!r} is not found")
        base = serialization.parameters_of(found)
    return serialization.from_options(options, namespaces, base)


def _literal(text: str) -> str:
    """A string literal of XQuery."""
    return '"' + text.replace("&", "&amp;").replace('"', '""') + '"'


def _name(key: str | tuple[str, str]) -> tuple[str, str]:
    """(uri, local) from a Clark name or a local name."""
    if isinstance(key, tuple):
        return key
    if key.startswith("{"):
        uri, _, local = key[1:].partition("}")
        return uri, local
    return "", key


@lru_cache(maxsize=1)
def _registry() -> Registry:
    return Registry(tables())


__all__ = ["Engine", "Prepared"]
