"""The syntax tree of a query: one small class for each construct of XQuery 3.1 and of the 1.0-ml dialect.

Names stay as they were written (`Name`); resolving prefixes, variables and functions is the compiler's work. `start`
and `end` are character offsets into the module's source, so that every message can show line, column and text.
The order of the classes follows the grammar of the XQuery 3.1 recommendation (A.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(slots=True, kw_only=True)
class Node:
    """Anything with a place in the source."""

    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """A lexical QName or EQName: `p:local` has a prefix, `Q{u}local` a uri, `local` neither (uri is None)."""

    local: str
    prefix: str = ""
    uri: str | None = None

    def __str__(self) -> str:
        if self.uri is not None:
            return f"Q{{{self.uri}}}{self.local}"
        return f"{self.prefix}:{self.local}" if self.prefix else self.local


# --------------------------------------------------------------------------------------------------- modules and prolog


@dataclass(slots=True, kw_only=True)
class NamespaceDecl(Node):
    """`declare namespace p = "u"`; `import module`/`import schema` bind theirs themselves."""

    prefix: str
    uri: str


@dataclass(slots=True, kw_only=True)
class DefaultNamespaceDecl(Node):
    """`declare default element|function namespace "u"`."""

    kind: Literal["element", "function"]
    uri: str


@dataclass(slots=True, kw_only=True)
class Setter(Node):
    """One of the one-word declarations of the prolog.

    boundary-space: preserve|strip; default-collation, base-uri: a URI; construction: strip|preserve;
    ordering: ordered|unordered; empty-order: greatest|least; copy-namespaces: "preserve inherit" and the like.
    """

    kind: Literal[
        "boundary-space",
        "default-collation",
        "base-uri",
        "construction",
        "ordering",
        "empty-order",
        "copy-namespaces",
    ]
    value: str


@dataclass(slots=True, kw_only=True)
class DecimalFormatDecl(Node):
    """`declare [default] decimal-format`; `name` is None for the default one."""

    name: Name | None
    properties: list[tuple[str, str]]


@dataclass(slots=True, kw_only=True)
class SchemaImport(Node):
    """`import schema`: parses, and is refused with XQST0009."""

    prefix: str | None
    default_element: bool
    uri: str
    locations: list[str]


@dataclass(slots=True, kw_only=True)
class ModuleImport(Node):
    """`import module [namespace p =] "u" [at "l", …]`."""

    prefix: str | None
    uri: str
    locations: list[str]


@dataclass(slots=True, kw_only=True)
class UsingDecl(Node):
    """1.0-ml: `using namespace "u"`."""

    uri: str


@dataclass(slots=True, kw_only=True)
class StylesheetImport(Node):
    """1.0-ml: `import stylesheet at "u"`."""

    uri: str


@dataclass(slots=True, kw_only=True)
class Annotation(Node):
    name: Name
    values: list[LiteralExpr]


@dataclass(slots=True, kw_only=True)
class ContextItemDecl(Node):
    type: SequenceType | None
    external: bool
    value: Expr | None


@dataclass(slots=True, kw_only=True)
class VarDecl(Node):
    name: Name
    annotations: list[Annotation]
    type: SequenceType | None
    external: bool
    value: Expr | None


@dataclass(slots=True, kw_only=True)
class Param(Node):
    name: Name
    type: SequenceType | None


@dataclass(slots=True, kw_only=True)
class FunctionDecl(Node):
    """`declare function`; `body` is None when it is external. 1.0-ml's `private` becomes the annotation %private."""

    name: Name
    annotations: list[Annotation]
    params: list[Param]
    result: SequenceType | None
    body: Expr | None


@dataclass(slots=True, kw_only=True)
class OptionDecl(Node):
    name: Name
    value: str


Declaration: TypeAlias = (
    NamespaceDecl
    | DefaultNamespaceDecl
    | Setter
    | DecimalFormatDecl
    | SchemaImport
    | ModuleImport
    | UsingDecl
    | StylesheetImport
    | ContextItemDecl
    | VarDecl
    | FunctionDecl
    | OptionDecl
)


@dataclass(slots=True, kw_only=True)
class Module(Node):
    """A main module (`body` set) or a library module (`prefix` and `uri` set).

    `version` is the version declaration's ("1.0", "1.0-ml", "3.0", "3.1"; None without one), `declarations` stand in
    source order.
    """

    version: str | None
    encoding: str | None
    declarations: list[Declaration]
    body: Expr | None = None
    prefix: str | None = None
    uri: str | None = None


@dataclass(slots=True, kw_only=True)
class Query(Node):
    """What a source text is: one module, or 1.0-ml's statements separated by `;`, each a main module of its own."""

    modules: list[Module]


