"""Assign, which writes a value into a parameter or constant, and CustomProxyOp, which stands for code of others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Call, Node, PlanBuilder
from ..shape import Shape
from ..tensor import Array
from ..value import DTYPES
from ..variable import Constant, Parameter
from .operator import Operand, Operator, as_variable_list, call, common_axes, register

__all__ = ["assign", "custom_proxy_op"]


class _Assign(Operator):
    """The second operand; the first one has it as its value when the evaluation or training step has succeeded."""

    name = "Assign"
    number = 73

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        if any(v.dynamic_axes and not v.has_unknown_axes for v in function.operands):
            operands = ", ".join(v.as_string() for v in function.operands)
            raise CntkError(f"AssignNode: None of the operands '{operands}' can have dynamic axes.")
        return super().infer(function)

    def shape(self, function: PrimitiveFunction) -> Shape:
        target, value = (v.shape for v in function.operands)
        if target != value:
            raise CntkError("AssignNode: All inputs should have same sample layout.")
        return target

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        variable = node.function.operands[0]
        while variable.is_placeholder and variable.block_mapping is not None:
            variable = variable.block_mapping
        if not isinstance(variable, (Parameter, Constant)):
            raise CntkError(f"Assign: a parameter or constant to write to was expected, '{variable.as_string()}' came.")
        value = node.inputs[1]
        out = plan.output(node, value.sample, None)
        out.needs_gradient = value.needs_gradient
        kept = np.empty(value.shape, value.dtype)
        plan.emit(lambda v, out: [partial(np.copyto, out, v), partial(np.copyto, kept, v)], [value], [out])

        def commit() -> None:
            variable.data = kept
            variable.record_value_update()

        plan.on_commit(commit)

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        if plan.wants(node.inputs[1]):
            plan.accumulate(node.inputs[1], _copied, [g])


def _copied(g: Array, out: Array) -> Call:
    return partial(np.copyto, out, g)


class _CustomProxy(Operator):
    """An operator of which only the shape of the output is known."""

    name = "CustomProxyOp"
    number = 93
    differentiable = False

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        attributes = function.attributes
        return [Outcome(Shape(attributes["outputShape"]), attributes["newDataType"], common_axes(function))]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        raise CntkError(
            f"CustomProxyOp '{node.function.uid}' stands for an operation that is not here: it can be built and saved, "
            "not evaluated."
        )


_ASSIGN = _Assign()
_CUSTOM_PROXY = _CustomProxy()
register(_ASSIGN, _CUSTOM_PROXY)


def assign(target: Operand, value: Operand, name: str = "") -> CompositeFunction:
    """The value, which the target (a parameter or constant) takes over once the evaluation has succeeded."""
    return call(_ASSIGN, [target, value], {}, name)


def custom_proxy_op(
    operands: Sequence[Operand], output_shape: Sequence[int], output_type: str, name: str = ""
) -> CompositeFunction:
    """A place for an operation of others: it has a shape and a data type, and is refused on evaluation."""
    if output_type not in DTYPES:
        raise CntkError(f'CustomProxyOp: the data type must be "float" or "double", "{output_type}" came.')
    attributes = {"customOp": name, "outputShape": Shape(output_shape), "newDataType": output_type}
    return call(_CUSTOM_PROXY, as_variable_list(operands), attributes, name)
