"""Rows of cntk:variable, cntk:parameter and cntk:constant (cntk-functions.md, group variable).

A cntk:function stands for its output wherever a variable is declared.
"""

from __future__ import annotations

from collections.abc import Sequence

from xquery_bridge import compute
from xquery_bridge.compute import (
    UNKNOWN_AXES,
    UNKNOWN_SHAPE,
    Axis,
    CntkError,
    Constant,
    Device,
    Function,
    Parameter,
    Shape,
    Value,
    Variable,
    as_variable,
)
from xquery_bridge.compute.initializers import Initializer
from xquery_bridge.library.cntk.groups import VARIABLE

# -------------------------------------------------------------------------------------------------- making variables


def input_variable(
    shape: Shape,
    data_type: str,
    is_sparse: bool = False,
    needs_gradient: bool = False,
    name: str = "",
    dynamic_axes: Sequence[Axis] | None = None,
) -> Variable:
    """An input of a graph; without axes it has the default sequence axis, then the default batch axis."""
    # programs written for MarkLogic leave the data type empty where they only look at the graph
    return compute.input_variable(shape, data_type or "float", is_sparse, needs_gradient, name, dynamic_axes)


def output_variable(
    shape: Shape, data_type: str, dynamic_axes: Sequence[Axis], needs_gradient: bool = True, name: str = ""
) -> Variable:
    """An output that belongs to no function."""
    return compute.output_variable(shape, data_type, dynamic_axes, needs_gradient, name)


def placeholder_variable(
    shape: Shape = UNKNOWN_SHAPE,
    data_type: str = "unknown",
    name: str = "",
    dynamic_axes: Sequence[Axis] = UNKNOWN_AXES,
) -> Variable:
    """A variable of the inside of a block, for which another one stands outside."""
    return compute.placeholder(shape, data_type or "unknown", name, dynamic_axes)


def parameter(
    shape: Shape, data_type: str, initial: Initializer | float, device: Device | None = None, name: str = ""
) -> Parameter:
    """A learnable variable, filled by an initializer or by one number."""
    return compute.parameter(shape, data_type, initial, name)


def constant(shape: Shape, data_type: str, initial: float, device: Device | None = None, name: str = "") -> Constant:
    """A variable that training leaves alone, filled by one number."""
    return compute.constant(shape, data_type, initial, name)


def scalar(data_type: str, value: float, device: Device | None = None) -> Constant:
    """A constant without dimensions."""
    return compute.scalar(data_type, value)


def parameter_from_value(value: Value, name: str = "") -> Parameter:
    """A parameter with the numbers of a value."""
    return compute.parameter(value.shape, value.data_type, value.array, name)


def constant_from_value(value: Value, name: str = "") -> Constant:
    """A constant with the numbers of a value."""
    return compute.constant(value.shape, value.data_type, value.array, name)


VARIABLE.serve(
    "input-variable($shape as cntk:shape, $data-type as xs:string [, $is-sparse as xs:boolean,"
    " $needs-gradient as xs:boolean, $name as xs:string, $dynamic-axes as cntk:axis*]) as cntk:variable",
    input_variable,
)
VARIABLE.serve(
    "output-variable($shape as cntk:shape, $data-type as xs:string, $dynamic-axes as cntk:axis*"
    " [, $needs-gradient as xs:boolean, $name as xs:string]) as cntk:variable",
    output_variable,
)
VARIABLE.serve(
    "placeholder-variable([$shape as cntk:shape, $data-type as xs:string, $name as xs:string,"
    " $dynamic-axes as cntk:axis*]) as cntk:variable",
    placeholder_variable,
)
VARIABLE.serve(
    "parameter($shape as cntk:shape, $data-type as xs:string, $init as cntk:initializer [, $device as cntk:device,"
    " $name as xs:string]) as cntk:parameter",
    parameter,
)
VARIABLE.serve(
    "parameter-from-scalar($shape as cntk:shape, $data-type as xs:string, $init as xs:double [, $device as cntk:device,"
    " $name as xs:string]) as cntk:parameter",
    parameter,
)
VARIABLE.serve(
    "parameter-from-value($value as cntk:value [, $name as xs:string]) as cntk:parameter", parameter_from_value
)
VARIABLE.serve(
    "constant($shape as cntk:shape, $data-type as xs:string, $init as xs:double [, $device as cntk:device,"
    " $name as xs:string]) as cntk:constant",
    constant,
)
VARIABLE.serve("constant-from-value($value as cntk:value [, $name as xs:string]) as cntk:constant", constant_from_value)
VARIABLE.serve(
    "scalar($data-type as xs:string, $value as xs:double [, $device as cntk:device]) as cntk:constant", scalar
)

# ----------------------------------------------------------------------------------- values of parameters, constants


def nothing_to_record() -> None:
    """Does nothing: in CNTK a method of a variable, and no variable is given here."""


def value_of(variable: Variable | Function) -> Value:
    """A copy of the values that a parameter or constant has."""
    found = as_variable(variable)
    if not isinstance(found, (Parameter, Constant)):
        raise CntkError(f"Variable::Value: a parameter or constant was expected, '{found.as_string()}' came.")
    return found.value()


def time_stamp(variable: Variable | Function) -> int:
    """A number that grows with every change of the values of a parameter or constant."""
    found = as_variable(variable)
    if not isinstance(found, (Parameter, Constant)):
        raise CntkError(
            f"Variable::CurrentValueTimeStamp: a parameter or constant was expected, '{found.as_string()}' came."
        )
    return found.time_stamp


