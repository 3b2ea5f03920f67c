"""Calls, function items, declared functions and variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from xquery_bridge.compiler.codegen_constructors import ConstructorCodegen
from xquery_bridge.compiler.codegen_flwor import is_inline
from xquery_bridge.compiler.codegen_operators import _within
from xquery_bridge.compiler.ir.constructors import MapConstructor
from xquery_bridge.compiler.ir.flwor import Flwor, For
from xquery_bridge.compiler.ir.functions import (
    BuiltinCall,
    Caller,
    DynamicCall,
    FocusValue,
    Function,
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
from xquery_bridge.compiler.ir.variables import GlobalRef, GlobalVariable, Var, VarRef
from xquery_bridge.compiler.tail_calls import calls_itself, self_applications
from xquery_bridge.compiler.types import ANY, StaticType
from xquery_bridge.compiler.writer import Code, FunctionWriter
from xquery_bridge.registry import Parameter, Row
from xquery_bridge.runtime.atomic import TYPES
from xquery_bridge.runtime.calls import variadic_item
from xquery_bridge.runtime.context import CODEPOINT, FN
from xquery_bridge.runtime.sequence_types import SequenceType

#: Atomic types whose values are recognized by their Python class.
_PYTHON_CLASS: Final = {"xs:integer": "int", "xs:string": "str", "xs:double": "float", "xs:boolean": "bool"}
_STATIC_KIND: Final = {"xs:integer": "integer", "xs:string": "string", "xs:double": "double", "xs:boolean": "boolean"}


class FunctionCodegen(ConstructorCodegen):
    """Arguments are converted where the function is called: a declared function trusts its parameters."""

    # -------------------------------------------------------------------------------------------------- conversion

    def converted(self, node: Expr, code: Code, type: SequenceType | None, parameter: str = "") -> Code:
        """A value converted to a declared type by the function conversion rules, or as it is when it fits.

        Errors show the declaration of the parameter, where it has a name, instead of the expression.
        """
        if type is None:
            return code
        text = str(type)
        if text == "item()*":
            return code
        if text == "xs:anyAtomicType*":
            return code if node.type.is_a("atomic") else self.call(node, "atomize", code)
        occurrence = type.occurrence
        item = text.removesuffix(occurrence)
        shown = f"${parameter} as {text}" if parameter else ""
        known = node.type
        wanted = self.static_type(type)
        if known.is_a(wanted.kind) and _within(known, wanted) and self.exact_kind(type) and item in _FITTING:
            if occurrence or code.form == "item":
                return code
            return Code(self.mark(node, f"the_item({code.text})", shown), "item", code.depth + 1)
        if item == "xs:double" and known.kind == "integer" and known.single and code.form == "item":
            return Code(self.mark(node, f"float({code.text})"), "item", code.depth + 1)
        constant = self.sequence_type(type)
        form = "item" if type.low == type.high == 1 else "any"
        python = _PYTHON_CLASS.get(item)
        if (
            python is not None
            and occurrence in ("", "?")
            and known.may_be(_STATIC_KIND[item])
            and not known.is_a("node")
        ):
            first, later = self.twice(code)
            slow = self.mark(node, f"{constant}.convert({later})", shown)
            return Code(f"({later} if type({first}) is {python} else {slow})", form, code.depth + 2)
        return Code(self.mark(node, f"{constant}.convert({code.text})", shown), form, code.depth + 1)

    def static_type(self, type: SequenceType) -> StaticType:
        from xquery_bridge.compiler.sequence_types import static_type

        return static_type(type)

    # ------------------------------------------------------------------------------------------------ built-in calls

    def value_BuiltinCall(self, node: BuiltinCall) -> Code:
        if node.mapped:
            return self._mapped_builtin(node)
        if node.row.local == "merge" and node.row.uri == _MAP and len(node.args) == 1:
            merged = self._merged(node.args[0])
            if merged is not None:
                return merged
        if node.row.uri == FN:
            special = getattr(self, f"fn_{node.row.local.replace('-', '_')}", None)
            if special is not None:
                found: Code | None = special(node)
                if found is not None:
                    return found
            if node.row.local in _DATE_FIELDS:
                return self._date_field(node, *_DATE_FIELDS[node.row.local])
        codes = self.operands([*node.needs, *node.args])
        needs, args = codes[: len(node.needs)], codes[len(node.needs) :]
        converted = [
            self.argument(arg, code, node.row.param(at))
            for at, (arg, code) in enumerate(zip(node.args, args, strict=True))
        ]
        return self._call_row(node, node.row, needs, converted, node.static, node.type)

    def _merged(self, maps: Expr) -> Code | None:
        """`map:merge(for … return map:entry(k, v))`: the entries go into the map without maps of their own."""
        if not isinstance(maps, Flwor) or not any(isinstance(clause, For) for clause in maps.clauses):
            return None
        made = maps.result
        if isinstance(made, MapConstructor) and len(made.entries) == 1:
            key, value = made.entries[0]
        elif isinstance(made, BuiltinCall) and made.row.uri == _MAP and made.row.local == "entry" and not made.mapped:
            key, value = made.args
        else:
            return None
        pairs = self.temp("pairs")
        self.out.line(f"{pairs} = []")

        def add() -> None:
            first, second = self.operands([key, value])
            plain = key.type.single and first.form == "item" and key.type.kind in ("string", "integer")
            text = first.text if plain else self.mark(key, f"map_key({first.text})")
            self.out.line(f"{pairs}.append(({text}, {second.text}))")

        self.stream(maps.clauses, made, add)
        return Code(f"first_entries({pairs})", "item", 1)

    def _date_field(self, node: BuiltinCall, type: str, field: str) -> Code:
        """A field of a date or time, read from the object where its class is the plain one."""
        (arg,) = node.args
        first, later = self.twice(self.value(arg))
        kind = self.constant(type, TYPES[type].classes[0], ("class", type))
        converted = self.argument(arg, Code(later, "any", 0, True), node.row.param(0))
        slow = self._call_row(node, node.row, [], [converted], node.static, node.type)
        text = f"({later}._dt.{field} if type({first}) is {kind} else {slow.text})"
        return Code(text, slow.form, slow.depth + 1)

    def argument(self, node: Expr, code: Code, param: Parameter) -> Code:
        """An argument in the form that implementations get: bare, bare or None, or a list."""
        type = param.type
        if node.type.is_a("node") and str(type) == "xs:string?":
            text = f"optional_text({code.text}, {self.sequence_type(type)})"
            return Code(self.mark(node, text, f"${param.name} as {type}"), "any", code.depth + 1)
        converted = self.converted(node, code, type, param.name)
        if type.high is None or type.high == 0:
            return self.as_items(converted)
        if type.low == 0:
            if converted.form == "item" or (node.type.single and code.form == "item"):
                return converted
            optional = self.mark(node, f"optional({converted.text})", f"${param.name} as {type}")
            return Code(optional, "any", converted.depth + 1)
        return converted

    def _call_row(
        self, node: Expr, row: Row, needs: list[Code], args: list[Code], static: Any, type: StaticType
    ) -> Code:
        name = self.constant(f"{row.prefix}_{row.local}", row.implementation, ("row", row.uri, row.implementation))
        first: list[Code] = []
        remaining = iter(needs)
        for need in row.needs:
            if need == "dynamic":
                first.append(Code("context"))
            elif need == "static":
                first.append(Code(self.constant("static", static)))
            else:
                first.append(next(remaining))
        code = self.call(node, name, *first, *args)
        if row.result.low == row.result.high == 1:
            return Code(code.text, "item", code.depth)
        if type.single:
            if row.result.high == 1:
                return Code(code.text, "item", code.depth)
            return self.call(node, "the_item", code, form="item")
        return Code(f"given({code.text})", "any", code.depth + 1)

    def value_FocusValue(self, node: FocusValue) -> Code:
        """A tuple of item, position and last; empty where there is no focus, None for that of the run."""
        if not node.parts:
            return Code("None" if node.run else "()", "item", 0, True)
        return Code(f"({', '.join([self.value(part).text for part in node.parts])})", "item", 1)

    def value_Caller(self, node: Caller) -> Code:
        """The variables as they are, those of the prolog as the functions that compute them, and the context item."""
        local = [(key, read) for key, read in node.variables if not isinstance(read, GlobalRef)]
        prolog = [(key, read.variable) for key, read in node.variables if isinstance(read, GlobalRef)]
        entries = [f"{key!a}: Deferred({variable.var.python})" for key, variable in prolog]
        entries += [f"{key!a}: {self.value(read).text}" for key, read in local]
        item = "context.context_item" if node.run_item else "None"
        if node.item is not None:
            item = self.value(node.item).text
        static = self.constant("static", node.static)
        return Code(f"CallerScope({static}, {{{', '.join(entries)}}}, {item}, context.declared_functions)", "item", 2)

    def _mapped_builtin(self, node: BuiltinCall) -> Code:
        """1.0-ml's function mapping: one call for each item of an argument for a parameter of one item."""
        return self._mapped(
            node,
            node.args,
            node.mapped,
            lambda args: BuiltinCall(
                row=node.row,
                args=args,
                needs=node.needs,
                static=node.static,
                type=self.static_type(node.row.result),
                start=node.start,
                end=node.end,
            ),
        )

    def _mapped(
        self, node: Expr, args: list[Expr], mapped: tuple[int, ...], make: Callable[[list[Expr]], Expr]
    ) -> Code:
        """Loop over the arguments that are sequences; the call inside sees single items."""
        variables: list[Expr] = []
        codes = self.operands(args)
        loops: list[tuple[Var, Code]] = []
        for at, (arg, code) in enumerate(zip(args, codes, strict=True)):
            held = self.spill(code, "argument")
            if at in mapped and not arg.type.single:
                var = Var("item", self.temp("each"), arg.type.one(), True)
                loops.append((var, held))
            else:
                var = Var("argument", held.text, arg.type, held.form == "item")
            variables.append(VarRef(var=var, type=var.type, start=arg.start, end=arg.end))
        result = self.temp("mapped")
        self.out.line(f"{result} = []")
        call = make(variables)

        def nest(at: int) -> None:
            if at == len(loops):
                self.append(self.value(call), result)
                return
            var, held = loops[at]
            with self.out.block(f"for {var.python} in {self.as_items(held).text}:"):
                nest(at + 1)

        nest(0)
        return Code(result, "list", 0, True)

    # ------------------------------------------------------------------------------- built-ins with code of their own

    def fn_count(self, node: BuiltinCall) -> Code:
        return self.counted(node.args[0])

    def fn_exists(self, node: BuiltinCall) -> Code:
        return self.found(node.args[0])

    def fn_empty(self, node: BuiltinCall) -> Code:
        code = self.found(node.args[0])
        return Code("False" if code.text == "True" else f"(not {code.text})", "item", code.depth + 1)

    def fn_not(self, node: BuiltinCall) -> Code:
        code = self.truth(node.args[0])
        return Code(f"(not {code.text})", "item", code.depth + 1)

    def fn_boolean(self, node: BuiltinCall) -> Code:
        code = self.truth(node.args[0])
        return Code(f"bool({code.text})", "item", code.depth + 1)

    def fn_string(self, node: BuiltinCall) -> Code | None:
        if not node.args:
            return None
        arg = node.args[0]
        code = self.value(arg)
        if arg.type.single and code.form == "item":
            if arg.type.kind == "string":
                return self.call(node, "str", code, form="item") if not isinstance(arg, Literal) else code
            if arg.type.kind == "integer":
                return Code(f"str({code.text})", "item", code.depth + 1)
            return self.call(node, "string_of", code, form="item")
        return self.call(node, "string_or_empty", code, form="item")

    def fn_sum(self, node: BuiltinCall) -> Code | None:
        arg = node.args[0]
        # The sum of one item is that item, which may be of a type derived from xs:integer.
        if len(node.args) == 1 and arg.type.kind == "integer" and not arg.type.optional:
            code = self.items(arg)
            total = "sum" if code.text.startswith("[") else "sum_integers"
            return Code(f"{total}({code.text})", "item", code.depth + 1)
        return None

    def fn_contains(self, node: BuiltinCall) -> Code | None:
        return self._text_test(node, lambda text, part: f"({part} in {text})")

    def fn_starts_with(self, node: BuiltinCall) -> Code | None:
        return self._text_test(node, lambda text, part: f"{text}.startswith({part})")

    def fn_ends_with(self, node: BuiltinCall) -> Code | None:
        return self._text_test(node, lambda text, part: f"{text}.endswith({part})")

    def _text_test(self, node: BuiltinCall, write: Callable[[str, str], str]) -> Code | None:
        """A test of two strings by code points."""
        if len(node.args) != 2 or node.static.default_collation != CODEPOINT:
            return None
        codes = self.operands(node.args)
        texts: list[str] = []
        for at, (arg, code) in enumerate(zip(node.args, codes, strict=True)):
            text = self.argument(arg, code, node.row.param(at)).text
            known = arg.type.single and arg.type.kind == "string" and code.form == "item"
            texts.append(text if known else f"({text} or '')")
        return Code(write(*texts), "item", max(code.depth for code in codes) + 3)

    def fn_head(self, node: BuiltinCall) -> Code:
        code = self.value(node.args[0])
        return code if code.form == "item" else self.call(node, "head", code)

    def fn_string_join(self, node: BuiltinCall) -> Code | None:
        arg = node.args[0]
        if arg.type.kind != "string":
            return None
        separator = node.args[1] if len(node.args) == 2 else None
        if separator is not None and not (separator.type.single and separator.type.kind == "string"):
            return None
        codes = self.operands([arg, *([separator] if separator is not None else [])])
        items = self.as_items(codes[0])
        between = codes[1] if separator is not None else Code("''")
        return Code(f"{between.text}.join({items.text})", "item", items.depth + 1)

    def fn_string_length(self, node: BuiltinCall) -> Code | None:
        if len(node.args) == 1 and node.args[0].type.kind == "string" and node.args[0].type.single:
            code = self.value(node.args[0])
            if code.form == "item":
                return Code(f"len({code.text})", "item", code.depth + 1)
            return Code(f"len(the_item({code.text}))", "item", code.depth + 2)
        return None

    # ------------------------------------------------------------------------------------------------- declared calls

    def value_UserCall(self, node: UserCall) -> Code:
        function = node.function
        if node.mapping:
            return self._mapped(
                node,
                node.args,
                function.mapped,
                lambda args: UserCall(
                    function=function, args=args, type=function.result_type, start=node.start, end=node.end
                ),
            )
        codes = self.operands(node.args)
        args = [
            self.converted(arg, code, param.type, param.var.name)
            for arg, code, param in zip(node.args, codes, function.params, strict=True)
        ]
        form = "item" if function.result_type.single and function.result is not None else "any"
        return self.call(node, function.python, *args, form=form)

    def tail_UserCall(self, node: UserCall) -> None:
        """A call in tail position: of the function itself, its next turn; on a cycle, for the caller to make."""
        function = node.function
        bounces = self.function is not None and function in self.bouncing.get(self.function, ())
        if node.mapping or (function is not self.function and not bounces):
            self.out.line(f"return {self.result(node).text}")
            return
        codes = self.operands(node.args)
        args = [
            self.converted(arg, code, param.type, param.var.name)
            for arg, code, param in zip(node.args, codes, function.params, strict=True)
        ]
        if bounces:
            self.out.line(f"return Bounce({function.step}, ({''.join([f'{arg.text}, ' for arg in args])}))")
            return
        names = [param.var.python for param in function.params]
        changed = [(name, arg) for name, arg in zip(names, args, strict=True) if arg.text != name]
        if changed:
            self.out.line(f"{', '.join([name for name, _ in changed])} = {', '.join([arg.text for _, arg in changed])}")
        self.out.line("continue")

    def value_GlobalRef(self, node: GlobalRef) -> Code:
        variable = node.variable
        body = variable.body
        if isinstance(body, Literal) and not variable.external and not variable.var.assigned:
            return self.value_Literal(body)
        form = "item" if variable.var.type.single and variable.var.bare else "any"
        return Code(self.mark(node, f"{variable.var.python}()"), form, 1)

    # -------------------------------------------------------------------------------------------------- dynamic calls

    def value_DynamicCall(self, node: DynamicCall) -> Code:
        codes = self.operands([node.function, *node.args])
        function, args = codes[0], codes[1:]
        kind = node.function.type
        known = node.function.var.value if isinstance(node.function, VarRef) else None
        if len(args) == 1 and not (kind.is_a("function") and isinstance(known, FunctionValue)):
            return self.call(node, "call_one", function, *args)
        first, later = self.twice(function)
        if later.isdecimal():
            later = f"({later})"  # Python reads the point after a number as its own
        arity = len(args)
        direct = f"{later}.call if type({first}) is FunctionItem and {later}.arity == {arity}"
        chosen = f"({direct} else callable_of({later}, {arity}))"
        text = ", ".join([arg.text for arg in args])
        return Code(self.mark(node, f"{chosen}({text})"), "any", max(code.depth for code in codes) + 2)

    def tail_DynamicCall(self, node: DynamicCall) -> None:
        """A function's call of itself through a parameter is left to its caller."""
        if node not in self.handed_on:
            self.out.line(f"return {self.result(node).text}")
            return
        function, *args = self.operands([node.function, *node.args])
        given = "".join([f"{arg.text}, " for arg in args])
        self.out.line(f"return Bounce({self.mark(node, f'step_of({function.text}, {len(args)})')}, ({given}))")

    def value_PartialCall(self, node: PartialCall) -> Code:
        given = [arg for arg in node.args if arg is not None]
        codes = self.operands([node.function, *given])
        rest = iter(codes[1:])
        args = ", ".join(["PLACEHOLDER" if arg is None else next(rest).text for arg in node.args])
        text = f"partial_application({codes[0].text}, ({args},))"
        return Code(self.mark(node, text), "item", max(code.depth for code in codes) + 2)

    def value_UserFunctionRef(self, node: UserFunctionRef) -> Code:
        return Code(self.mark(node, f"{self.item_maker(node.function)}()"), "item", 1)

    def item_maker(self, function: Function) -> str:
        """The name of a generated function that makes the function item."""
        return f"{function.python}_item"

    def value_InlineFunction(self, node: InlineFunction) -> Code:
        """A call of a factory, whose parameters are the variables that the function captures."""
        captured = sorted({var.python for var in node.free if not var.is_global})
        factory = self.names.make(f"make_{node.python}")
        saved, saved_function = self.out, self.function
        self.out, self.function = FunctionWriter(), None
        try:
            names = [param.var.python for param in node.params]
            signature = self.signature(node.params, node.result)
            annotations = self.constant("annotations", node.annotations) if node.annotations else "()"
            handed_on = self_applications(node)
            self.handed_on |= handed_on
            step = self.names.make(f"{node.python}_step") if handed_on else node.python
            given = ", ".join(names)
            with self.out.block(f"def {step}({given}):"):
                self._convert_params(node.params, node.body)
                self._cells(node.params)
                self.body(node.body, node.result)
            self.out.nesting = 0
            if handed_on:
                self.out.line(f"def {node.python}({given}): return bounced({step}({given}))")
                annotations += f", {step}"
            name = "None" if node.name is None else self.constant("name", self.qname(*node.name))
            self.out.line(f"return FunctionItem({name}, {len(names)}, {signature}, {node.python}, {annotations})")
            self.finish(f"def {factory}({', '.join(captured)}):")
        finally:
            self.out, self.function = saved, saved_function
        return Code(f"{factory}({', '.join(captured)})", "item", 1)

    def value_VariadicItem(self, node: VariadicItem) -> Code:
        made = variadic_item(self.qname(*node.name), node.arity, node.row)
        return Code(self.constant(f"{node.row.prefix}_{node.row.local}_item", made), "item", 0, True)

    def qname(self, prefix: str, uri: str, local: str) -> Any:
        from elementpath.datatypes import QName

        return QName(uri, f"{prefix}:{local}" if prefix else local)

    def signature(self, params: list[Param], result: SequenceType | None) -> str:
        """The types of a function item as two arguments: its parameters' types and its result's, None for item()*."""
        types = tuple(param.type for param in params)
        known = "None" if not any(types) else self.constant("params", types, ("params", types))
        return f"{known}, {'None' if result is None else self.sequence_type(result)}"

    def _cells(self, params: list[Param]) -> None:
        """Put parameters that xdmp:set changes into cells."""
        for param in params:
            if param.var.assigned:
                self.out.line(f"{param.var.python} = [{param.var.python}]")

    def _convert_params(self, params: list[Param], body: Expr | None) -> None:
        """Function items convert their own arguments: their callers know nothing of their types."""
        start, end = (0, 0) if body is None else (body.start, body.end)
        for param in params:
            var = param.var
            if param.type is None or str(param.type) == "item()*":
                continue
            reference = VarRef(var=Var(var.name, var.python), type=ANY, start=start, end=end)
            code = self.converted(reference, Code(var.python, "any", 0, True), param.type, var.name)
            var.bare = code.form == "item"
            if code.text != var.python:
                self.out.line(f"{var.python} = {code.text}")

    def body(self, node: Expr, result: SequenceType | None) -> None:
        """The statements of a function's body, with its result converted to the declared type."""
        if result is None or str(result) == "item()*":
            self.tail(node)
            return
        code = self.converted(node, self.value(node), result)
        self.out.line(f"return {code.text}")

    # --------------------------------------------------------------------------------------------------- declarations

    def declared_function(self, function: Function) -> None:
        """The Python function of a declared one, and the maker of its item."""
        self.module = function.module
        self.out, self.function = FunctionWriter(), function
        names = [param.var.python for param in function.params]
        for param in function.params:
            param.var.bare = param.var.type.single and param.type is not None
        header = f"def {function.step or function.python}({', '.join(names)}):"
        if function.body is None:
            self.out.line(f"fail('XPST0017', {f'Function {function.display} is external and not known here'!a})")
        elif calls_itself(function):
            with self.out.block("while True:"):
                self._function_body(function)
        else:
            self._function_body(function)
        self.finish(header)
        self.function = None
        if function.step:
            given = ", ".join(names)
            self.out = FunctionWriter()
            self.out.line(f"return bounced({function.step}({given}))")
            self.finish(f"def {function.python}({given}):")
        self._function_item(function, names)

    def _function_body(self, function: Function) -> None:
        assert function.body is not None
        self._result_type = function.result
        self._cells(function.params)
        self.tail(function.body)
        self._result_type = None

    _result_type: SequenceType | None = None

    def result(self, node: Expr) -> Code:
        code = self.value(node)
        if self.function is None or self._result_type is None:
            return code
        if isinstance(node, UserCall) and node.function is self.function:
            return code
        return self.converted(node, code, self._result_type)

    def _function_item(self, function: Function, names: list[str]) -> None:
        self.out = FunctionWriter()
        signature = self.signature(function.params, function.result)
        written = function.display
        prefix = "" if written.startswith("Q{") else written.rpartition(":")[0]
        name = self.constant("name", self.qname(prefix, function.uri, function.local))
        annotations = self.constant("annotations", function.annotations) if function.annotations else "()"
        call = self._converting(function, function.python, names)
        step = f", {self._converting(function, function.step, names)}" if function.step else ""
        self.out.line(f"return FunctionItem({name}, {len(names)}, {signature}, {call}, {annotations}{step})")
        self.finish(f"def {self.item_maker(function)}():")

    def _converting(self, function: Function, python: str, names: list[str]) -> str:
        """A generated function that converts its arguments, as those of items do, before it calls another."""
        if all(param.type is None or str(param.type) == "item()*" for param in function.params):
            return python
        made = self.names.make(f"{python}_call")
        with self.out.block(f"def {made}({', '.join(names)}):"):
            self._convert_params(function.params, function.body)
            self.out.line(f"return {python}({', '.join(names)})")
        self.out.nesting = 0
        return made

    def declared_variable(self, variable: GlobalVariable) -> None:
        """A Python function that computes the variable's value at the first call and keeps it."""
        self.module = variable.module
        self.out, self.function = FunctionWriter(), None
        name = variable.var.python
        key = f"({variable.uri!a}, {variable.local!a})"
        with self.out.block(f"if {key} in known_variables:"):
            self.out.line(f"return known_variables[{key}]")
        place = Literal(value=0, start=variable.start, end=variable.end)
        self.out.line(self.mark(place, f"begin_variable({key}, known_variables, {variable.var.name!a})"))
        if variable.external:
            declared = "None" if variable.declared is None else self.sequence_type(variable.declared)
            with self.out.block(f"if {key} in context.variables:"):
                text = f"external_value(context, {key}, {declared}, {self.constant('static', variable.static)})"
                self.out.line(f"known_variables[{key}] = {self.mark(place, text)}")
                self.out.line(f"return known_variables[{key}]")
            if variable.body is None:
                self.out.line(self.mark(place, f"fail_unbound({variable.var.name!a})"))
        if variable.body is not None:
            code = self.value(variable.body)
            self.out.line(f"known_variables[{key}] = {code.text}")
            self.out.line(f"return known_variables[{key}]")
        self.finish(f"def {name}():")


_MAP: Final = "http://www.w3.org/2005/xpath-functions/map"

#: Function -> the type of its argument and the field of the Python object inside that it reads.
_DATE_FIELDS: Final = {
    "month-from-date": ("date", "month"),
    "day-from-date": ("date", "day"),
    "month-from-dateTime": ("dateTime", "month"),
    "day-from-dateTime": ("dateTime", "day"),
    "hours-from-dateTime": ("dateTime", "hour"),
    "minutes-from-dateTime": ("dateTime", "minute"),
    "hours-from-time": ("time", "hour"),
    "minutes-from-time": ("time", "minute"),
}

#: Item types that a static kind proves.
_FITTING: Final = {
    "item()",
    "node()",
    "element()",
    "attribute()",
    "text()",
    "xs:integer",
    "xs:string",
    "xs:double",
    "xs:boolean",
    "xs:decimal",
    "xs:numeric",
    "xs:anyAtomicType",
    "function(*)",
    "map(*)",
    "array(*)",
}


__all__ = ["FunctionCodegen", "is_inline"]
