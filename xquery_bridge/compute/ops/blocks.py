"""Elementwise functions that CNTK composes of others: the graphs are CNTK's blocks.

Source: cntk-operators "Elementwise"; formulas in cntk-semantics section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import CntkError
from ..graph import CompositeFunction, Function, as_block, as_variable
from ..session import current_session
from ..shape import SCALAR
from ..variable import Constant, Variable, placeholder
from .binary import (
    element_select,
    element_times,
    greater,
    less,
    log_add_exp,
    not_equal,
    plus,
)
from .elementwise import abs as absolute
from .elementwise import elu_primitive, floor, negate, reciprocal
from .operator import Operand

__all__ = [
    "ceil",
    "element_and",
    "element_divide",
    "element_max",
    "element_min",
    "element_not",
    "element_or",
    "element_xor",
    "elu",
    "hard_sigmoid",
    "leaky_relu",
    "mean",
    "pre_lu",
    "round",
    "selu",
    "softplus",
    "softsign",
    "sum",
]


def stand_in(operand: Operand, name: str = "operand") -> tuple[Variable, Variable]:
    """An operand as a variable, and a placeholder of its shape, type and axes for the inside of a block."""
    x = as_variable(operand)
    return x, placeholder(x.shape, x.data_type, name, x.dynamic_axes)


def number(variable: Variable, value: float) -> Constant:
    """A scalar constant in the data type of a variable."""
    data_type = "float" if variable.data_type == "unknown" else variable.data_type
    return Constant(SCALAR, data_type, float(value))


def two(left: Operand, right: Operand) -> tuple[Variable, Variable, Variable, Variable]:
    """Two operands reconciled in their axes, and placeholders for them."""
    x, a = stand_in(left, "leftOperandPlaceholder")
    y, b = stand_in(right, "rightOperandPlaceholder")
    return x, y, a, b


def ceil(operand: Operand, name: str = "") -> CompositeFunction:
    """The smallest whole number not below x: -floor(-x)."""
    return negate(floor(negate(operand)), name)


def round(operand: Operand, name: str = "") -> CompositeFunction:
    """floor(x + 0.5)."""
    x = as_variable(operand)
    return floor(plus(x, number(x, 0.5)), name)


def elu(operand: Operand, alpha: float | None = None, name: str = "") -> CompositeFunction:
    """x, or alpha · (e^x - 1) below 0; without alpha a primitive, with it a block."""
    if alpha is None:
        return elu_primitive(operand, name)
    x, a = stand_in(operand)
    lower = element_times(number(x, alpha), elu_primitive(a))
    result = element_select(less(a, number(x, 0)), lower, a)
    return as_block(result, {a: x}, "ELU", name, {"alpha": alpha})


def selu(
    operand: Operand,
    scale: float = 1.0507009873554804934193349852946,
    alpha: float = 1.6732632423543772848170429916717,
    name: str = "",
) -> CompositeFunction:
    """scale · x, or scale · alpha · (e^x - 1) below 0."""
    x, a = stand_in(operand)
    lower = element_times(elu_primitive(a), number(x, alpha))
    result = element_times(number(x, scale), element_select(less(a, number(x, 0)), lower, a))
    return as_block(result, {a: x}, "SELU", name, {"alpha": alpha, "gamma": scale})


def leaky_relu(operand: Operand, alpha: float = 0.01, name: str = "") -> CompositeFunction:
    """x, or alpha · x below 0."""
    x, a = stand_in(operand)
    result = element_select(less(a, number(x, 0)), element_times(number(x, alpha), a), a)
    return as_block(result, {a: x}, "LeakyReLU", name, {"alpha": alpha})


def pre_lu(alpha: Operand, operand: Operand, name: str = "") -> CompositeFunction:
    """x, or alpha · x below 0, alpha a variable."""
    x, a = stand_in(operand)
    slope, s = stand_in(alpha, "alpha")
    result = element_select(less(a, number(x, 0)), element_times(s, a), a)
    return as_block(result, {a: x, s: slope}, "PReLU", name)


def hard_sigmoid(operand: Operand, alpha: float, beta: float, name: str = "") -> CompositeFunction:
    """alpha · x + beta, not below 0, not above 1; alpha and beta are rounded to float."""
    x, a = stand_in(operand)
    slope, offset = float(np.float32(alpha)), float(np.float32(beta))
    line = plus(element_times(number(x, slope), a), number(x, offset))
    one, zero = number(x, 1), number(x, 0)
    below = element_select(less(line, one), line, one)
    result = element_select(greater(below, zero), below, zero)
    return as_block(result, {a: x}, "HardSigmoid", name, {"alpha": alpha, "beta": beta})


def softplus(operand: Operand, name: str = "") -> CompositeFunction:
    """log(1 + e^x)."""
    x, a = stand_in(operand)
    return as_block(log_add_exp(a, number(x, 0)), {a: x}, "Softplus", name)


def softsign(operand: Operand, name: str = "") -> CompositeFunction:
    """x / (1 + |x|)."""
    x, a = stand_in(operand)
    return as_block(element_divide(a, plus(absolute(a), number(x, 1))), {a: x}, "Softsign", name)


def element_divide(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
    """left · reciprocal(right), so 0 where right is 0."""
    x, y, a, b = two(left, right)
    return as_block(element_times(a, reciprocal(b)), {a: x, b: y}, "ElementDivide", name)


def element_max(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
    """The larger one; at a tie the gradient goes to the right operand."""
    x, y, a, b = two(left, right)
    return as_block(element_select(greater(a, b), a, b), {a: x, b: y}, "ElementMax", name)


def element_min(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
    """The smaller one; at a tie the gradient goes to the right operand."""
    x, y, a, b = two(left, right)
    return as_block(element_select(less(a, b), a, b), {a: x, b: y}, "ElementMin", name)


def _logic(left: Operand, right: Operand) -> tuple[Variable, Variable, Variable, Variable, Constant]:
    """Two operands, placeholders for them, and 0."""
    x, y, a, b = two(left, right)
    return x, y, a, b, number(x, 0)


def element_and(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
    """1 where both are above 0, else 0."""
    x, y, a, b, zero = _logic(left, right)
    result = greater(element_times(greater(a, zero), greater(b, zero)), zero)
    return as_block(result, {a: x, b: y}, "And", name)


def element_or(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
    """1 where one of them is above 0, else 0."""
    x, y, a, b, zero = _logic(left, right)
    result = greater(plus(greater(a, zero), greater(b, zero)), zero)
    return as_block(result, {a: x, b: y}, "Or", name)


def element_xor(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
    """1 where just one of them is above 0, else 0."""
    x, y, a, b, zero = _logic(left, right)
    return as_block(not_equal(greater(a, zero), greater(b, zero)), {a: x, b: y}, "Xor", name)


def element_not(operand: Operand, name: str = "") -> CompositeFunction:
    """1 where it is not above 0, else 0."""
    x, a = stand_in(operand)
    one, zero = number(x, 1), number(x, 0)
    result = plus(negate(greater(a, zero)), one)
    return as_block(result, {a: x}, "Not", name)


def _folded(operands: Sequence[Operand], what: str) -> tuple[dict[Any, Any], Function]:
    if not operands:
        raise CntkError(f"{what}: at least one operand was expected, none came.")
    pairs = [stand_in(v) for v in operands]
    total: Any = pairs[0][1]
    for _, inner in pairs[1:]:
        current_session().skip_uids(1)
        total = plus(total, inner)
    mapping = {inner: outer for outer, inner in pairs}
    if isinstance(total, Variable):
        total = plus(total, number(total, 0))
    return mapping, total


def sum(operands: Sequence[Operand], name: str = "") -> CompositeFunction:
    """The operands added up elementwise."""
    mapping, total = _folded(operands, "Sum")
    return as_block(total, mapping, "Sum", name)


def mean(operands: Sequence[Operand], name: str = "") -> CompositeFunction:
    """The elementwise average of the operands."""
    mapping, total = _folded(operands, "Mean")
    count = number(as_variable(operands[0]), len(operands))
    return as_block(element_divide(total, count), mapping, "Mean", name)