# ------------------------------------------------------------------------------------------------------- sequence types


@dataclass(slots=True, kw_only=True)
class SequenceType(Node):
    """`empty-sequence()` has `item` None; `occurrence` is "", "?", "*" or "+"."""

    item: ItemType | None
    occurrence: str = ""


@dataclass(slots=True, kw_only=True)
class AnyItemType(Node):
    """`item()`."""


@dataclass(slots=True, kw_only=True)
class AtomicOrUnionType(Node):
    """A type by name: xs:integer, and 1.0-ml's map:map, json:array, cntk:variable …"""

    name: Name


@dataclass(slots=True, kw_only=True)
class KindTest(Node):
    """A node test by kind.

    `kind`: node document element attribute text comment processing-instruction namespace-node schema-element
    schema-attribute, and 1.0-ml's binary object array number boolean null (object-node() …) and the schema component
    tests by their own names. `name` is None for `*` or nothing; `type` is the type annotation asked for, `nillable`
    its `?`; `content` is the test inside document-node(…); `literal` the string of processing-instruction("x") and
    of 1.0-ml's named tests such as node("x").
    """

    kind: str
    name: Name | None = None
    type: Name | None = None
    nillable: bool = False
    content: KindTest | None = None
    literal: str | None = None


@dataclass(slots=True, kw_only=True)
class FunctionTest(Node):
    """`function(*)` has `params` None."""

    annotations: list[Annotation]
    params: list[SequenceType] | None = None
    result: SequenceType | None = None


@dataclass(slots=True, kw_only=True)
class MapTest(Node):
    """`map(*)` has `key` None."""

    key: AtomicOrUnionType | None = None
    value: SequenceType | None = None


@dataclass(slots=True, kw_only=True)
class ArrayTest(Node):
    """`array(*)` has `member` None."""

    member: SequenceType | None = None


ItemType: TypeAlias = AnyItemType | AtomicOrUnionType | KindTest | FunctionTest | MapTest | ArrayTest


@dataclass(slots=True, kw_only=True)
class SingleType(Node):
    """The target of a cast: an atomic type, `?` when the empty sequence is allowed."""

    name: Name
    optional: bool = False


# ---------------------------------------------------------------------------------------------------------- expressions


@dataclass(slots=True, kw_only=True)
class SequenceExpr(Node):
    """`E1, E2, …`; `()` has no items."""

    items: list[Expr]


@dataclass(slots=True, kw_only=True)
class ForBinding(Node):
    var: Name
    type: SequenceType | None
    allowing_empty: bool
    position: Name | None
    source: Expr


@dataclass(slots=True, kw_only=True)
class ForClause(Node):
    bindings: list[ForBinding]


@dataclass(slots=True, kw_only=True)
class LetBinding(Node):
    var: Name
    type: SequenceType | None
    value: Expr


@dataclass(slots=True, kw_only=True)
class LetClause(Node):
    bindings: list[LetBinding]


@dataclass(slots=True, kw_only=True)
class WindowCondition(Node):
    """`start|end $item at $pos previous $p next $n when E`; `only` belongs to the end condition."""

    item: Name | None
    position: Name | None
    previous: Name | None
    next: Name | None
    when: Expr
    only: bool = False


@dataclass(slots=True, kw_only=True)
class WindowClause(Node):
    kind: Literal["tumbling", "sliding"]
    var: Name
    type: SequenceType | None
    source: Expr
    start_condition: WindowCondition
    end_condition: WindowCondition | None


@dataclass(slots=True, kw_only=True)
class CountClause(Node):
    var: Name


@dataclass(slots=True, kw_only=True)
class WhereClause(Node):
    condition: Expr


@dataclass(slots=True, kw_only=True)
class GroupingSpec(Node):
    var: Name
    type: SequenceType | None
    value: Expr | None
    collation: str | None


@dataclass(slots=True, kw_only=True)
class GroupByClause(Node):
    specs: list[GroupingSpec]


@dataclass(slots=True, kw_only=True)
class OrderSpec(Node):
    key: Expr
    descending: bool = False
    empty: Literal["greatest", "least"] | None = None
    collation: str | None = None


@dataclass(slots=True, kw_only=True)
class OrderByClause(Node):
    stable: bool
    specs: list[OrderSpec]


Clause: TypeAlias = ForClause | LetClause | WindowClause | CountClause | WhereClause | GroupByClause | OrderByClause


@dataclass(slots=True, kw_only=True)
class FLWORExpr(Node):
    clauses: list[Clause]
    result: Expr


@dataclass(slots=True, kw_only=True)
class QuantifiedBinding(Node):
    var: Name
    type: SequenceType | None
    source: Expr


