"""Elementwise operators of one operand: a table of name, number, forward rule and derivative.

Numbers follow cntk-semantics section 3: Log is clamped, Sqrt of a negative number and Reciprocal of 0 are 0, the
gradient of Tan is taken at the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..graph import CompositeFunction
from ..plan import Call, Splits
from ..tensor import Array, number_like
from .operator import Node, Operand, Operator, PlanBuilder, call, register

__all__ = [
    "abs",
    "acos",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "elu_primitive",
    "exp",
    "floor",
    "log",
    "negate",
    "reciprocal",
    "relu",
    "sigmoid",
    "sin",
    "sinh",
    "sqrt",
    "straight_through",
    "tan",
    "tanh",
]

Forward = Callable[[Array, Array], list[Call]]
"""`forward(x, out)`: calls that fill `out`; `out` may be `x` itself."""
Derivative = Callable[[Array, Array, Array], list[Call]]
"""`derivative(g, v, dx)`: calls that fill `dx` from the gradient g and the operand or the result v."""


class Elementwise(Operator):
    """An operator on each element.

    Args:
        derivative_of: "x" or "y", which array the derivative is computed from; "" where it is not differentiable.
        in_place: the forward rule may write over its operand.
    """

    def __init__(
        self,
        name: str,
        number: int,
        forward: Forward,
        derivative: Derivative | None = None,
        derivative_of: str = "x",
        in_place: bool = True,
    ) -> None:
        self.name = name
        self.number = number
        self.rule = forward
        self.derivative = derivative
        self.derivative_of = derivative_of
        self.differentiable = derivative is not None
        self.in_place = in_place

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        out = plan.output(node, x.sample, x.layout, differentiable=self.differentiable)
        plan.emit(self.rule, [x], [out], self.in_place, splits=Splits.ELEMENTS)

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        if self.derivative is None or g is None:
            return
        v = node.inputs[0] if self.derivative_of == "x" else node.output
        plan.accumulate(node.inputs[0], self.derivative, [g, v], splits=Splits.ELEMENTS)


def _one(ufunc: Callable[..., Any]) -> Forward:
    return lambda x, out: [partial(ufunc, x, out)]


def _log(x: Array, out: Array) -> list[Call]:
    floor_value = number_like(x, math.exp(float(np.float32(-85.1))))
    return [partial(np.maximum, x, floor_value, out=out), partial(np.log, out, out)]


def _log_derivative(g: Array, x: Array, dx: Array) -> list[Call]:
    floor_value = number_like(x, math.exp(float(np.float32(-85.1))))
    return [partial(np.maximum, x, floor_value, out=dx), partial(np.divide, g, dx, dx)]


def _sqrt(x: Array, out: Array) -> list[Call]:
    return [partial(np.maximum, x, number_like(x, 0), out=out), partial(np.sqrt, out, out)]


def _sqrt_derivative(g: Array, y: Array, dx: Array) -> list[Call]:
    return [partial(np.add, y, y, dx), partial(np.divide, g, dx, dx)]


def reciprocal_calls(x: Array, out: Array) -> list[Call]:
    """1 / x, and 0 for 0."""
    zero = np.empty(x.shape, np.bool_)
    return [
        partial(np.equal, x, number_like(x, 0), zero),
        partial(np.add, x, zero, out),
        partial(np.divide, number_like(x, 1), out, out),
        partial(np.subtract, out, zero, out),
    ]


def _reciprocal_derivative(g: Array, y: Array, dx: Array) -> list[Call]:
    return [partial(np.multiply, y, y, dx), partial(np.multiply, dx, g, dx), partial(np.negative, dx, dx)]


def sigmoid_calls(x: Array, out: Array) -> list[Call]:
    """1 / (1 + exp(-x)) by way of tanh, which cannot overflow."""
    half = number_like(x, 0.5)
    return [
        partial(np.multiply, x, half, out),
        partial(np.tanh, out, out),
        partial(np.multiply, out, half, out),
        partial(np.add, out, half, out),
    ]


def _sigmoid_derivative(g: Array, y: Array, dx: Array) -> list[Call]:
    one = number_like(y, 1)
    return [partial(np.subtract, one, y, dx), partial(np.multiply, dx, y, dx), partial(np.multiply, dx, g, dx)]


def _tanh_derivative(g: Array, y: Array, dx: Array) -> list[Call]:
    one = number_like(y, 1)
    return [partial(np.multiply, y, y, dx), partial(np.subtract, one, dx, dx), partial(np.multiply, dx, g, dx)]


def _relu(x: Array, out: Array) -> list[Call]:
    # against a row of zeros maximum takes half of what it takes against a number
    wide = x.ndim > 0 and 64 <= x.shape[-1] <= 65_536
    return [partial(np.maximum, x, np.zeros(x.shape[-1], x.dtype) if wide else number_like(x, 0), out=out)]


def _relu_derivative(g: Array, y: Array, dx: Array) -> list[Call]:
    positive = np.empty(y.shape, np.bool_)
    return [partial(np.greater, y, number_like(y, 0), positive), partial(np.multiply, g, positive, dx)]


def _elu(x: Array, out: Array) -> list[Call]:
    zero = number_like(x, 0)
    negative = np.empty(x.shape, x.dtype)
    return [
        partial(np.minimum, x, zero, out=negative),
        partial(np.expm1, negative, negative),
        partial(np.maximum, x, zero, out=out),
        partial(np.add, out, negative, out),
    ]


def _elu_derivative(g: Array, y: Array, dx: Array) -> list[Call]:
    one = number_like(y, 1)
    return [
        partial(np.minimum, y, number_like(y, 0), out=dx),
        partial(np.add, dx, one, dx),
        partial(np.multiply, dx, g, dx),
    ]


def _abs_derivative(g: Array, x: Array, dx: Array) -> list[Call]:
    return [partial(np.sign, x, dx), partial(np.multiply, dx, g, dx)]


def _cos_derivative(g: Array, x: Array, dx: Array) -> list[Call]:
    return [partial(np.sin, x, dx), partial(np.multiply, dx, g, dx), partial(np.negative, dx, dx)]


def _times_function_of_operand(function: Callable[..., Any]) -> Derivative:
    return lambda g, x, dx: [partial(function, x, dx), partial(np.multiply, dx, g, dx)]


def _tan_derivative(g: Array, y: Array, dx: Array) -> list[Call]:
    return [partial(np.cos, y, dx), partial(np.multiply, dx, dx, dx), partial(np.divide, g, dx, dx)]


def _over(sign: float, constant: float, square_sign: float, root: bool) -> Derivative:
    """sign · g / f(constant + square_sign · x²), f the square root or nothing."""

    def derivative(g: Array, x: Array, dx: Array) -> list[Call]:
        t = partial(number_like, x)
        calls: list[Call] = [
            partial(np.multiply, x, x, dx),
            partial(np.multiply, dx, t(square_sign), dx),
            partial(np.add, dx, t(constant), dx),
        ]
        if root:
            calls.append(partial(np.sqrt, dx, dx))
        calls.append(partial(np.divide, g, dx, dx))
        if sign < 0:
            calls.append(partial(np.negative, dx, dx))
        return calls

    return derivative


def _straight_through(x: Array, out: Array) -> list[Call]:
    t = partial(number_like, x)
    return [
        partial(np.greater, x, t(0), out),
        partial(np.multiply, out, t(2), out),
        partial(np.subtract, out, t(1), out),
    ]


def _straight_through_derivative(g: Array, x: Array, dx: Array) -> list[Call]:
    near = np.empty(x.shape, np.bool_)
    return [
        partial(np.abs, x, dx),
        partial(np.less_equal, dx, number_like(x, 1), near),
        partial(np.multiply, g, near, dx),
    ]


_NEGATE = Elementwise("Negate", 0, _one(np.negative), lambda g, v, dx: [partial(np.negative, g, dx)], "y")
_TANH = Elementwise("Tanh", 2, _one(np.tanh), _tanh_derivative, "y")
_RELU = Elementwise("ReLU", 3, _relu, _relu_derivative, "y")
_EXP = Elementwise("Exp", 4, _one(np.exp), lambda g, y, dx: [partial(np.multiply, g, y, dx)], "y")
_LOG = Elementwise("Log", 5, _log, _log_derivative)
_SQRT = Elementwise("Sqrt", 6, _sqrt, _sqrt_derivative, "y")
_FLOOR = Elementwise("Floor", 7, _one(np.floor))
_ABS = Elementwise("Abs", 8, _one(np.abs), _abs_derivative)
_RECIPROCAL = Elementwise("Reciprocal", 9, reciprocal_calls, _reciprocal_derivative, "y")
_SIN = Elementwise("Sin", 54, _one(np.sin), _times_function_of_operand(np.cos))
_COS = Elementwise("Cos", 55, _one(np.cos), _cos_derivative)
_ELU = Elementwise("ELU", 65, _elu, _elu_derivative, "y", in_place=False)
_SIGMOID = Elementwise("StableSigmoid", 75, sigmoid_calls, _sigmoid_derivative, "y")
_SINH = Elementwise("Sinh", 77, _one(np.sinh), _times_function_of_operand(np.cosh))
_COSH = Elementwise("Cosh", 78, _one(np.cosh), _times_function_of_operand(np.sinh))
_ASIN = Elementwise("Asin", 81, _one(np.arcsin), _over(1, 1, -1, True))
_ACOS = Elementwise("Acos", 82, _one(np.arccos), _over(-1, 1, -1, True))
_ATANH = Elementwise("Atanh", 85, _one(np.arctanh), _over(1, 1, -1, False))
_ASINH = Elementwise("Asinh", 86, _one(np.arcsinh), _over(1, 1, 1, True))
_STRAIGHT_THROUGH = Elementwise("StraightThrough", 94, _straight_through, _straight_through_derivative, in_place=True)
_TAN = Elementwise("Tan", 95, _one(np.tan), _tan_derivative, "y")
_ATAN = Elementwise("Atan", 96, _one(np.arctan), _over(1, 1, 1, False))

UNARY = (
    _NEGATE,
    _TANH,
    _RELU,
    _EXP,
    _LOG,
    _SQRT,
    _FLOOR,
    _ABS,
    _RECIPROCAL,
    _SIN,
    _COS,
    _ELU,
    _SIGMOID,
    _SINH,
    _COSH,
    _ASIN,
    _ACOS,
    _ATANH,
    _ASINH,
    _STRAIGHT_THROUGH,
    _TAN,
    _ATAN,
)
register(*UNARY)


def _function(operator: Elementwise, text: str) -> Callable[..., CompositeFunction]:
    def apply(operand: Operand, name: str = "") -> CompositeFunction:
        return call(operator, [operand], name=name)

    apply.__doc__ = f"{text} of every element; shape and axes of the operand. CNTK: {operator.name}."
    return apply


negate = _function(_NEGATE, "Minus x")
tanh = _function(_TANH, "Hyperbolic tangent")
relu = _function(_RELU, "max(x, 0)")
exp = _function(_EXP, "e^x")
log = _function(_LOG, "Natural logarithm (-85.1 below 1e-37)")
sqrt = _function(_SQRT, "Square root (0 for negative numbers)")
floor = _function(_FLOOR, "Largest whole number not above x")
abs = _function(_ABS, "Absolute value")
reciprocal = _function(_RECIPROCAL, "1 / x (0 for 0)")
sin = _function(_SIN, "Sine")
cos = _function(_COS, "Cosine")
elu_primitive = _function(_ELU, "x, or e^x - 1 below 0")
sigmoid = _function(_SIGMOID, "1 / (1 + e^-x)")
sinh = _function(_SINH, "Hyperbolic sine")
cosh = _function(_COSH, "Hyperbolic cosine")
asin = _function(_ASIN, "Inverse sine")
acos = _function(_ACOS, "Inverse cosine")
atanh = _function(_ATANH, "Inverse hyperbolic tangent")
asinh = _function(_ASINH, "Inverse hyperbolic sine")
straight_through = _function(_STRAIGHT_THROUGH, "1 above 0, else -1; the gradient passes where |x| <= 1")
tan = _function(_TAN, "Tangent")
atan = _function(_ATAN, "Inverse tangent")
