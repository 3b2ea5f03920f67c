"""Modules, version declarations and prologs."""

from __future__ import annotations

import re
from typing import Final, Literal

from xquery_bridge.syntax import tree
from xquery_bridge.syntax.expressions import ExpressionParser

_VERSIONS: Final = {"1.0-ml": "1.0-ml", "0.9-ml": "1.0-ml", "1.0": "1.0", "3.0": "3.1", "3.1": "3.1"}
_ENCODING: Final = re.compile("[A-Za-z][A-Za-z0-9._-]*")

#: Words after `declare` that begin the declarations of a prolog's first part, and of its second.
_FIRST_PART: Final = {
    "namespace",
    "default",
    "boundary-space",
    "base-uri",
    "construction",
    "ordering",
    "copy-namespaces",
    "decimal-format",
}
_SECOND_PART: Final = {"variable", "function", "option", "context", "%"}

#: Setters of one word: what may follow.
_SETTERS: Final[dict[str, tuple[str, str]]] = {
    "boundary-space": ("preserve", "strip"),
    "construction": ("strip", "preserve"),
    "ordering": ("ordered", "unordered"),
}

_FORMAT_PROPERTIES: Final = {
    "decimal-separator",
    "grouping-separator",
    "infinity",
    "minus-sign",
    "NaN",
    "percent",
    "per-mille",
    "zero-digit",
    "digit",
    "pattern-separator",
    "exponent-separator",
}