@dataclass(slots=True, kw_only=True)
class QuantifiedExpr(Node):
    quantifier: Literal["some", "every"]
    bindings: list[QuantifiedBinding]
    condition: Expr


@dataclass(slots=True, kw_only=True)
class SwitchCase(Node):
    operands: list[Expr]
    result: Expr


@dataclass(slots=True, kw_only=True)
class SwitchExpr(Node):
    operand: Expr
    cases: list[SwitchCase]
    default: Expr


@dataclass(slots=True, kw_only=True)
class TypeswitchCase(Node):
    var: Name | None
    types: list[SequenceType]
    result: Expr


@dataclass(slots=True, kw_only=True)
class TypeswitchExpr(Node):
    operand: Expr
    cases: list[TypeswitchCase]
    default_var: Name | None
    default: Expr


@dataclass(slots=True, kw_only=True)
class IfExpr(Node):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(slots=True, kw_only=True)
class CatchClause(Node):
    """`catch NAMES { … }`, or 1.0-ml's `catch ($var) { … }` (`var` set, `tests` empty)."""

    tests: list[NameTest]
    var: Name | None
    body: Expr


@dataclass(slots=True, kw_only=True)
class TryCatchExpr(Node):
    body: Expr
    catches: list[CatchClause]


@dataclass(slots=True, kw_only=True)
class BinaryExpr(Node):
    """An operator with two operands, named as it is written.

    `or and`; general `= != < <= > >=`; value `eq ne lt le gt ge`; node `is << >>`; `|| to + - * div idiv mod`;
    `union intersect except` (`|` is union); `!` (simple map).
    """

    operator: str
    left: Expr
    right: Expr


@dataclass(slots=True, kw_only=True)
class UnaryExpr(Node):
    """`-E` or `+E`; a run of signs is one of them, with `negative` its outcome."""

    negative: bool
    operand: Expr


@dataclass(slots=True, kw_only=True)
class InstanceOfExpr(Node):
    operand: Expr
    type: SequenceType


@dataclass(slots=True, kw_only=True)
class TreatExpr(Node):
    operand: Expr
    type: SequenceType


@dataclass(slots=True, kw_only=True)
class CastableExpr(Node):
    operand: Expr
    type: SingleType


@dataclass(slots=True, kw_only=True)
class CastExpr(Node):
    operand: Expr
    type: SingleType


@dataclass(slots=True, kw_only=True)
class ArrowExpr(Node):
    """`E => f(args)`: `function` is a name, or an expression giving a function item."""

    operand: Expr
    function: Name | Expr
    args: list[Expr | Placeholder]


@dataclass(slots=True, kw_only=True)
class ValidateExpr(Node):
    mode: str
    type: Name | None
    operand: Expr


@dataclass(slots=True, kw_only=True)
class Pragma(Node):
    name: Name
    content: str


@dataclass(slots=True, kw_only=True)
class ExtensionExpr(Node):
    """`(# pragma #) { E }`; `body` is None when the braces are empty."""

    pragmas: list[Pragma]
    body: Expr | None


@dataclass(slots=True, kw_only=True)
class NameTest(Node):
    """A name test: `*` (both None), `p:*` (`local` None), `*:local` (`any_namespace`), `Q{u}*`, or a name."""

    local: str | None = None
    prefix: str = ""
    uri: str | None = None
    any_namespace: bool = False


@dataclass(slots=True, kw_only=True)
class AxisStep(Node):
    """`axis::test[p1][p2]`; abbreviations are written out (`@a` attribute::a, `..` parent::node())."""

    axis: str
    test: NameTest | KindTest
    predicates: list[Expr] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PathExpr(Node):
    """`E1/E2/…`. `root` is "" (relative), "/" or "//" for a leading slash.

    `steps` are joined by "/"; an inner `//` has become the step descendant-or-self::node(). A lone `/` has no steps.
    """

    root: Literal["", "/", "//"]
    steps: list[Expr]


@dataclass(slots=True, kw_only=True)
class FilterExpr(Node):
    """`E[p]`: one predicate on a primary expression; a chain nests."""

    operand: Expr
    predicate: Expr


@dataclass(slots=True, kw_only=True)
class DynamicCall(Node):
    """`E(args)`; `Placeholder` stands for each `?`."""

    function: Expr
    args: list[Expr | Placeholder]


@dataclass(slots=True, kw_only=True)
class LookupExpr(Node):
    """`E?key`, or unary `?key` (`operand` None). `key` is None for `?*`; a name or integer has become a literal."""

    operand: Expr | None
    key: Expr | None


@dataclass(slots=True, kw_only=True)
class LiteralExpr(Node):
    """A literal; `kind` string integer decimal double, `value` its text (entities and quotes resolved)."""

    kind: Literal["string", "integer", "decimal", "double"]
    value: str


