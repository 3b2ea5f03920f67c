"""Convolution along the sequence axis: sequences are unpacked, convolved over their steps, and made sequences again.

The graph is CNTK's (cntk-operators "Convolution and pooling", sequential), so is the meaning: short sequences are
padded with zeros, and each keeps as many steps as it would have by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..axis import UNKNOWN_AXES, Axis
from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction, as_variable
from ..kernels.window import sliding_window
from ..plan import Node, PlanBuilder
from ..shape import Shape
from ..tensor import Tensor
from .convolution import CONVOLUTION
from .operator import Operand, Operator, call, register
from .reshaping import stop_gradient, transpose_axes
from .sequences import sequence_unpack, to_sequence

__all__ = ["sequential_convolution"]


class _ConvolutionSequenceShape(Operator):
    """How many steps each sequence has after a convolution; known from the numbers of steps alone."""

    name = "ConvolutionSequenceShape"
    number = 97
    differentiable = False
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[1]
        axes = operand.dynamic_axes
        batch = axes if axes == UNKNOWN_AXES else tuple(a for a in axes if not a.is_sequence)
        return [Outcome(Shape((1,)), operand.data_type, batch)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        kernel, x = node.inputs
        assert x.layout is not None
        along = len(x.sample) - 1  # the last spatial dimension of the kernel
        taps = kernel.sample[::-1][along]

        def option(name: str) -> Any:
            values = node.attributes[name]
            return values[min(along, len(values) - 1)]

        def steps(length: int) -> int:
            options = [option(k) for k in ("strides", "autoPadding", "lowerPad", "upperPad", "dilation")]
            try:
                return sliding_window(length, taps, *options).output
            except ValueError as error:
                raise CntkError(f"{self.name}: a sequence of {length} steps: {error}") from error

        lengths, places = np.unique(x.layout.steps, return_inverse=True)
        found = np.array([steps(int(n)) for n in lengths], x.dtype)[places].reshape(-1, 1)
        layout = plan.batch_layout(x.layout.count)
        node.outputs.append(Tensor(found.shape, x.dtype, layout, array=found))


_SEQUENCE_SHAPE = _ConvolutionSequenceShape()
register(_SEQUENCE_SHAPE)


def sequential_convolution(
    convolution_map: Operand, operand: Operand, attributes: dict[str, Any], name: str = ""
) -> CompositeFunction:
    """A convolution whose last spatial dimension runs along the sequence axis.

    Args:
        convolution_map: [k1 x … x kn x C x M].
        operand: [d1 x … x d(n-1) x C] with a sequence axis, which stands for the n-th spatial dimension.
        attributes: those of the convolution.
    Returns:
        [o1 x … x o(n-1) x M] on a new sequence axis.
    """
    kernel, x = as_variable(convolution_map), as_variable(operand)
    steps, channels = Axis.static(x.shape.rank), Axis.static(x.shape.rank - 1)
    samples = transpose_axes(sequence_unpack(x, 0.0, True), steps, channels)
    convolved = call(CONVOLUTION, [kernel, samples], {**attributes, "sequential": False})
    settled = {**convolved.root_function.attributes, "sequential": True}
    lengths = call(_SEQUENCE_SHAPE, [kernel, x], settled, f"{name}_sequence_shape")
    result = transpose_axes(convolved, steps, channels)
    return to_sequence(result, "ConvOverSequenceAxisPrefix", stop_gradient(lengths), name)