class PrologParser(ExpressionParser):
    """From Module to OptionDecl."""

    def query(self) -> tree.Query:
        """A whole source text: a module, or the statements of 1.0-ml."""
        start = self.start
        modules = [self.module()]
        statements = self.enhanced and modules[0].uri is None
        while statements and self.accept(";"):
            if self.kind == "end":
                break
            modules.append(self.module(first=False))
        if self.kind != "end":
            self.unexpected("an operator or the end of the query")
        return tree.Query(modules=modules, start=start, end=self.end)

    def module(self, *, first: bool = True) -> tree.Module:
        """Module: VersionDecl?, then a library or a main module."""
        start = self.start
        version = encoding = None
        if self.text == "xquery" and self.peek() in ("version", "encoding"):
            version, encoding = self.version_decl()
        made = tree.Module(version=version, encoding=encoding, declarations=[], start=start)
        if first and self.text == "module" and self.peek() == "namespace":
            self.advance()
            self.advance()
            made.prefix = self.ncname("the prefix of the module's namespace")
            self.expect("=")
            made.uri = self.string("the URI of the module's namespace")
            self.expect(";")
        self.prolog(made)
        if made.uri is None:
            made.body = self.expr()
        made.end = self.last
        return made

    def version_decl(self) -> tuple[str | None, str | None]:
        """VersionDecl: the version and the encoding. Raises XQST0031 and XQST0087."""
        version = encoding = None
        self.advance()
        if self.accept("version"):
            at = self.start
            version = self.string("a version")
            if version not in _VERSIONS:
                raise self.failure("XQST0031", f"XQuery version {version!r} is not supported", at)
        if self.accept("encoding"):
            at = self.start
            encoding = self.string("the name of an encoding")
            if not _ENCODING.fullmatch(encoding):
                raise self.failure("XQST0087", f"{encoding!r} is no name of an encoding", at)
        if version is not None:
            self.choose(_VERSIONS[version])
        self.expect(";")
        return version, encoding

    def prolog(self, module: tree.Module) -> None:
        """Prolog: declarations, each with its `;`. Only 1.0-ml lets its two parts mix."""
        second = False
        while (part := self._part()) != 0:
            if part == 1 and second and not self.enhanced:
                self.unexpected("a variable, function or option, or the body of the query")
            second = second or part == 2
            module.declarations.append(self.declaration())
            self.expect(";")

    def _part(self) -> int:
        """Which part of a prolog the declaration here belongs to; 0 when there is none."""
        match self.text:
            case "declare":
                following = self.peek()
                if following in _FIRST_PART:
                    return 1
                return 2 if following in _SECOND_PART or (following == "private" and self.enhanced) else 0
            case "import":
                following = self.peek()
                words = ("schema", "module", "stylesheet") if self.enhanced else ("schema", "module")
                return 1 if following in words else 0
            case "using":
                return 1 if self.enhanced and self.peek() == "namespace" else 0
            case _:
                return 0

    def declaration(self) -> tree.Declaration:
        """One declaration of a prolog, without its `;`."""
        start, word = self.start, self.text
        self.advance()
        if word == "using":
            self.advance()
            made: tree.Declaration = tree.UsingDecl(uri=self.string("the URI of a namespace"))
        elif word == "import":
            made = self._import()
        else:
            made = self._declared()
        made.start, made.end = start, self.last
        return made

    def _import(self) -> tree.Declaration:
        match self.text:
            case "schema":
                return self.schema_import()
            case "module":
                return self.module_import()
            case _:
                self.advance()
                self.expect("at")
                return tree.StylesheetImport(uri=self.string("the URI of a stylesheet"))

    def _declared(self) -> tree.Declaration:
        match self.text:
            case "default":
                return self.default_decl()
            case "boundary-space" | "construction" | "ordering":
                return self.setter()
            case "base-uri":
                self.advance()
                return tree.Setter(kind="base-uri", value=self.string("a URI"))
            case "copy-namespaces":
                return self.copy_namespaces_decl()
            case "decimal-format":
                self.advance()
                return self.decimal_format_decl(self.name("the name of a decimal format"))
            case "namespace":
                return self.namespace_decl()
            case "context":
                return self.context_item_decl()
            case "option":
                return self.option_decl()
            case _:
                return self.annotated_decl()

    # ------------------------------------------------------------------------------------------- setters and imports

    def default_decl(self) -> tree.Declaration:
        """DefaultCollationDecl, EmptyOrderDecl, DefaultNamespaceDecl, or the default decimal format."""
        self.advance()
        match self.text:
            case "collation":
                self.advance()
                return tree.Setter(kind="default-collation", value=self.string("the URI of a collation"))
            case "order":
                self.advance()
                self.expect("empty")
                return tree.Setter(kind="empty-order", value=self._one_of("greatest", "least"))
            case "element" | "function":
                kind: Literal["element", "function"] = "element" if self.text == "element" else "function"
                self.advance()
                self.expect("namespace")
                return tree.DefaultNamespaceDecl(kind=kind, uri=self.string("the URI of a namespace"))
            case "decimal-format":
                self.advance()
                return self.decimal_format_decl(None)
            case _:
                self.unexpected("collation, order, element, function or decimal-format")

    def setter(self) -> tree.Setter:
        """BoundarySpaceDecl, ConstructionDecl, OrderingModeDecl."""
        kind: Literal["boundary-space", "construction", "ordering"] = (
            "boundary-space"
            if self.text == "boundary-space"
            else "construction"
            if self.text == "construction"
            else "ordering"
        )
        self.advance()
        return tree.Setter(kind=kind, value=self._one_of(*_SETTERS[kind]))

    def copy_namespaces_decl(self) -> tree.Setter:
        """CopyNamespacesDecl."""
        self.advance()
        preserve = self._one_of("preserve", "no-preserve")
        self.expect(",")
        return tree.Setter(kind="copy-namespaces", value=f"{preserve} {self._one_of('inherit', 'no-inherit')}")

    def _one_of(self, *words: str) -> str:
        text = self.text
        if text not in words:
            self.unexpected(" or ".join(words))
        self.advance()
        return text

    def decimal_format_decl(self, name: tree.Name | None) -> tree.DecimalFormatDecl:
        """DecimalFormatDecl after its name."""
        properties: list[tuple[str, str]] = []
        while self.text in _FORMAT_PROPERTIES:
            key = self.text
            self.advance()
            self.expect("=")
            properties.append((key, self.string()))
        return tree.DecimalFormatDecl(name=name, properties=properties)

    def schema_import(self) -> tree.SchemaImport:
        """SchemaImport."""
        self.advance()
        prefix, default = None, False
        if self.accept("namespace"):
            prefix = self.ncname("a prefix")
            self.expect("=")
        elif self.accept("default"):
            self.expect("element")
            self.expect("namespace")
            default = True
        uri = self.string("the URI of a schema")
        return tree.SchemaImport(prefix=prefix, default_element=default, uri=uri, locations=self._locations())

    def module_import(self) -> tree.ModuleImport:
        """ModuleImport."""
        self.advance()
        prefix = None
        if self.accept("namespace"):
            prefix = self.ncname("a prefix")
            self.expect("=")
        uri = self.string("the URI of a module")
        return tree.ModuleImport(prefix=prefix, uri=uri, locations=self._locations())

    def _locations(self) -> list[str]:
        return self.separated(lambda: self.string("the place of a module")) if self.accept("at") else []

    def namespace_decl(self) -> tree.NamespaceDecl:
        """NamespaceDecl."""
        self.advance()
        prefix = self.ncname("a prefix")
        self.expect("=")
        return tree.NamespaceDecl(prefix=prefix, uri=self.string("the URI of a namespace"))

    # ----------------------------------------------------------------------------------- variables, functions, options

    def context_item_decl(self) -> tree.ContextItemDecl:
        """ContextItemDecl."""
        self.advance()
        self.expect("item")
        type = None
        if self.accept("as"):
            item = self.item_type()
            type = tree.SequenceType(item=item, start=item.start, end=self.last)
        external, value = self._value()
        return tree.ContextItemDecl(type=type, external=external, value=value)

    def _value(self) -> tuple[bool, tree.Expr | None]:
        """`:= E`, `external`, or `external := E`."""
        external = self.accept("external")
        if external and self.text != ":=":
            return True, None
        self.expect(":=")
        return external, self.expr_single()

    def annotated_decl(self) -> tree.VarDecl | tree.FunctionDecl:
        """AnnotatedDecl: VarDecl or FunctionDecl."""
        annotations = self.annotations()
        if self.enhanced and self.text == "private":
            private = tree.Annotation(name=tree.Name("private"), values=[], start=self.start, end=self.end)
            annotations.append(private)
            self.advance()
        if self.accept("variable"):
            return self.var_decl(annotations)
        self.expect("function")
        return self.function_decl(annotations)

    def var_decl(self, annotations: list[tree.Annotation]) -> tree.VarDecl:
        """VarDecl after `variable`."""
        name = self.variable()
        type = self.type_declaration()
        external, value = self._value()
        return tree.VarDecl(name=name, annotations=annotations, type=type, external=external, value=value)

    def function_decl(self, annotations: list[tree.Annotation]) -> tree.FunctionDecl:
        """FunctionDecl after `function`."""
        if self.text in self.reserved:
            self.unexpected("the name of a function: this one is reserved")
        name = self.name("the name of a function")
        params = self.param_list()
        result = self.type_declaration()
        body = None if self.accept("external") else self.block()
        return tree.FunctionDecl(name=name, annotations=annotations, params=params, result=result, body=body)

    def option_decl(self) -> tree.OptionDecl:
        """OptionDecl."""
        self.advance()
        name = self.name("the name of an option")
        return tree.OptionDecl(name=name, value=self.string())
