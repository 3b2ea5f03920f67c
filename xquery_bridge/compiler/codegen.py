"""The whole program as Python source: one function for each declared function and variable, and `main`."""

from __future__ import annotations

import itertools
import types
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakValueDictionary

from xquery_bridge.compiler.codegen_functions import FunctionCodegen
from xquery_bridge.compiler.ir.node import EFFECTS
from xquery_bridge.compiler.program import Program
from xquery_bridge.compiler.rewrite import rewrite
from xquery_bridge.compiler.scope import PlaceTable
from xquery_bridge.compiler.tail_calls import bouncing, self_applications
from xquery_bridge.compiler.writer import FunctionWriter, Place, Source
from xquery_bridge.runtime.context import StaticContext

_serials = itertools.count(1)


@dataclass(eq=False, slots=True, weakref_slot=True)
class Generated:
    """A compiled program: its Python source, code object, the constants it refers to, and the way back to the query.

    `modules` maps module names to their source places, `operations` the Python names of declared functions to what the
    frames of an error say of them. Nothing is kept of the trees the program was made from: a cache holds many programs,
    and every full garbage collection looks at each of their objects.
    """

    static: StaticContext
    source: Source
    code: types.CodeType
    constants: dict[str, Any]
    modules: dict[str, PlaceTable]
    operations: dict[str, str]

    def place(self, line: int, column: int | None, end_column: int | None) -> Place | None:
        """The query's expression whose code stands at this place of the Python source."""
        return self.source.place(line, column, end_column)

    def place_of(self, code: types.CodeType, instruction: int, line: int) -> Place | None:
        """The query's expression that an instruction of the program's code is about; `line` where it does not say."""
        unknown = (None, None, None, None)
        begin, _, column, end_column = next(itertools.islice(code.co_positions(), instruction // 2, None), unknown)
        if begin is None:
            return self.place(line, None, None)
        return self.place(begin, column, end_column) or self.place(begin, None, None)


#: File name of generated code -> the program, so that a traceback finds its way back.
GENERATED: Final[WeakValueDictionary[str, Generated]] = WeakValueDictionary()


def generate(program: Program, *, rewriting: bool = True) -> Generated:
    """Write a program as Python source and compile it, rewritten for speed unless it shall stay as is; uses it up."""
    if rewriting:
        rewrite(program)
    constants: dict[str, Any] = {}
    codegen = FunctionCodegen(program, constants)
    for variable in program.variables:
        codegen.declared_variable(variable)
    codegen.bouncing = bouncing(program.functions)
    for function in program.functions:
        handed_on = self_applications(function)
        codegen.handed_on |= handed_on
        if handed_on or function in codegen.bouncing:
            function.step = program.names.make(f"{function.python}_step")
    for function in program.functions:
        codegen.declared_function(function)
    _main(codegen, program)
    source = codegen.source
    for header, lines in codegen.finished:
        source.add(0, header)
        for indent, text in lines:
            source.add(indent, text)
        source.add(0, "")
    filename = f"<query {next(_serials)}>"
    code = compile(source.text, filename, "exec", dont_inherit=True)
    operations = {
        name: f"{function.display}#{function.arity}"
        for function in program.functions
        for name in (function.python, function.step)
        if name
    }
    made = Generated(program.static, source, code, constants, program.places, operations)
    GENERATED[filename] = made
    for function in program.functions:  # those that call each other would stay until the garbage collector finds them
        function.body = None
    return made


def _main(codegen: FunctionCodegen, program: Program) -> None:
    codegen.module = program.main
    codegen.out, codegen.function = FunctionWriter(), None
    out = codegen.out
    if program.functions:
        makers = ", ".join(
            [
                f"({function.uri!a}, {function.local!a}, {function.arity}): {codegen.item_maker(function)}"
                for function in program.functions
            ]
        )
        out.line(f"context.declared_functions = {{{makers}}}")
    if program.context_value is not None:
        head = "if context.context_item is None:" if program.context_external else "if True:"
        with out.block(head):
            code = codegen.value(program.context_value)
            out.line(f"context.context_item = {codegen.mark(program.context_value, f'one_context_item({code.text})')}")
    for type in program.context_types:
        constant = codegen.sequence_type(type)
        with out.block("if context.context_item is not None:"):
            out.line(f"treat_as({constant}, context.context_item, 'XPTY0004')")
    for variable in program.variables:
        if variable.body is not None and variable.body.purity == EFFECTS:
            out.line(f"{variable.var.python}()")
    codegen.tail(program.body)
    codegen.finish("def main():")