VARIABLE.serve("parameter-value($parameter as cntk:parameter) as cntk:value", Parameter.value)
VARIABLE.serve("constant-value($constant as cntk:constant) as cntk:value", Constant.value)
VARIABLE.serve("variable-value($variable as cntk:variable) as cntk:value", value_of)
VARIABLE.serve(
    "parameter-set-value($parameter as cntk:parameter, $value as cntk:value) as empty-sequence()", Parameter.set_value
)
VARIABLE.serve(
    "constant-set-value($constant as cntk:constant, $value as cntk:value) as empty-sequence()", Constant.set_value
)
VARIABLE.serve(
    "constant-clone-as($constant as cntk:constant, $data-type as xs:string) as cntk:constant", Constant.clone_as
)
VARIABLE.serve("parameter-record-value-update() as empty-sequence()", nothing_to_record)
VARIABLE.serve("constant-record-value-update() as empty-sequence()", nothing_to_record)
VARIABLE.serve(
    "variable-current-value-time-stamp($variable as cntk:variable) as xs:unsignedLong",
    time_stamp,
)

# ------------------------------------------------------------------------------------------------ facts on variables


def owner(variable: Variable | Function) -> Function:
    """The function whose output a variable is."""
    found = as_variable(variable)
    if found.owner is None:
        raise CntkError(f"Variable::Owner: the variable '{found.as_string()}' is not the output of a function.")
    return found.owner


def shape_of(variable: Variable | Function) -> Shape:
    """The shape of one sample."""
    return as_variable(variable).shape


def dynamic_axes_of(variable: Variable | Function) -> Sequence[Axis]:
    """The sequence axis, then the batch axis, those that there are."""
    return as_variable(variable).dynamic_axes


def data_type_of(variable: Variable | Function) -> str:
    """ "float", "double", or "unknown" for a placeholder."""
    return as_variable(variable).data_type


def kind_of(variable: Variable | Function) -> str:
    """Input, Output, Parameter, Constant or Placeholder."""
    return as_variable(variable).kind


def name_of(variable: Variable | Function) -> str:
    """The name given to the variable."""
    return as_variable(variable).name


def uid_of(variable: Variable | Function) -> str:
    """CNTK's identifier of the variable, unique in the request."""
    return as_variable(variable).uid


def text_of(variable: Variable | Function) -> str:
    """CNTK's own description: kind, name or uid, shape, axes."""
    return as_variable(variable).as_string()


def has_batch_axis(variable: Variable | Function) -> bool:
    """Whether there is a batch axis."""
    return as_variable(variable).has_batch_axis


def has_sequence_axis(variable: Variable | Function) -> bool:
    """Whether there is a sequence axis."""
    return as_variable(variable).has_sequence_axis


def needs_gradient(variable: Variable | Function) -> bool:
    """Whether training computes its gradient."""
    return as_variable(variable).needs_gradient


def is_sparse(variable: Variable | Function) -> bool:
    """Whether it was declared sparse."""
    return as_variable(variable).is_sparse


def is_initialized(variable: Variable | Function) -> bool:
    """Whether a parameter or constant has its values."""
    return as_variable(variable).is_initialized


def is_input(variable: Variable | Function) -> bool:
    """Whether it is an input."""
    return as_variable(variable).is_input


def is_output(variable: Variable | Function) -> bool:
    """Whether it is an output of a function."""
    return as_variable(variable).is_output


def is_parameter(variable: Variable | Function) -> bool:
    """Whether it is a parameter."""
    return as_variable(variable).is_parameter


def is_constant(variable: Variable | Function) -> bool:
    """Whether it is a constant."""
    return as_variable(variable).is_constant


def is_placeholder(variable: Variable | Function) -> bool:
    """Whether it is a placeholder."""
    return as_variable(variable).is_placeholder


VARIABLE.serve("variable-from-function($function as cntk:function) as cntk:variable", as_variable)
VARIABLE.serve("variable-owner($variable as cntk:variable) as cntk:function", owner)
VARIABLE.serve("variable-shape($variable as cntk:variable) as cntk:shape", shape_of)
VARIABLE.serve("variable-dynamic-axes($variable as cntk:variable) as cntk:axis*", dynamic_axes_of)
VARIABLE.serve("variable-data-type($variable as cntk:variable) as xs:string", data_type_of)
VARIABLE.serve("variable-kind($variable as cntk:variable) as xs:string", kind_of)
VARIABLE.serve("variable-name($variable as cntk:variable) as xs:string", name_of)
VARIABLE.serve("variable-uid($variable as cntk:variable) as xs:string", uid_of)
VARIABLE.serve("variable-as-string($variable as cntk:variable) as xs:string", text_of)
VARIABLE.serve("variable-has-batch-axis($variable as cntk:variable) as xs:boolean", has_batch_axis)
VARIABLE.serve("variable-has-sequence-axis($variable as cntk:variable) as xs:boolean", has_sequence_axis)
VARIABLE.serve("variable-needs-gradient($variable as cntk:variable) as xs:boolean", needs_gradient)
VARIABLE.serve("variable-is-sparse($variable as cntk:variable) as xs:boolean", is_sparse)
VARIABLE.serve("variable-is-initialized($variable as cntk:variable) as xs:boolean", is_initialized)
VARIABLE.serve("variable-is-input($variable as cntk:variable) as xs:boolean", is_input)
VARIABLE.serve("variable-is-output($variable as cntk:variable) as xs:boolean", is_output)
VARIABLE.serve("variable-is-parameter($variable as cntk:variable) as xs:boolean", is_parameter)
VARIABLE.serve("variable-is-constant($variable as cntk:variable) as xs:boolean", is_constant)
VARIABLE.serve("variable-is-placeholder($variable as cntk:variable) as xs:boolean", is_placeholder)
