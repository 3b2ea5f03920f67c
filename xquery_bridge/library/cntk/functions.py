"""Rows of cntk:function: evaluation, parts, and graphs put together (cntk-functions.md, groups function and graph)."""

from __future__ import annotations

from collections.abc import Sequence

from xquery_bridge import compute
from xquery_bridge.compute import Constant, Device, Function, Parameter, Value, Variable
from xquery_bridge.compute.graph import leaves_of
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk import arrays
from xquery_bridge.library.cntk.groups import FUNCTION, GRAPH
from xquery_bridge.runtime.json_items import JsonArray


def evaluate(
    model: Function, values: JsonArray, outputs: Sequence[Operand], device: Device | None = None
) -> list[Value]:
    """The values of outputs for these values of the arguments; a function among the outputs stands for all its own."""
    return compute.evaluate(model, arrays.bindings("cntk:evaluate", values), outputs)


def arguments(model: Function, row_major: bool = False) -> list[Variable]:
    """The inputs that are neither parameters nor constants; in row-major order operands of products are exchanged."""
    if not row_major:
        return model.arguments
    leaves = leaves_of(model.root_function, python_order=True)
    return [leaf for leaf in leaves if not isinstance(leaf, (Parameter, Constant))]


def constants(model: Function) -> list[Constant]:
    """The constants of the graph, depth first."""
    return model.constants


def parameters(model: Function) -> list[Parameter]:
    """The parameters of the graph, depth first."""
    return model.parameters


def output(model: Function) -> Variable:
    """The only output; refused where there are several."""
    return model.output


def outputs(model: Function) -> list[Variable]:
    """All outputs."""
    return model.outputs


def name(model: Function) -> str:
    """The name given to the function."""
    return model.name


def op_name(model: Function) -> str:
    """CNTK's operator name; that of any composite is CompositeFunctionOpName."""
    return model.op_name


def is_block(model: Function) -> bool:
    """Whether it is a named subgraph."""
    return model.is_block


def is_composite(model: Function) -> bool:
    """Whether it is a graph seen from its root, as every function that a call returns."""
    return model.is_composite


def is_primitive(model: Function) -> bool:
    """Whether it is one operator."""
    return model.is_primitive


def of_variable(variable: Operand) -> Function:
    """A variable as a function of one output. CNTK: Combine."""
    return compute.combine([variable])


FUNCTION.serve(
    "evaluate($model as cntk:function, $input-variable-value-map as json:array, $output-variables as cntk:variable*"
    " [, $device as cntk:device]) as cntk:value*",
    evaluate,
)
FUNCTION.serve("function-arguments($model as cntk:function [, $rowMajor as xs:boolean]) as cntk:variable*", arguments)
FUNCTION.serve("function-constants($model as cntk:function) as cntk:constant*", constants)
FUNCTION.serve("function-parameters($model as cntk:function) as cntk:parameter*", parameters)
FUNCTION.serve("function-output($model as cntk:function) as cntk:variable", output)
FUNCTION.serve("function-outputs($model as cntk:function) as cntk:variable*", outputs)
FUNCTION.serve("function-name($model as cntk:function) as xs:string", name)
FUNCTION.serve("function-op-name($model as cntk:function) as xs:string", op_name)
FUNCTION.serve("function-is-block($model as cntk:function) as xs:boolean", is_block)
FUNCTION.serve("function-is-composite($model as cntk:function) as xs:boolean", is_composite)
FUNCTION.serve("function-is-primitive($model as cntk:function) as xs:boolean", is_primitive)
FUNCTION.serve("function-from-variable($variable as cntk:variable) as cntk:function", of_variable)

# ------------------------------------------------------------------------------------------------- putting together


def as_block(composite: Function, pairs: JsonArray, op_name: str, name: str = "") -> Function:
    """A composite over placeholders as one named function; pairs say which variable stands for each placeholder."""
    mapping = arrays.variable_pairs("cntk:as-block", pairs)
    return compute.as_block(composite, dict(mapping), op_name, name)


GRAPH.serve("alias($operands as cntk:variable [, $name as xs:string]) as cntk:function", compute.alias)
GRAPH.serve(
    "as-block($composite as cntk:function, $arguments-map as json:array, $block-op-name as xs:string"
    " [, $block-name as xs:string]) as cntk:function",
    as_block,
)
GRAPH.serve(
    "as-composite($root-function as cntk:function [, $name as xs:string]) as cntk:function", compute.as_composite
)
GRAPH.serve("combine($operands as cntk:variable* [, $name as xs:string]) as cntk:function", compute.combine)
GRAPH.serve(
    "reconcile-dynamic-axes($x as cntk:variable, $axes-as-operand as cntk:variable [, $name as xs:string])"
    " as cntk:function",
    compute.reconcile_dynamic_axes,
)
GRAPH.serve("stop-gradient($operand as cntk:variable [, $name as xs:string]) as cntk:function", compute.stop_gradient)
GRAPH.serve(
    "assign($ref as cntk:variable, $input as cntk:variable [, $name as xs:string]) as cntk:function",
    compute.assign,
)
GRAPH.serve(
    "custom-proxy-op($operands as cntk:variable*, $output-shape as cntk:shape, $output-type as xs:string"
    " [, $name as xs:string]) as cntk:function",
    compute.custom_proxy_op,
)
