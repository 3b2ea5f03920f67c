"""Rows of cntk:shape and of the functions that change shapes (cntk-functions.md, group shape)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from xquery_bridge import compute
from xquery_bridge.compute import FREE, INFERRED, UNKNOWN_SHAPE, Axis, CntkError, Shape
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk.groups import SHAPE

_UNSIGNED: Final = 2**64
#: CNTK's marks are numbers below zero, which programs see as 64-bit numbers without a sign.
_MARKS: Final = {mark % _UNSIGNED: mark for mark in (FREE, INFERRED, UNKNOWN_SHAPE[0])}

#: CNTK's NDShape has no more dimensions than fit its small vectors.
_LARGEST_DIMENSION: Final = 2**48


# ------------------------------------------------------------------------------------------------------ cntk:shape


def shape(dimensions: Sequence[int] = ()) -> Shape:
    """A shape of these dimensions, the first one fastest in memory; none for a scalar."""
    made = [_MARKS.get(dimension, dimension) for dimension in dimensions]
    for dimension in made:
        if dimension > _LARGEST_DIMENSION:
            raise CntkError(f"cntk:shape: a dimension below {_LARGEST_DIMENSION} was expected, {dimension} came.")
    return Shape(made)


def unknown_shape() -> Shape:
    """The shape of which nothing is known."""
    return UNKNOWN_SHAPE


def free_dimension() -> int:
    """The mark of a dimension that is known only when data comes."""
    return FREE


def inferred_dimension() -> int:
    """The mark of a dimension to be inferred from other operands."""
    return INFERRED


def dimensions(of: Shape) -> Shape:
    """The dimensions, the first one fastest in memory."""
    return of


def rank(of: Shape) -> int:
    """The number of dimensions."""
    return of.rank


def total_size(of: Shape) -> int:
    """The number of elements; refused for a shape with unbound dimensions."""
    return of.total_size


def is_scalar(of: Shape) -> bool:
    """Whether the shape has no dimensions."""
    return of.is_scalar


def is_unknown(of: Shape) -> bool:
    """Whether nothing is known of the shape."""
    return of.is_unknown


def has_free_dimension(of: Shape) -> bool:
    """Whether a dimension is known only when data comes."""
    return of.has_free_dimension


def has_inferred_dimension(of: Shape) -> bool:
    """Whether a dimension is still to be inferred."""
    return of.has_inferred_dimension


def has_unbound_dimension(of: Shape) -> bool:
    """Whether a dimension is free or to be inferred."""
    return of.has_unbound_dimension


SHAPE.serve("shape([$dimensions as xs:unsignedLong*]) as cntk:shape", shape, pure=True)
SHAPE.serve("unknown-shape() as cntk:shape", unknown_shape, pure=True)
SHAPE.serve("shape-free-dimension() as xs:unsignedLong", free_dimension, pure=True)
SHAPE.serve("shape-inferred-dimension() as xs:unsignedLong", inferred_dimension, pure=True)
SHAPE.serve("shape-dimensions($shape as cntk:shape) as xs:unsignedLong*", dimensions, pure=True)
SHAPE.serve("shape-rank($shape as cntk:shape) as xs:unsignedLong", rank, pure=True)
SHAPE.serve("shape-total-size($shape as cntk:shape) as xs:unsignedLong", total_size, pure=True)
SHAPE.serve("shape-is-scalar($shape as cntk:shape) as xs:boolean", is_scalar, pure=True)
SHAPE.serve("shape-is-unknown($shape as cntk:shape) as xs:boolean", is_unknown, pure=True)
SHAPE.serve("shape-has-free-dimension($shape as cntk:shape) as xs:boolean", has_free_dimension, pure=True)
SHAPE.serve("shape-has-inferred-dimension($shape as cntk:shape) as xs:boolean", has_inferred_dimension, pure=True)
SHAPE.serve("shape-has-unbound-dimension($shape as cntk:shape) as xs:boolean", has_unbound_dimension, pure=True)
SHAPE.serve(
    "concatenate-shape($shape1 as cntk:shape, $shape2 as cntk:shape) as cntk:shape",
    Shape.append,
    pure=True,
    about="The dimensions of the first shape, then those of the second.",
)
SHAPE.serve(
    "subshape($shape as cntk:shape, $begin-axis-id as xs:unsignedLong, $end-axis-id as xs:unsignedLong) as cntk:shape",
    Shape.subshape,
    pure=True,
    about="The dimensions from `$begin-axis-id` up to, not including, `$end-axis-id`.",
)


# --------------------------------------------------------------------------------------- functions over variables


def flatten(operand: Operand, name: str = "") -> compute.Function:
    """All elements in the first of two dimensions."""
    return compute.flatten(operand, None, name)


def squeeze(operand: Operand, name: str = "") -> compute.Function:
    """Without the dimensions of 1."""
    return compute.squeeze(operand, None, name)


def transpose(operand: Operand, name: str = "") -> compute.Function:
    """A matrix with its dimensions exchanged."""
    return compute.transpose(operand, None, name)


def sliced(
    operand: Operand, axes: Sequence[Axis], begin: Sequence[int], end: Sequence[int], name: str = ""
) -> compute.Function:
    """Elements from the begin index up to the end index along each axis; 0 as an end is the end."""
    return compute.slice(operand, axes, begin, end, None, name)


SHAPE.serve("flatten($operand as cntk:variable [, $name as xs:string]) as cntk:function", flatten)
SHAPE.serve(
    "flatten-on-axis($operand as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function",
    compute.flatten,
    about="A matrix: the dimensions before the axis in the first, the rest in the second dimension.",
)
SHAPE.serve(
    "expand-dims($operand as cntk:variable, $axis as cntk:axis [, $name as xs:string]) as cntk:function",
    compute.expand_dims,
    about="A dimension of 1 put in at an axis.",
)
SHAPE.serve("squeeze($operand as cntk:variable [, $name as xs:string]) as cntk:function", squeeze)
SHAPE.serve(
    "squeeze-axes($operand as cntk:variable, $axes as cntk:axis* [, $name as xs:string]) as cntk:function",
    compute.squeeze,
    about="Without the dimensions of the axes, which must be 1.",
)
SHAPE.serve(
    "reshape($x as cntk:variable, $replacement-shape as cntk:shape [, $begin-axis as cntk:axis, $end-axis as cntk:axis,"
    " $name as xs:string]) as cntk:function",
    compute.reshape,
    about=(
        "The elements in another shape; only the dimensions from `$begin-axis` up to `$end-axis` are "
        "replaced where these are given. An inferred dimension takes what is left."
    ),
)
SHAPE.serve("transpose($operand as cntk:variable [, $name as xs:string]) as cntk:function", transpose)
SHAPE.serve(
    "transpose-axes($operand as cntk:variable, $axis1 as cntk:axis, $axis2 as cntk:axis [, $name as xs:string])"
    " as cntk:function",
    compute.transpose_axes,
)
SHAPE.serve(
    "transpose-on-axes($x as cntk:variable, $permutation as cntk:axis* [, $name as xs:string]) as cntk:function",
    compute.transpose,
    about="The axes in the order of the permutation.",
)
SHAPE.serve(
    "slice($operand as cntk:variable, $axis as cntk:axis*, $begin-index as xs:integer*, $end-index as xs:integer*"
    " [, $name as xs:string]) as cntk:function",
    sliced,
)
SHAPE.serve(
    "slice-with-strides($x as cntk:variable, $axis as cntk:axis*, $begin-index as xs:integer*,"
    " $end-index as xs:integer*, $strides as xs:integer* [, $name as xs:string]) as cntk:function",
    compute.slice,
    about=(
        "The elements begin, begin + stride, … below end, along each axis; negative indices count from "
        "the end, and 0 as an end is the end."
    ),
)
SHAPE.serve(
    "splice($inputs as cntk:variable*, $axis as cntk:axis [, $name as xs:string]) as cntk:function", compute.splice
)
SHAPE.serve(
    "pad($x as cntk:variable, $mode as xs:string, $head as xs:unsignedLong*, $foot as xs:unsignedLong*"
    " [, $constant-value as xs:double, $name as xs:string]) as cntk:function",
    compute.pad,
)
SHAPE.serve(
    "depth-to-space($operand as cntk:variable, $block-size as xs:unsignedLong [, $name as xs:string]) as cntk:function",
    compute.depth_to_space,
    about="Blocks of channels become blocks of pixels.",
)
SHAPE.serve(
    "space-to-depth($operand as cntk:variable, $block-size as xs:unsignedLong [, $name as xs:string]) as cntk:function",
    compute.space_to_depth,
    about="Blocks of pixels become blocks of channels: the inverse of `cntk:depth-to-space`.",
)
SHAPE.serve("to-batch($operand as cntk:variable [, $name as xs:string]) as cntk:function", compute.to_batch)
SHAPE.serve("unpack-batch($operand as cntk:variable, $name as xs:string) as cntk:function", compute.unpack_batch)


def gather(indices: Operand, reference: Operand, name: str = "") -> compute.Function:
    """The parts of a reference along its last dimension that the indices name."""
    return compute.gather_op(indices, reference, None, name)


SHAPE.serve(
    "gather-op($indices as cntk:variable, $reference as cntk:variable [, $name as xs:string]) as cntk:function", gather
)
SHAPE.serve(
    "gather-op-on-axis($indices as cntk:variable, $reference as cntk:variable, $axis as cntk:axis"
    " [, $name as xs:string]) as cntk:function",
    compute.gather_op,
    about="The parts of a reference along an axis that the indices name.",
)
SHAPE.serve(
    "one-hot-op($x as cntk:variable, $num-class as xs:unsignedLong, $output-sparse as xs:boolean, $axis as cntk:axis"
    " [, $name as xs:string]) as cntk:function",
    compute.one_hot_op,
    about=("A new dimension of `$num-class` elements at an axis, with 1 at the class that the operand names."),
)
