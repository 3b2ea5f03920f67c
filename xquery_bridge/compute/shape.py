"""Shapes in CNTK's C++ order: the first dimension is the fastest in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .errors import CntkError

__all__ = ["FREE", "INFERRED", "SCALAR", "UNKNOWN_SHAPE", "Shape"]

FREE = -3
"""A dimension that is known only when data comes; prints `*`."""
INFERRED = -1
"""A dimension to be inferred from the operands; prints `?`."""
_UNKNOWN = -2


class Shape(tuple[int, ...]):
    """CNTK's NDShape: a tuple of dimensions, the first one fastest; the empty tuple is a scalar.

    NumPy data of the shape has `numpy_shape`, the reverse, in C order. Source: cntk-semantics section 2.
    """

    __slots__ = ()

    def __new__(cls, dimensions: Iterable[int] = ()) -> Shape:
        return super().__new__(cls, (int(d) for d in dimensions))

    @property
    def is_unknown(self) -> bool:
        """True for the shape of which nothing is known."""
        return len(self) == 1 and self[0] == _UNKNOWN

    @property
    def dimensions(self) -> tuple[int, ...]:
        return tuple(self)

    @property
    def rank(self) -> int:
        return len(self)

    @property
    def is_scalar(self) -> bool:
        return len(self) == 0

    @property
    def has_free_dimension(self) -> bool:
        return FREE in self

    @property
    def has_inferred_dimension(self) -> bool:
        return INFERRED in self

    @property
    def has_unbound_dimension(self) -> bool:
        return FREE in self or INFERRED in self

    @property
    def total_size(self) -> int:
        """Number of elements; refused for a shape with unbound dimensions."""
        if self.has_unbound_dimension or self.is_unknown:
            raise CntkError(
                f"NDShape::TotalSize: TotalSize cannot be determined for a NDShape '{self}' with one or more "
                "dimensions being InferredDimension or FreeDimension."
            )
        return math.prod(self)

    @property
    def numpy_shape(self) -> tuple[int, ...]:
        """The reverse: the shape of a C-ordered NumPy array with the same data."""
        return tuple(self[::-1])

    def append(self, other: Iterable[int]) -> Shape:
        """This shape followed by the other's dimensions."""
        return Shape((*self, *other))

    def subshape(self, begin: int = 0, end: int | None = None) -> Shape:
        """Dimensions `begin` up to, not including, `end`."""
        end = len(self) if end is None else end
        if end > len(self):
            raise CntkError(
                f"NDShape::SubShape: The specified endAxisId ({end}) cannot exceed the rank ({len(self)}) of this "
                "NDShape."
            )
        if end < begin:
            raise CntkError(
                f"NDShape::SubShape: The specified endAxisId ({end}) cannot be less than the beginAxisId ({begin})."
            )
        return Shape(self[begin:end])

    def __str__(self) -> str:
        if self.is_unknown:
            return "[???]"
        return "[" + " x ".join("*" if d == FREE else "?" if d == INFERRED else str(d) for d in self) + "]"

    def __repr__(self) -> str:
        return f"Shape({tuple(self)})"


SCALAR = Shape()
UNKNOWN_SHAPE = Shape((_UNKNOWN,))
