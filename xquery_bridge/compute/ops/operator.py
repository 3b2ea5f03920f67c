"""The operator: one class, or one row of a table, with everything about it. See the package for how to add one."""

from __future__ import annotations

from collections.abc import Sequence

from ..axis import UNKNOWN_AXES, DynamicAxes, axes_string
from ..errors import CntkError
from ..graph import BlockFunction, Function, Outcome, PrimitiveFunction, as_variable, call
from ..plan import FUSED_BLOCKS, Node, PlanBuilder
from ..shape import FREE, INFERRED, UNKNOWN_SHAPE, Shape
from ..variable import Constant, Parameter, Variable

__all__ = [
    "OPERATORS",
    "Function",
    "Node",
    "Operand",
    "Operator",
    "Outcome",
    "PlanBuilder",
    "PrimitiveFunction",
    "as_variable_list",
    "broadcast_shape",
    "call",
    "common_axes",
    "fuse",
    "register",
]

Operand = Variable | Function

OPERATORS: dict[str, Operator] = {}
"""Every primitive operator by CNTK's name; model files are read with it."""


class Operator:
    """An operator.

    Attributes:
        name: CNTK's operator name.
        number: CNTK's number of it, `op` in a model file.
        differentiable: False where CNTK has no gradient; the gradient rule is then never called.
        is_view: the outputs are views of the operand (`reshaped`, `sliced`), which need no gradient rule.
        uses_steps: needs to know the steps of sequences, so it cannot stand inside a recurrent loop.
        is_elementwise: broadcasts, so an operand with shape and dynamic axes says the shape while others are unknown.
        dynamic_layout: gives a layout that depends on data.
        helper_ids: further uids that CNTK uses up when it infers the output.
    """

    name = ""
    number = -1
    differentiable = True
    is_view = False
    uses_steps = False
    dynamic_layout = False
    is_elementwise = False
    helper_ids = 0
    passes_operands = False

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        """Outputs for the operands at hand.

        While operands are unknown the output is unknown; else `shape(function)` says the shape.
        """
        data_type = function.check_data_types()
        axes = common_axes(function)
        unknown = [v.shape.is_unknown for v in function.operands]
        if any(unknown) and not (self.is_elementwise and any(_is_settled(v) for v in function.operands)):
            return [Outcome(UNKNOWN_SHAPE, data_type, axes)]
        return [Outcome(self.shape(function), data_type, axes)]

    def shape(self, function: PrimitiveFunction) -> Shape:
        """Shape of the only output; the first operand's, unless said otherwise."""
        return function.operands[0].shape

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        """Makes the outputs (`plan.output`) and emits the instructions that fill them."""
        raise CntkError(f"{self.name}: this operator has no forward pass.")

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        """Emits the contributions to the gradients of the operands that `plan.wants`."""
        raise CntkError(f"{self.name}: this operator has no gradient.")

    def layout_depends_on_data(self, function: Function) -> bool:
        """Whether the plan must know data to lay out the output: it is then made anew for each evaluation."""
        return self.dynamic_layout

    def accepts(self, block: BlockFunction) -> bool:
        """For an operator that computes a block as a whole: whether it can compute this one."""
        return True


def _is_settled(operand: Variable) -> bool:
    return not operand.shape.is_unknown and bool(operand.dynamic_axes) and operand.dynamic_axes != UNKNOWN_AXES


def register(*operators: Operator) -> None:
    """Puts operators into the table."""
    for operator in operators:
        OPERATORS[operator.name] = operator


def fuse(op_name: str, operator: Operator) -> None:
    """Lets an operator compute every block of an operator name which it accepts."""
    FUSED_BLOCKS[op_name] = operator


def common_axes(function: PrimitiveFunction) -> DynamicAxes:
    """The dynamic axes of the operands: those of the first that has any.

    Raises:
        CntkError: two operands have different ones.
    """
    axes: DynamicAxes = ()
    unknown = False
    for operand in function.operands:
        if operand.dynamic_axes == UNKNOWN_AXES:
            unknown = True
        elif operand.dynamic_axes and not axes:
            axes = operand.dynamic_axes
        elif operand.dynamic_axes and operand.dynamic_axes != axes:
            raise CntkError(
                f"Operation '{function.op_name}': Operand '{operand.as_string()}' has dynamic axes, that do not match "
                f"the dynamic axes '{axes_string(axes)}' of the other operands."
            )
    return axes or (UNKNOWN_AXES if unknown else ())


def broadcast_shape(name: str, operands: Sequence[Variable]) -> Shape:
    """The shape of an elementwise operation: aligned at the first dimension, ones stretch.

    Inferred dimensions of parameters and constants are taken from the other operands.
    """
    known = [v for v in operands if not v.shape.is_unknown]
    rank = max(v.shape.rank for v in known)
    dimensions: list[int] = []
    for i in range(rank):
        found = 1
        for operand in known:
            d = operand.shape[i] if i < operand.shape.rank else 1
            if d in (INFERRED, 1):
                if d == INFERRED and found == 1:
                    found = INFERRED
                continue
            if found in (1, INFERRED):
                found = d
            elif FREE in (d, found):
                found = d if found == FREE else found
            elif d != found:
                _refuse_broadcast(name, known)
        dimensions.append(found)
    shape = Shape(dimensions)
    for operand in known:
        if operand.shape.has_inferred_dimension and isinstance(operand, (Parameter, Constant)):
            operand.infer_shape(Shape(shape[i] if d == INFERRED else d for i, d in enumerate(operand.shape)))
    return shape


def _refuse_broadcast(name: str, operands: Sequence[Variable]) -> None:
    left = operands[0]
    right = next((v for v in operands[1:] if v.shape != left.shape), operands[-1])
    raise CntkError(
        f"Binary elementwise operation {name}: Left operand '{left.as_string()}' shape '{left.shape}' is not "
        f"compatible with right operand '{right.as_string()}' shape '{right.shape}'."
    )


def as_variable_list(operands: Sequence[Operand]) -> list[Variable]:
    """The operands as variables."""
    return [as_variable(v) for v in operands]
