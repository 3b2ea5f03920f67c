"""From the syntax tree to the compiler's own form: the resolver's base and the expressions of no other file."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from xquery_bridge.compiler.ir.branches import Catch, If, Switch, Try, TypeCase, Typeswitch
from xquery_bridge.compiler.ir.constructors import ArrayConstructor, JoinedText, Lookup, MapConstructor
from xquery_bridge.compiler.ir.literals import Failure, Literal
from xquery_bridge.compiler.ir.node import Expr
from xquery_bridge.compiler.ir.operators import (
    Arithmetic,
    Cast,
    Compare,
    Concat,
    InstanceOf,
    Logic,
    NodeCompare,
    Range,
    Sequence,
    SetOperation,
    Sign,
    Treat,
)
from xquery_bridge.compiler.ir.variables import ContextItemRef, Focus, GlobalRef, Var, VarRef
from xquery_bridge.compiler.scope import Scope
from xquery_bridge.compiler.sequence_types import TypeResolver
from xquery_bridge.compiler.types import (
    ANY,
    BOOLEAN,
    DECIMAL,
    DOUBLE,
    INTEGER,
    INTEGERS,
    NOTHING,
    STRING,
    StaticType,
    common,
)
from xquery_bridge.errors import NotSupportedYet, XQueryError
from xquery_bridge.runtime.context import ERR
from xquery_bridge.syntax import tree

#: Constructs that parse and do not evaluate: the sentence's subject for each.
NOT_SUPPORTED: Final[dict[type, str]] = {
    tree.StylesheetImport: "import stylesheet",
}

_ERROR_VARIABLES: Final[dict[str, StaticType]] = {
    "code": StaticType("qname"),
    "description": StaticType("string", 0, 1),
    "value": ANY,
    "module": StaticType("string", 0, 1),
    "line-number": StaticType("integer", 0, 1),
    "column-number": StaticType("integer", 0, 1),
    "additional": ANY,
}

_VALUE_OPERATORS: Final = {"eq", "ne", "lt", "le", "gt", "ge"}
_GENERAL_OPERATORS: Final = {"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_ARITHMETIC: Final = {"+", "-", "*", "div", "idiv", "mod"}


class ResolverBase:
    """Dispatches on the class of a syntax node to the method `resolve_CLASS`."""

    def __init__(self, scope: Scope, focus: Focus | None = None, *, main: bool = False) -> None:
        self.scope = scope
        self.names = scope.names
        self.types = TypeResolver(scope)
        self.focus = focus
        #: whether an absent focus means the context item of the run
        self.main = main
        self.constructor_namespaces: dict[str, str] = {}
        #: the error of the catch clause around, for xdmp:rethrow
        self.caught: Var | None = None
        #: class of a node -> the method for it, unbound: bound ones would keep the resolver, and all that it made,
        #: until the garbage collector finds them
        self._methods: dict[type, Callable[[Any, Any], Expr]] = {}

    if TYPE_CHECKING:

        def cast(self, operand: Expr, name: tree.Name, optional: bool, *, test: bool) -> Expr:
            """What OperatorResolver has for the other resolvers."""

        def resolve_simple_map(self, node: tree.BinaryExpr) -> Expr:
            """What PathResolver has for the others."""

    def expr(self, node: tree.Expr) -> Expr:
        """Resolve an expression; static errors get its place."""
        kind = type(node)
        method = self._methods.get(kind)
        if method is None:
            found = getattr(type(self), f"resolve_{kind.__name__}", None)
            if found is None:
                raise NotSupportedYet(NOT_SUPPORTED.get(kind, kind.__name__))
            method = self._methods[kind] = found
        try:
            made = method(self, node)
        except XQueryError as error:
            if not error.frames:
                error.frames.append(self.scope.module.places.frame(node.start))
            raise
        if made.end == 0:
            made.start, made.end = node.start, node.end
        return made

    def exprs(self, nodes: list[Any]) -> list[Expr]:
        return [self.expr(node) for node in nodes]

    def read(self, var: Var) -> VarRef:
        """A reference to a local variable."""
        var.uses += 1
        return VarRef(var=var, type=var.type)

    # ------------------------------------------------------------------------------------------------------ the focus

    def context_item(self) -> Expr:
        if self.focus is not None:
            return self.read(self.focus.item)
        if self.main:
            return ContextItemRef(type=StaticType("item"))
        return Failure(code="XPDY0002", type=StaticType("item"))

    def focus_part(self, part: str) -> Expr:
        """`position` or `last` of the focus."""
        if self.focus is not None:
            return self.read(getattr(self.focus, part))
        if self.main:
            return ContextItemRef(type=INTEGER, part=part)
        return Failure(code="XPDY0002", type=INTEGER)

    def with_focus(self, focus: Focus, node: tree.Expr) -> Expr:
        """Resolve an expression inside a new focus."""
        before, self.focus = self.focus, focus
        try:
            return self.expr(node)
        finally:
            self.focus = before


#: Digits of an integer literal; Python reads and writes no more than 4,300.
_MOST_DIGITS: Final = 4_000


class OperatorResolver(ResolverBase):
    """Literals, sequences, operators, branches, try and types."""

    def resolve_LiteralExpr(self, node: tree.LiteralExpr) -> Expr:
        match node.kind:
            case "string":
                return Literal(value=node.value, type=STRING)
            case "integer":
                if len(node.value) > _MOST_DIGITS:
                    raise XQueryError("FOAR0002", f"Numeric overflow: an integer of {len(node.value)} digits")
                return Literal(value=int(node.value), type=INTEGER)
            case "decimal":
                return Literal(value=Decimal(node.value), type=DECIMAL)
            case _:
                return Literal(value=float(node.value), type=DOUBLE)

    def resolve_ParenthesizedExpr(self, node: tree.ParenthesizedExpr) -> Expr:
        while isinstance(node.expr, tree.ParenthesizedExpr):
            node = node.expr
        return self.expr(node.expr)

    def resolve_SequenceExpr(self, node: tree.SequenceExpr) -> Expr:
        return sequence(self.exprs(node.items))

    def resolve_ContextItem(self, node: tree.ContextItem) -> Expr:
        return self.context_item()

    def resolve_VarRef(self, node: tree.VarRef) -> Expr:
        found = self.scope.variable(node.name)
        if isinstance(found, Var):
            return self.read(found)
        found.var.uses += 1
        return GlobalRef(variable=found, type=found.var.type)

    def resolve_OrderedExpr(self, node: tree.OrderedExpr) -> Expr:
        return self.expr(node.expr)

    def resolve_ExtensionExpr(self, node: tree.ExtensionExpr) -> Expr:
        for pragma in node.pragmas:
            uri, _ = self.scope.expand(pragma.name, "")
            if not uri and pragma.name.uri is None:
                raise XQueryError("XPST0081", f"A pragma needs a namespace: {pragma.name}")
        if node.body is None:
            raise XQueryError("XQST0079", "No pragma is known here, and there is no expression to fall back on")
        return self.expr(node.body)

    def resolve_ValidateExpr(self, node: tree.ValidateExpr) -> Expr:
        raise XQueryError("XQST0075")

    # --------------------------------------------------------------------------------------------------- operators

    def resolve_BinaryExpr(self, node: tree.BinaryExpr) -> Expr:
        operator = node.operator
        if operator in ("or", "and"):
            return self._logic(node)
        if operator == "||":
            return self._concat(node)
        if operator == "!":
            return self.resolve_simple_map(node)
        left, right = self.expr(node.left), self.expr(node.right)
        if operator in _ARITHMETIC:
            return Arithmetic(
                operator=operator, left=left, right=right, type=arithmetic_type(operator, left.type, right.type)
            )
        if operator in _VALUE_OPERATORS or operator in _GENERAL_OPERATORS:
            return self._compare(operator, left, right)
        if operator in ("is", "<<", ">>"):
            low = left.type.low & right.type.low if left.type.is_a("node") and right.type.is_a("node") else 0
            return NodeCompare(operator=operator, left=left, right=right, type=StaticType("boolean", low, 1))
        if operator == "to":
            return Range(low=left, high=right, type=INTEGERS)
        kind = "node" if operator == "except" else common(left.type.kind, right.type.kind)
        kind = left.type.kind if operator == "except" else kind
        type = StaticType(kind if StaticType(kind).is_a("node") else "node", 0, None)
        return SetOperation(operator=operator, left=left, right=right, type=type)

    def _compare(self, operator: str, left: Expr, right: Expr) -> Expr:
        general = operator in _GENERAL_OPERATORS
        low = 1 if general or (left.type.low and right.type.low and atomizes_to_one(left, right)) else 0
        return Compare(
            operator=_GENERAL_OPERATORS.get(operator, operator),
            general=general,
            left=left,
            right=right,
            collation=self.scope.static.default_collation,
            type=StaticType("boolean", low, 1),
        )

    def _logic(self, node: tree.BinaryExpr) -> Expr:
        operands: list[tree.Expr] = []
        rest: tree.Expr = node
        while isinstance(rest, tree.BinaryExpr) and rest.operator == node.operator:
            operands.append(rest.right)
            rest = rest.left
        operands.append(rest)
        return Logic(conjunction=node.operator == "and", operands=self.exprs(operands[::-1]))

    def _concat(self, node: tree.BinaryExpr) -> Expr:
        parts: list[tree.Expr] = []
        rest: tree.Expr = node
        while isinstance(rest, tree.BinaryExpr) and rest.operator == "||":
            parts.append(rest.right)
            rest = rest.left
        parts.append(rest)
        return Concat(parts=self.exprs(parts[::-1]), type=STRING)

    def resolve_UnaryExpr(self, node: tree.UnaryExpr) -> Expr:
        operand = self.expr(node.operand)
        if isinstance(operand, Literal) and type(operand.value) in (int, float, Decimal):
            # copy_negate: the minus of Python would round a decimal to 28 digits
            minus = operand.value.copy_negate() if type(operand.value) is Decimal else -operand.value
            value = minus if node.negative else operand.value
            if operand.value != 0 or type(value) is not Decimal:
                return Literal(value=value, type=operand.type)
        low, kind = operand.type.low, operand.type.kind
        return Sign(
            negative=node.negative,
            operand=operand,
            type=StaticType(kind if operand.type.is_a("numeric") else "atomic", low, 1),
        )

    # ---------------------------------------------------------------------------------------------------- branches

    def resolve_IfExpr(self, node: tree.IfExpr) -> Expr:
        branches: list[tuple[tree.IfExpr, Expr, Expr]] = []
        rest: tree.Expr = node
        while isinstance(rest, tree.IfExpr):
            branches.append((rest, self.expr(rest.condition), self.expr(rest.then)))
            rest = rest.otherwise
        made = self.expr(rest)
        for written, condition, then in reversed(branches):
            made = If(
                condition=condition,
                then=then,
                otherwise=made,
                type=then.type.either(made.type),
                start=written.start,
                end=written.end,
            )
        return made

    def resolve_SwitchExpr(self, node: tree.SwitchExpr) -> Expr:
        operand = self.expr(node.operand)
        cases = [(*self.exprs(list(case.operands)), self.expr(case.result)) for case in node.cases]
        default = self.expr(node.default)
        type = default.type
        for case in cases:
            type = type.either(case[-1].type)
        collation = self.scope.static.default_collation
        return Switch(operand=operand, cases=cases, default=default, collation=collation, type=type)

    def resolve_TypeswitchExpr(self, node: tree.TypeswitchExpr) -> Expr:
        operand = self.expr(node.operand)
        cases: list[TypeCase] = []
        for case in node.cases:
            types = [self.types.resolve(written) for written in case.types]
            known = self.types.static(types[0])
            for other in types[1:]:
                known = known.either(self.types.static(other))
            cases.append(self._type_case(case.var, types, case.result, known))
        cases.append(self._type_case(node.default_var, [], node.default, operand.type))
        type = cases[0].type
        for made in cases[1:]:
            type = type.either(made.type)
        return Typeswitch(operand=operand, cases=cases, type=type)

    def _type_case(self, name: tree.Name | None, types: list[Any], result: tree.Expr, known: StaticType) -> TypeCase:
        if name is None:
            body = self.expr(result)
            return TypeCase(var=None, types=types, result=body, type=body.type)
        var = self.scope.new_var(name, known)
        with self.scope.binding((name, var)):
            body = self.expr(result)
        return TypeCase(var=var, types=types, result=body, type=body.type)

    def resolve_TryCatchExpr(self, node: tree.TryCatchExpr) -> Expr:
        body = self.expr(node.body)
        catches = [self._catch(clause) for clause in node.catches]
        type = body.type
        for clause in catches:
            type = type.either(clause.body.type)
        return Try(body=body, catches=catches, type=type)

    def _catch(self, clause: tree.CatchClause) -> Catch:
        before, self.caught = self.caught, self.scope.temporary("caught", bare=True)
        try:
            made = self._handler(clause)
            made.caught = self.caught if self.caught.uses else None
            made.refresh()
            return made
        finally:
            self.caught = before

    def _handler(self, clause: tree.CatchClause) -> Catch:
        if clause.var is not None:
            var = self.scope.new_var(clause.var, StaticType("element"), bare=True)
            with self.scope.binding((clause.var, var)):
                body = self.expr(clause.body)
            return Catch(tests=[(None, None)], variables={}, error=var, body=body)
        tests = [self._error_test(test) for test in clause.tests]
        bound = {
            local: (tree.Name(local, "", ERR), self.scope.temporary(f"err_{local.replace('-', '_')}", type))
            for local, type in _ERROR_VARIABLES.items()
        }
        with self.scope.binding(*bound.values()):
            body = self.expr(clause.body)
        used = {local: var for local, (_, var) in bound.items() if var.uses}
        return Catch(tests=tests, variables=used, error=None, body=body)

    def _error_test(self, test: tree.NameTest) -> tuple[str | None, str | None]:
        if test.any_namespace or (test.local is None and not test.prefix and test.uri is None):
            return None, test.local
        uri, local = self.scope.element_name(tree.Name(test.local or "", test.prefix, test.uri))
        return uri, local if test.local is not None else None

    # ------------------------------------------------------------------------------------------------------- types

    def resolve_InstanceOfExpr(self, node: tree.InstanceOfExpr) -> Expr:
        return InstanceOf(operand=self.expr(node.operand), target=self.types.resolve(node.type))

    def resolve_TreatExpr(self, node: tree.TreatExpr) -> Expr:
        operand, target = self.expr(node.operand), self.types.resolve(node.type)
        return Treat(operand=operand, target=target, type=self.types.static(target))

    def resolve_CastExpr(self, node: tree.CastExpr) -> Expr:
        return self.cast(self.expr(node.operand), node.type.name, node.type.optional, test=False)

    def resolve_CastableExpr(self, node: tree.CastableExpr) -> Expr:
        return self.cast(self.expr(node.operand), node.type.name, node.type.optional, test=True)

    def cast(self, operand: Expr, name: tree.Name, optional: bool, *, test: bool) -> Expr:
        target = self.types.cast_target(name)
        type = BOOLEAN if test else self.types.cast_result(target, operand.type, optional)
        return Cast(operand=operand, target=target, optional=optional, test=test, static=self.scope.static, type=type)

    # ------------------------------------------------------------------------------------- maps, arrays and lookups

    def resolve_MapConstructor(self, node: tree.MapConstructor) -> Expr:
        entries = [(self.expr(key), self.expr(value)) for key, value in node.entries]
        return MapConstructor(entries=entries, type=StaticType("map"))

    def resolve_ArrayConstructor(self, node: tree.ArrayConstructor) -> Expr:
        return ArrayConstructor(square=node.square, members=self.exprs(node.members), type=StaticType("array"))

    def resolve_LookupExpr(self, node: tree.LookupExpr) -> Expr:
        operand = self.context_item() if node.operand is None else self.expr(node.operand)
        return Lookup(operand=operand, key=None if node.key is None else self.expr(node.key), type=ANY)

    def resolve_StringConstructor(self, node: tree.StringConstructor) -> Expr:
        parts: list[str | Expr] = []
        for part in node.parts:
            if isinstance(part, str):
                parts.append(part)
            elif part.expr is not None:
                parts.append(self.expr(part.expr))
        return JoinedText(parts=parts, type=STRING)


def sequence(items: list[Expr]) -> Expr:
    """The concatenation of some expressions."""
    flat: list[Expr] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Sequence) else [item])
    if len(flat) == 1:
        return flat[0]
    type = NOTHING
    for item in flat:
        type = type.plus(item.type)
    return Sequence(items=flat, type=type)


def atomizes_to_one(*operands: Expr) -> bool:
    """Whether each operand atomizes to one value (a node, too; an array might not)."""
    return all(operand.type.is_a("atomic") or operand.type.is_a("node") for operand in operands)


def arithmetic_type(operator: str, left: StaticType, right: StaticType) -> StaticType:
    """The type of `left operator right` (XQuery 3.1, section 4.7 and appendix B.2)."""
    low = left.low & right.low if (left.is_a("atomic") and right.is_a("atomic")) else 0
    if operator == "idiv":
        return StaticType("integer", low, 1)
    if left.is_a("integer") and right.is_a("integer"):
        return StaticType("decimal" if operator == "div" else "integer", low, 1)
    if left.is_a("numeric") and right.is_a("numeric"):
        if "double" in (left.kind, right.kind):
            return StaticType("double", low, 1)
        if left.is_a("decimal") and right.is_a("decimal"):
            return StaticType("decimal", low, 1)
        return StaticType("numeric", low, 1)
    if operator in ("+", "-", "div") or not (left.is_a("numeric") or right.is_a("numeric")):
        return StaticType("item" if not (left.is_a("atomic") and right.is_a("atomic")) else "atomic", low, 1)
    return StaticType("atomic", low, 1)
