"""Function calls, references, inline functions and partial application."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from elementpath.datatypes import QName

from xquery_bridge.compiler.ir.branches import Rethrow
from xquery_bridge.compiler.ir.functions import (
    BuiltinCall,
    Caller,
    DynamicCall,
    FocusValue,
    FunctionValue,
    InlineFunction,
    Param,
    PartialCall,
    UserCall,
    UserFunctionRef,
    VariadicItem,
)
from xquery_bridge.compiler.ir.literals import Literal
from xquery_bridge.compiler.ir.node import Expr
from xquery_bridge.compiler.ir.operators import Atomize, Concat
from xquery_bridge.compiler.ir.variables import Assign, GlobalRef, Var, VarRef
from xquery_bridge.compiler.resolver import ResolverBase
from xquery_bridge.compiler.types import ANY, BOOLEAN, INTEGER, STRING, StaticType, atomized
from xquery_bridge.errors import XQueryError
from xquery_bridge.registry import Row
from xquery_bridge.runtime.context import FN, XS
from xquery_bridge.runtime.sequence_types import SequenceType
from xquery_bridge.syntax import tree

#: Namespaces whose annotations are reserved (XQST0045); only XQuery's own two annotations may have none of them.
_RESERVED: Final = {
    "http://www.w3.org/XML/1998/namespace",
    XS,
    "http://www.w3.org/2001/XMLSchema-instance",
    FN,
    "http://www.w3.org/2005/xpath-functions/math",
    "http://www.w3.org/2005/xpath-functions/map",
    "http://www.w3.org/2005/xpath-functions/array",
    "http://www.w3.org/2012/xquery",
}
_XDMP: Final = "http://marklogic.com/xdmp"
_XQUERY: Final = "http://www.w3.org/2012/xquery"

#: From here on a function that takes any number of arguments is written without naming each (`concat#1000`).
_MANY_PARAMETERS: Final = 32

#: Functions whose result has a narrower type than their signature says, by what the first argument is.
_SAME_TYPE: Final = {
    "reverse",
    "subsequence",
    "tail",
    "remove",
    "unordered",
    "head",
    "filter",
    "distinct-values",
    "sort",
}

#: Functions that give nothing only for nothing as their first argument; so are those of the math namespace.
_STRICT: Final = frozenset(
    """
    year-from-date month-from-date day-from-date year-from-dateTime month-from-dateTime day-from-dateTime
    hours-from-time minutes-from-time seconds-from-time hours-from-dateTime minutes-from-dateTime seconds-from-dateTime
    years-from-duration months-from-duration days-from-duration hours-from-duration minutes-from-duration
    seconds-from-duration
    """.split()
)
_MATH: Final = "http://www.w3.org/2005/xpath-functions/math"


def _is_strict(row: Row) -> bool:
    return row.uri == _MATH or (row.uri == FN and row.local in _STRICT)


class FunctionResolver(ResolverBase):
    """Finds the function a name and arity mean: the query's own before the registry's."""

    def resolve_FunctionCall(self, node: tree.FunctionCall) -> Expr:
        return self.call(node.name, list(node.args), node)

    def resolve_ArrowExpr(self, node: tree.ArrowExpr) -> Expr:
        args = [node.operand, *node.args]
        if isinstance(node.function, tree.Name):
            return self.call(node.function, args, node)
        return self._dynamic(self.expr(node.function), args)

    def resolve_DynamicCall(self, node: tree.DynamicCall) -> Expr:
        return self._dynamic(self.expr(node.function), list(node.args))

    def _dynamic(self, function: Expr, written: list[Any]) -> Expr:
        args = [None if isinstance(arg, tree.Placeholder) else self.expr(arg) for arg in written]
        if any(arg is None for arg in args):
            return PartialCall(function=function, args=args, type=StaticType("function"))
        return DynamicCall(function=function, args=[arg for arg in args if arg is not None], type=ANY)

    # ------------------------------------------------------------------------------------------------ static calls

    def call(self, name: tree.Name, written: list[Any], node: tree.Node) -> Expr:
        """A call by name; with placeholders it is a partial application."""
        arity = len(written)
        if any(isinstance(arg, tree.Placeholder) for arg in written):
            return self._dynamic(self.reference(name, arity), written)
        declared = self.scope.declared_function(name, arity)
        if declared is not None:
            mapping = bool(declared.mapped) and self.scope.static.function_mapping
            args = self.exprs(written)
            type = declared.result_type
            mapping = mapping and any(not args[at].type.single for at in declared.mapped)
            return UserCall(function=declared, args=args, mapping=mapping, type=type.any_number() if mapping else type)
        uri, local = self.scope.function_name(name)
        if uri == XS and arity == 1 and self.types.is_constructor(local):
            return self.cast(self.expr(written[0]), tree.Name(local, "", XS), True, test=False)
        if uri == FN:
            special = self._special(local, written)
            if special is not None:
                return special
        if uri == _XDMP and local == "set" and arity == 2:
            return self._assign(written[0], written[1])
        if uri == _XDMP and local == "rethrow" and arity == 0 and self.caught is not None:
            self.caught.uses += 1
            return Rethrow(error=VarRef(var=self.caught))
        row = self.scope.registry.lookup(uri, local, arity)
        if row is None and not name.prefix and name.uri is None:
            for used in self.scope.module.using:
                row = row or self.scope.registry.lookup(used, local, arity)
        if row is None:
            if (uri, local, arity) in self.scope.module.outer_functions:
                return self._dynamic(self._outer_function(uri, local, arity), written)
            raise self.scope.undefined_function(name, arity)
        return self._builtin(row, self.exprs(written))

    def _special(self, local: str, written: list[Any]) -> Expr | None:
        """Calls that are no calls: the focus, the two booleans, and concat, which is the operator `||`."""
        match local, len(written):
            case "position" | "last", 0:
                return self.focus_part(local)
            case "true" | "false", 0:
                return Literal(value=local == "true", type=BOOLEAN)
            case "concat", arity if arity >= 2:
                return Concat(parts=self.exprs(written), type=STRING)
            case "data", 1:
                operand = self.expr(written[0])
                return Atomize(operand=operand, type=atomized(operand.type))
            case _:
                return None

    def _assign(self, target: Any, value: tree.Expr) -> Expr:
        """`xdmp:set($variable, value)`. Raises XDMP-NOTVAR for anything else and for variables of other expressions."""
        new = self.expr(value)
        if not isinstance(target, tree.VarRef):
            raise XQueryError(
                "XPST0003", "xdmp:set changes a variable: its first argument is $name", marklogic_code="XDMP-NOTVAR"
            )
        found = self.scope.variable(target.name)
        var = found if isinstance(found, Var) else found.var
        if not var.assigned:
            raise XQueryError(
                "XPST0003",
                f"xdmp:set changes variables of for, let, parameters and the module's prolog, not ${target.name}",
                marklogic_code="XDMP-NOTVAR",
            )
        var.uses += 1
        return Assign(var=found, value=new)

    def _builtin(self, row: Row, args: list[Expr]) -> Expr:
        mapped = tuple(
            at
            for at, arg in enumerate(args)
            if self.scope.static.function_mapping and self.types.is_one(row.param(at).type) and not arg.type.single
        )
        needs = self._needs(row)
        type = self._result_type(row, args)
        if mapped:
            type = type.any_number()
        return BuiltinCall(row=row, args=args, needs=needs, static=self.scope.static, mapped=mapped, type=type)

    def _needs(self, row: Row) -> list[Expr]:
        """Expressions for the parts of the focus that a row asks for."""
        found: list[Expr] = []
        for need in row.needs:
            if need == "item":
                found.append(self.context_item())
            elif need in ("position", "last"):
                found.append(self.focus_part(need))
            elif need == "focus":
                found.append(self._focus())
            elif need == "caller":
                found.append(self._caller())
        return found

    def _focus(self) -> Expr:
        """The focus here, whether or not there is one."""
        parts = [self.focus_part(part) for part in ("item", "position", "last")] if self.focus is not None else []
        return FocusValue(parts=parts, run=self.main)

    def _caller(self) -> Expr:
        """All that is visible here."""
        variables: list[tuple[tuple[str, str], Expr]] = []
        for key, declared in self.scope.module.variables.items():
            declared.var.uses += 1
            variables.append((key, GlobalRef(variable=declared, type=ANY)))
        variables += [(key, self.read(var)) for key, var in self.scope.visible().items()]
        item = None if self.focus is None else self.read(self.focus.item)
        return Caller(variables=variables, item=item, run_item=self.main, static=self.scope.static)

    def _result_type(self, row: Row, args: list[Expr]) -> StaticType:
        declared = self.types.static(row.result)
        if not args:
            return declared
        first = args[0].type
        if declared.optional and not declared.low and first.single and first.is_a("atomic") and _is_strict(row):
            declared = StaticType(declared.kind)
        if row.uri != FN:
            return declared
        if row.local in _SAME_TYPE:
            return StaticType(
                first.kind if first.is_a("atomic") or row.local != "distinct-values" else "atomic", *_occurs(declared)
            )
        match row.local:
            case "sum" if first.is_a("numeric") and len(args) == 1:
                return StaticType(
                    first.kind if first.kind in ("integer", "double") and first.low else _summed(first), 1, 1
                )
            case "max" | "min" if first.is_a("numeric") or first.is_a("string"):
                return StaticType(first.kind, first.low, 1)
            case "abs" | "floor" | "ceiling" | "round" | "round-half-to-even" if first.is_a("numeric"):
                return StaticType(first.kind, first.low, 1)
            case "exactly-one":
                return StaticType(first.kind)
            case "zero-or-one":
                return StaticType(first.kind, 0, 1)
            case "one-or-more":
                return StaticType(first.kind, 1, None)
            case "trace":
                return first
            case "insert-before":
                return first.plus(args[2].type).any_number()
            case _:
                return declared

    # -------------------------------------------------------------------------------------------------- references

    def resolve_NamedFunctionRef(self, node: tree.NamedFunctionRef) -> Expr:
        made = self.reference(node.name, node.arity)
        if isinstance(made, InlineFunction):  # errors in it are errors of the place that names it
            for part in (made.body, *made.body.children()):
                part.start, part.end = node.start, node.end
        return made

    def reference(self, name: tree.Name, arity: int) -> Expr:
        """A named function as an item. What it needs of the context is captured here."""
        declared = self.scope.declared_function(name, arity)
        if declared is not None:
            return UserFunctionRef(function=declared, type=StaticType("function"))
        uri, local = self.scope.function_name(name)
        made = self.builtin_item(uri, local, arity, name.prefix)
        if made is None:
            if (uri, local, arity) in self.scope.module.outer_functions:
                return self._outer_function(uri, local, arity)
            raise self.scope.undefined_function(name, arity)
        return made

    def _outer_function(self, uri: str, local: str, arity: int) -> Expr:
        """A function of the query that evaluates this one, looked up when it is needed."""
        row = self.scope.registry.lookup(FN, "function-lookup", 2)
        assert row is not None
        args = [Literal(value=QName(uri, local), type=StaticType("qname")), Literal(value=arity, type=INTEGER)]
        return self._builtin(row, list[Expr](args))

    def builtin_item(self, uri: str, local: str, arity: int, prefix: str = "") -> FunctionValue | None:
        """A built-in function, or the constructor function of a type, as an inline function that calls it."""
        if uri == XS and arity == 1 and self.types.is_constructor(local):
            param = self._param("value", self.types.parse("xs:anyAtomicType?"))
            result = self.types.constructed(local)
            body = self.cast(self.read(param.var), tree.Name(local, "", XS), True, test=False)
            return self._item([param], result, body, prefix, uri, local)
        if uri == FN and arity == 0 and local in ("position", "last"):
            return self._item([], self.types.parse("xs:integer"), self.focus_part(local), prefix, uri, local)
        row = self.scope.registry.lookup(uri, local, arity)
        if row is None:
            return None
        if row.variadic and arity > _MANY_PARAMETERS and not row.needs:
            item_name = (prefix or row.prefix, uri, local)
            return VariadicItem(row=row, arity=arity, name=item_name, type=StaticType("function"))
        params = [self._param(row.param(at).name, row.param(at).type) for at in range(arity)]
        args: list[Expr] = [self.read(param.var) for param in params]
        body = BuiltinCall(
            row=row, args=args, needs=self._needs(row), static=self.scope.static, type=self.types.static(row.result)
        )
        return self._item(params, row.result, body, prefix or row.prefix, uri, local)

    def _param(self, name: str, type: SequenceType) -> Param:
        known = self.types.static(type)
        return Param(self.scope.temporary(name, known), type)

    def _item(
        self, params: list[Param], result: SequenceType, body: Expr, prefix: str, uri: str, local: str
    ) -> InlineFunction:
        return InlineFunction(
            params=params,
            result=result,
            body=body,
            python=self.names.make(f"{prefix}_{local}" if prefix else local),
            name=(prefix, uri, local),
            type=StaticType("function"),
        )

    # --------------------------------------------------------------------------------------------- inline functions

    def resolve_InlineFunction(self, node: tree.InlineFunction) -> Expr:
        params = self.params(node.params)
        annotations = self.annotations(node.annotations)
        for uri, local, _ in annotations:
            if uri == _XQUERY and local in ("private", "public"):
                raise XQueryError("XQST0125", "%private and %public do not apply to inline functions")
        result = self.types.optional(node.result)
        before_focus, before_main = self.focus, self.main
        self.focus, self.main = None, False
        try:
            with self.scope.binding(
                *[(written.name, param.var) for written, param in zip(node.params, params, strict=True)]
            ):
                body = self.expr(node.body)
        finally:
            self.focus, self.main = before_focus, before_main
        return InlineFunction(
            params=params,
            result=result,
            body=body,
            python=self.names.make("function"),
            annotations=annotations,
            type=StaticType("function"),
        )

    def params(self, written: list[tree.Param]) -> list[Param]:
        """Parameters with their types. Raises XQST0039 when two have one name."""
        made: list[Param] = []
        seen: set[tuple[str, str]] = set()
        for param in written:
            key = self.scope.key(param.name)
            if key in seen:
                raise XQueryError("XQST0039", detail=f"${param.name}")
            seen.add(key)
            type = self.types.optional(param.type)
            known = ANY if type is None else self.types.static(type)
            made.append(Param(self.scope.new_cell(param.name) or self.scope.new_var(param.name, known), type))
        return made

    def annotations(self, written: list[tree.Annotation], clash: str = "XQST0106") -> list[tuple[str, str, list[Any]]]:
        """Annotations as (uri, local, values).

        Raises XQST0045 for a reserved namespace, `clash` for more than one of %private and %public (XQST0106 on a
        function, XQST0116 on a variable).
        """
        made: list[tuple[str, str, list[Any]]] = []
        visibility = 0
        for annotation in written:
            uri, local = self.scope.expand(annotation.name, _XQUERY)
            if uri == _XQUERY and local in ("private", "public"):
                visibility += 1
            elif uri in _RESERVED:
                raise XQueryError("XQST0045", f"No annotation is known as %{annotation.name}")
            made.append((uri, local, [_literal(value) for value in annotation.values]))
        if visibility > 1:
            raise XQueryError(clash, "More than one of %private and %public")
        return made


def _literal(node: tree.LiteralExpr) -> Any:
    kinds: dict[str, Any] = {"string": str, "integer": int, "decimal": Decimal, "double": float}
    return kinds[node.kind](node.value)


def _occurs(type: StaticType) -> tuple[int, int | None]:
    return type.low, type.high


def _summed(type: StaticType) -> str:
    """The kind of a sum that may be of no items: then it is the integer 0."""
    return "integer" if type.is_a("integer") else "decimal" if type.is_a("decimal") else "numeric"
