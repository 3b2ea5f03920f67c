"""Between static and batch axes: ToBatchAxis, UnpackBatchAxis. Source: cntk-operators "Shapes", CNTK's refusals."""

from __future__ import annotations

from ..axis import UNKNOWN_AXES, Axis
from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Node, PlanBuilder
from ..shape import FREE, UNKNOWN_SHAPE, Shape
from .operator import Operand, Operator, call, register

__all__ = ["to_batch", "unpack_batch"]


class _ToBatch(Operator):
    name = "ToBatchAxis"
    number = 80
    is_view = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[0]
        axes = (Axis.default_batch(),)
        if operand.dynamic_axes and not operand.has_unknown_axes:
            raise CntkError("ToBatch: the input should not have dynamic axis.")
        if operand.shape.is_unknown:
            return [Outcome(UNKNOWN_SHAPE, operand.data_type, axes)]
        if operand.shape.rank == 0:
            raise CntkError("ToBatch: the input can not be scalar.")
        return [Outcome(Shape(operand.shape[:-1]), operand.data_type, axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        if x.layout is not None:
            raise CntkError("ToBatch: the input should not have dynamic axis.")
        node.outputs.append(x.derived(x.shape, lambda a: a, plan.batch_layout(x.shape[0])))


class _UnpackBatch(Operator):
    name = "UnpackBatchAxis"
    number = 79
    is_view = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[0]
        if operand.dynamic_axes != UNKNOWN_AXES and operand.dynamic_axes != (Axis.default_batch(),):
            raise CntkError("UnpackBatch: only support input with batch axis and no sequence axis.")
        shape = operand.shape if operand.shape.is_unknown else operand.shape.append((FREE,))
        return [Outcome(shape, operand.data_type, ())]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        node.outputs.append(x.derived(x.shape, lambda a: a, None))


_TO_BATCH = _ToBatch()
_UNPACK_BATCH = _UnpackBatch()
register(_TO_BATCH, _UNPACK_BATCH)


def to_batch(operand: Operand, name: str = "") -> CompositeFunction:
    """The last dimension of an operand without dynamic axes as the batch axis."""
    return call(_TO_BATCH, [operand], {}, name)


def unpack_batch(operand: Operand, name: str = "") -> CompositeFunction:
    """The batch axis as a free last dimension."""
    return call(_UNPACK_BATCH, [operand], {}, name)
