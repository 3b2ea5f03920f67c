"""Operators that use shape and axes of an operand, not its values: ConstantOp, EyeLikeOp; and Cast.

Source: cntk-operators "Elementwise", CNTK's refusals.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Node, PlanBuilder
from ..tensor import Array
from ..value import DTYPES
from .operator import Operand, Operator, call, register

__all__ = ["cast", "constant_like", "eye_like", "ones_like", "zeros_like"]


class _ConstantOp(Operator):
    name = "ConstantOp"
    number = 89
    differentiable = False

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        value = float(node.attributes["fillValue"])
        out = plan.output(node, x.sample, x.layout, differentiable=False)
        plan.emit(lambda out: partial(out.fill, value), [], [out])


class _EyeLike(Operator):
    """Ones on the diagonal of a matrix, whose columns may be the samples of a batch."""

    name = "EyeLikeOp"
    number = 92
    differentiable = False

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[0]
        known = not operand.shape.is_unknown and not operand.has_unknown_axes
        if known and operand.shape.rank + len(operand.dynamic_axes) != 2:
            raise CntkError(
                f"EyeLike: Operand '{operand.as_string()}' must have exactly 2 axes including dynamic and static axes."
            )
        if known and operand.has_sequence_axis:
            raise CntkError(f"EyeLike: Operand '{operand.as_string()}' can not have sequence axis.")
        return super().infer(function)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        out = plan.output(node, x.sample, x.layout, differentiable=False)
        eye = np.eye(*x.shape, dtype=x.dtype)
        plan.emit(lambda out: partial(np.copyto, out, eye), [], [out])


class _Cast(Operator):
    name = "Cast"
    number = 91

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[0]
        return [Outcome(operand.shape, function.attributes["newDataType"], operand.dynamic_axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        out = plan.output(node, x.sample, x.layout, np.dtype(DTYPES[node.attributes["newDataType"]]))
        plan.emit(_converted, [x], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        plan.accumulate(node.inputs[0], _converted, [g])


def _converted(x: Array, out: Array) -> Any:
    return partial(np.copyto, out, x, "same_kind")


_CONSTANT_OP = _ConstantOp()
_EYE_LIKE = _EyeLike()
_CAST = _Cast()
register(_CONSTANT_OP, _EYE_LIKE, _CAST)


def constant_like(operand: Operand, fill_value: float, name: str = "") -> CompositeFunction:
    """One number everywhere, with shape and axes of the operand. CNTK: ConstantOp."""
    return call(_CONSTANT_OP, [operand], {"fillValue": float(fill_value)}, name)


def zeros_like(operand: Operand, name: str = "") -> CompositeFunction:
    """Zeros with shape and axes of the operand. CNTK: ConstantOp."""
    return constant_like(operand, 0.0, name)


def ones_like(operand: Operand, name: str = "") -> CompositeFunction:
    """Ones with shape and axes of the operand. CNTK: ConstantOp."""
    return constant_like(operand, 1.0, name)


def eye_like(operand: Operand, is_output_sparse: bool = True, name: str = "") -> CompositeFunction:
    """Ones on the diagonal of a matrix (a vector with a batch axis counts as one). CNTK: EyeLikeOp."""
    return call(_EYE_LIKE, [operand], {"OutputSparse": bool(is_output_sparse)}, name)


def cast(operand: Operand, data_type: str, name: str = "") -> CompositeFunction:
    """The operand in another data type, "float" or "double"."""
    if data_type not in DTYPES:
        raise CntkError(f'Cast: the data type must be "float" or "double", "{data_type}" came.')
    return call(_CAST, [operand], {"newDataType": data_type}, name)
