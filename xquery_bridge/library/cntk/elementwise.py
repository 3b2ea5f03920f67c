"""Rows of the elementwise functions (cntk-functions.md, group elementwise)."""

from __future__ import annotations

from xquery_bridge import compute
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk.groups import ELEMENTWISE

# One operand, whose shape and axes the result has.
ELEMENTWISE.serve_family(
    "NAME($operand as cntk:variable [, $name as xs:string]) as cntk:function",
    ("abs", compute.abs),
    ("acos", compute.acos),
    ("asin", compute.asin),
    ("asinh", compute.asinh),
    ("atan", compute.atan),
    ("atanh", compute.atanh),
    ("ceil", compute.ceil),
    ("cos", compute.cos),
    ("cosh", compute.cosh),
    ("element-not", compute.element_not),
    ("exp", compute.exp),
    ("floor", compute.floor),
    ("hardmax", compute.hardmax),
    ("log", compute.log),
    ("negate", compute.negate),
    ("ones-like", compute.ones_like),
    ("reciprocal", compute.reciprocal),
    ("relu", compute.relu),
    ("round", compute.round),
    ("sigmoid", compute.sigmoid),
    ("sin", compute.sin),
    ("sinh", compute.sinh),
    ("sqrt", compute.sqrt),
    ("square", compute.square),
    ("tan", compute.tan),
    ("tanh", compute.tanh),
    ("zeros-like", compute.zeros_like),
)

ELEMENTWISE.serve_family(
    "NAME($x as cntk:variable [, $name as xs:string]) as cntk:function",
    ("soft-plus", compute.softplus),
    ("soft-sign", compute.softsign),
    ("softplus", compute.softplus),
    ("softsign", compute.softsign),
)

ELEMENTWISE.serve(
    "straight-through($input as cntk:variable [, $name as xs:string]) as cntk:function", compute.straight_through
)

ELEMENTWISE.serve(
    "eye-like($x as cntk:variable, $is-output-sparse as xs:boolean [, $name as xs:string]) as cntk:function",
    compute.eye_like,
)

# Two operands, which broadcast from their first dimensions on.
ELEMENTWISE.serve_family(
    "NAME($left-operand as cntk:variable, $right-operand as cntk:variable [, $name as xs:string]) as cntk:function",
    ("element-and", compute.element_and),
    ("element-divide", compute.element_divide),
    ("element-min", compute.element_min),
    ("element-or", compute.element_or),
    ("element-times", compute.element_times),
    ("element-xor", compute.element_xor),
    ("equal", compute.equal),
    ("greater", compute.greater),
    ("greater-equal", compute.greater_equal),
    ("less", compute.less),
    ("less-equal", compute.less_equal),
    ("log-add-exp", compute.log_add_exp),
    ("minus", compute.minus),
    ("not-equal", compute.not_equal),
    ("plus", compute.plus),
    ("pow", compute.pow),
)

ELEMENTWISE.serve(
    "pre-lu($alpha as cntk:variable, $operand as cntk:variable [, $name as xs:string]) as cntk:function", compute.pre_lu
)

# Three operands.
ELEMENTWISE.serve(
    "clip($operand as cntk:variable, $min as cntk:variable, $max as cntk:variable [, $name as xs:string])"
    " as cntk:function",
    compute.clip,
)
ELEMENTWISE.serve(
    "element-select($condition as cntk:variable, $then-operand as cntk:variable, $else-operand as cntk:variable"
    " [, $name as xs:string]) as cntk:function",
    compute.element_select,
    about="The element of the second operand where the condition is not 0, else of the third.",
)

# CNTK's ElementMax has no default for its name.
ELEMENTWISE.serve(
    "element-max($left-operand as cntk:variable, $right-operand as cntk:variable, $name as xs:string) as cntk:function",
    compute.element_max,
)

# Any number of operands.
ELEMENTWISE.serve("sum($operands as cntk:variable* [, $name as xs:string]) as cntk:function", compute.sum)
ELEMENTWISE.serve("mean($operands as cntk:variable* [, $name as xs:string]) as cntk:function", compute.mean)


# Operands and numbers.
def elu(operand: Operand, name: str = "") -> compute.Function:
    """x, or e^x - 1 below 0."""
    return compute.elu(operand, None, name)


ELEMENTWISE.serve("elu($operand as cntk:variable [, $name as xs:string]) as cntk:function", elu)
ELEMENTWISE.serve(
    "elu-with-alpha($x as cntk:variable, $alpha as xs:double [, $name as xs:string]) as cntk:function", compute.elu
)
ELEMENTWISE.serve(
    "leaky-re-lu($x as cntk:variable, $alpha as xs:double [, $name as xs:string]) as cntk:function", compute.leaky_relu
)
ELEMENTWISE.serve(
    "selu($x as cntk:variable [, $scale as xs:double, $alpha as xs:double, $name as xs:string]) as cntk:function",
    compute.selu,
)
ELEMENTWISE.serve(
    "hard-sigmoid($operand as cntk:variable, $alpha as xs:float, $beta as xs:float [, $name as xs:string])"
    " as cntk:function",
    compute.hard_sigmoid,
)


# Normalized over a sample, or along an axis.
def softmax(operand: Operand, name: str = "") -> compute.Function:
    """e^x / Σ e^x over all static elements."""
    return compute.softmax(operand, None, name)


def log_softmax(operand: Operand, name: str = "") -> compute.Function:
    """x - log Σ e^x along the first dimension."""
    return compute.log_softmax(operand, None, name)


ELEMENTWISE.serve("softmax($operand as cntk:variable [, $name as xs:string]) as cntk:function", softmax)
ELEMENTWISE.serve("log-softmax($operand as cntk:variable [, $name as xs:string]) as cntk:function", log_softmax)
ELEMENTWISE.serve(
    "softmax-on-axis($x as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function", compute.softmax
)
ELEMENTWISE.serve(
    "log-softmax-on-axis($operand as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function",
    compute.log_softmax,
)