@dataclass(slots=True, kw_only=True)
class VarRef(Node):
    name: Name


@dataclass(slots=True, kw_only=True)
class ContextItem(Node):
    """`.`"""


@dataclass(slots=True, kw_only=True)
class ParenthesizedExpr(Node):
    """`(E)`: kept, because it ends a path step and a chain of non-associative operators."""

    expr: Expr


@dataclass(slots=True, kw_only=True)
class OrderedExpr(Node):
    """`ordered { E }` or `unordered { E }`."""

    ordered: bool
    expr: Expr


@dataclass(slots=True, kw_only=True)
class Placeholder(Node):
    """The `?` of a partial application."""


@dataclass(slots=True, kw_only=True)
class FunctionCall(Node):
    name: Name
    args: list[Expr | Placeholder]


@dataclass(slots=True, kw_only=True)
class NamedFunctionRef(Node):
    name: Name
    arity: int


@dataclass(slots=True, kw_only=True)
class InlineFunction(Node):
    annotations: list[Annotation]
    params: list[Param]
    result: SequenceType | None
    body: Expr


@dataclass(slots=True, kw_only=True)
class MapConstructor(Node):
    entries: list[tuple[Expr, Expr]]


@dataclass(slots=True, kw_only=True)
class ArrayConstructor(Node):
    """`[E1, E2]` (`square`) or `array { E }` (one member list of one expression)."""

    square: bool
    members: list[Expr]


@dataclass(slots=True, kw_only=True)
class StringConstructor(Node):
    """Parts in order: fixed text, or an interpolation (an expression, None when empty)."""

    parts: list[str | Interpolation]


@dataclass(slots=True, kw_only=True)
class Interpolation(Node):
    expr: Expr | None


# --------------------------------------------------------------------------------------------------------- constructors


@dataclass(slots=True, kw_only=True)
class EnclosedExpr(Node):
    """`{ E }` inside direct content or an attribute value; `expr` is None when empty."""

    expr: Expr | None


@dataclass(slots=True, kw_only=True)
class TextContent(Node):
    """Literal characters of a direct constructor.

    `boundary` marks white space that boundary-space strip removes (not from CDATA, character or entity references).
    """

    text: str
    boundary: bool = False


@dataclass(slots=True, kw_only=True)
class DirAttribute(Node):
    """An attribute of a direct constructor, in source order (namespace declarations: `DirElement.namespaces`)."""

    name: Name
    value: list[TextContent | EnclosedExpr]


@dataclass(slots=True, kw_only=True)
class DirNamespace(Node):
    """`xmlns:p="u"`, or `xmlns="u"` with prefix ""."""

    prefix: str
    uri: str


@dataclass(slots=True, kw_only=True)
class DirElement(Node):
    name: Name
    namespaces: list[DirNamespace]
    attributes: list[DirAttribute]
    content: list[DirContent]


@dataclass(slots=True, kw_only=True)
class DirComment(Node):
    text: str


@dataclass(slots=True, kw_only=True)
class DirPI(Node):
    target: str
    text: str


DirContent: TypeAlias = TextContent | EnclosedExpr | DirElement | DirComment | DirPI


@dataclass(slots=True, kw_only=True)
class ComputedConstructor(Node):
    """`element N { … }` and its kin.

    `kind`: document element attribute text comment processing-instruction namespace, and 1.0-ml's binary, array
    (array-node), number, boolean, null. `name` is a Name, an expression for `{ E }`, or None where the kind has none;
    `content` is None when the braces are empty.
    """

    kind: str
    name: Name | Expr | None
    content: Expr | None


@dataclass(slots=True, kw_only=True)
class ObjectConstructor(Node):
    """1.0-ml: `object-node { K : V, … }`."""

    entries: list[tuple[Expr, Expr]]


Expr: TypeAlias = (
    SequenceExpr
    | FLWORExpr
    | QuantifiedExpr
    | SwitchExpr
    | TypeswitchExpr
    | IfExpr
    | TryCatchExpr
    | BinaryExpr
    | UnaryExpr
    | InstanceOfExpr
    | TreatExpr
    | CastableExpr
    | CastExpr
    | ArrowExpr
    | ValidateExpr
    | ExtensionExpr
    | AxisStep
    | PathExpr
    | FilterExpr
    | DynamicCall
    | LookupExpr
    | LiteralExpr
    | VarRef
    | ContextItem
    | ParenthesizedExpr
    | OrderedExpr
    | FunctionCall
    | NamedFunctionRef
    | InlineFunction
    | MapConstructor
    | ArrayConstructor
    | StringConstructor
    | DirElement
    | DirComment
    | DirPI
    | ComputedConstructor
    | ObjectConstructor
)
