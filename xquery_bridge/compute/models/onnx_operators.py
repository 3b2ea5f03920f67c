"""Operators that CNTK and ONNX both have as they are: a row each, read in both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ..graph import Function
from ..ops import binary, blocks, elementwise

__all__ = ["ACTIVATIONS", "BINARY", "REDUCTIONS", "UNARY", "Activation", "Reduction", "Same"]


class Same(NamedTuple):
    """An operator without attributes.

    Attributes:
        cntk: CNTK's operator name, of a primitive or a block; "" where CNTK has no operator of its own for it.
        onnx: ONNX' name.
        function: makes it.
        gives_truth: ONNX' result is a truth value, CNTK's 0 or 1.
        takes_truth: ONNX' operands are truth values, CNTK's numbers, true above 0.
    """

    cntk: str
    onnx: str
    function: Callable[..., Function]
    gives_truth: bool = False
    takes_truth: bool = False


UNARY: Final = (
    Same("Abs", "Abs", elementwise.abs),
    Same("Acos", "Acos", elementwise.acos),
    Same("Asin", "Asin", elementwise.asin),
    Same("Asinh", "Asinh", elementwise.asinh),
    Same("Atan", "Atan", elementwise.atan),
    Same("Atanh", "Atanh", elementwise.atanh),
    Same("", "Ceil", blocks.ceil),
    Same("Cos", "Cos", elementwise.cos),
    Same("Cosh", "Cosh", elementwise.cosh),
    Same("Exp", "Exp", elementwise.exp),
    Same("Floor", "Floor", elementwise.floor),
    Same("Log", "Log", elementwise.log),
    Same("Negate", "Neg", elementwise.negate),
    Same("Not", "Not", blocks.element_not, True, True),
    Same("ReLU", "Relu", elementwise.relu),
    Same("Reciprocal", "Reciprocal", elementwise.reciprocal),
    Same("Sin", "Sin", elementwise.sin),
    Same("Sinh", "Sinh", elementwise.sinh),
    Same("Softplus", "Softplus", blocks.softplus),
    Same("Softsign", "Softsign", blocks.softsign),
    Same("Sqrt", "Sqrt", elementwise.sqrt),
    Same("StableSigmoid", "Sigmoid", elementwise.sigmoid),
    Same("Tan", "Tan", elementwise.tan),
    Same("Tanh", "Tanh", elementwise.tanh),
)

BINARY: Final = (
    Same("And", "And", blocks.element_and, True, True),
    Same("ElementDivide", "Div", blocks.element_divide),
    Same("ElementTimes", "Mul", binary.element_times),
    Same("Equal", "Equal", binary.equal, True),
    Same("Greater", "Greater", binary.greater, True),
    Same("GreaterEqual", "GreaterOrEqual", binary.greater_equal, True),
    Same("Less", "Less", binary.less, True),
    Same("LessEqual", "LessOrEqual", binary.less_equal, True),
    Same("Minus", "Sub", binary.minus),
    Same("Or", "Or", blocks.element_or, True, True),
    Same("Plus", "Add", binary.plus),
    Same("Pow", "Pow", binary.pow),
    Same("Xor", "Xor", blocks.element_xor, True, True),
)


class Reduction(NamedTuple):
    """A reduction: ONNX' name, CNTK's operation, and what is computed before and after it."""

    onnx: str
    operation: str
    before: Callable[..., Function] | None = None
    after: Callable[..., Function] | None = None


REDUCTIONS: Final = (
    Reduction("ReduceSum", "Sum"),
    Reduction("ReduceMean", "Mean"),
    Reduction("ReduceMax", "Max"),
    Reduction("ReduceMin", "Min"),
    Reduction("ReduceProd", "Prod"),
    Reduction("ReduceLogSumExp", "LogSum"),
    Reduction("ReduceL1", "Sum", elementwise.abs),
    Reduction("ReduceL2", "Sum", binary.square, elementwise.sqrt),
    Reduction("ReduceSumSquare", "Sum", binary.square),
    Reduction("ReduceLogSum", "Sum", None, elementwise.log),
)
"""The first of the rows with an operation is what it is written as."""


class Activation(NamedTuple):
    """An activation of a recurrent cell: ONNX' name, CNTK's operator name, what makes it."""

    onnx: str
    cntk: str
    function: Callable[..., Function]


ACTIVATIONS: Final = (
    Activation("Sigmoid", "StableSigmoid", elementwise.sigmoid),
    Activation("Tanh", "Tanh", elementwise.tanh),
    Activation("Relu", "ReLU", elementwise.relu),
    Activation("Softplus", "Softplus", blocks.softplus),
    Activation("Softsign", "Softsign", blocks.softsign),
)
