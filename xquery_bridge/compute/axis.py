"""Axes: static ones by index, dynamic ones (batch, sequence) by name. Source: the table of cntk-semantics section 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import CntkError
from .session import current_session
from .shape import Shape

__all__ = ["UNKNOWN_AXES", "Axis", "DynamicAxes", "axes_string", "normalize_axis"]

_END_STATIC_INDEX = 2147483644
_NOT_STATIC = 2147483647


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: use the constructors below, not this one."""

    _index: int
    _name: str
    _ordered: bool
    _kind: str

    @staticmethod
    def static(index: int) -> Axis:
        """The static axis of an index; negative ones count from the end when the axis meets an operand."""
        return Axis(int(index), f"staticAxisIdx={int(index)}", True, "static")

    @staticmethod
    def end_static() -> Axis:
        """The place behind the last static axis."""
        return Axis.static(_END_STATIC_INDEX)

    @staticmethod
    def dynamic(name: str, ordered: bool = True) -> Axis:
        """A dynamic axis: an ordered one is a sequence axis, the other kind a batch axis that is not the default's."""
        if name == "defaultBatchAxis":
            return Axis.default_batch()
        return Axis(_NOT_STATIC, name, ordered, "dynamic")

    @staticmethod
    def default_batch() -> Axis:
        """The batch axis of inputs that are declared without axes."""
        return Axis(_NOT_STATIC, "defaultBatchAxis", False, "dynamic")

    @staticmethod
    def default_sequence() -> Axis:
        return Axis(_NOT_STATIC, "defaultDynamicAxis", True, "dynamic")

    @staticmethod
    def operand_sequence() -> Axis:
        """Stands for the sequence axis of an operand."""
        return Axis(_NOT_STATIC, "__operandSequenceAxis", True, "dynamic")

    @staticmethod
    def all_axes() -> Axis:
        """Stands for all axes of an operand, dynamic ones too."""
        return Axis(_NOT_STATIC, "AllAxes", False, "all")

    @staticmethod
    def all_static_axes() -> Axis:
        """Stands for all dimensions of a sample."""
        return Axis(_NOT_STATIC, "AllStaticAxes", False, "all static")

    @staticmethod
    def unknown() -> Axis:
        return Axis(_NOT_STATIC, "UnknownAxes", False, "unknown")

    @staticmethod
    def new_unique_dynamic(prefix: str, ordered: bool = True) -> Axis:
        """A dynamic axis with a name not given before in the session: `q`, `q1`, `q2`, …"""
        return Axis.dynamic(current_session().unique_axis_name(prefix), ordered)

    @staticmethod
    def default_input_axes() -> tuple[Axis, ...]:
        """The axes of an input that is declared without any: sequence, then batch."""
        return (Axis.default_sequence(), Axis.default_batch())

    @staticmethod
    def unknown_dynamic_axes() -> tuple[Axis, ...]:
        """The axes of a placeholder of which nothing is known."""
        return UNKNOWN_AXES

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_static(self) -> bool:
        return self._kind == "static"

    @property
    def is_dynamic(self) -> bool:
        return self._kind == "dynamic"

    @property
    def is_ordered(self) -> bool:
        return self._ordered

    @property
    def is_batch(self) -> bool:
        return self == Axis.default_batch()

    @property
    def is_sequence(self) -> bool:
        """True for every dynamic axis but the default batch axis, ordered or not."""
        return self._kind == "dynamic" and not self.is_batch

    @property
    def is_all(self) -> bool:
        return self._kind == "all"

    @property
    def is_all_static(self) -> bool:
        return self._kind == "all static"

    @property
    def is_end_static(self) -> bool:
        return self._index == _END_STATIC_INDEX

    @property
    def static_index(self) -> int:
        """The index of a static axis; refused for others."""
        if not self.is_static:
            raise CntkError("Cannot query the static axis index for a non-static axis")
        return self._index

    def __str__(self) -> str:
        return f"Axis('{self._name}')"


DynamicAxes = tuple[Axis, ...]
UNKNOWN_AXES: DynamicAxes = (Axis.unknown(),)


def axes_string(axes: Sequence[Axis]) -> str:
    """CNTK's own form of dynamic axes, `[*, #]`."""
    if tuple(axes) == UNKNOWN_AXES:
        return "[???]"
    marks = {Axis.default_sequence(): "*", Axis.default_batch(): "#"}
    return "[" + ", ".join(marks.get(axis, axis.name) for axis in axes) + "]"


def normalize_axis(axis: Axis, shape: Shape, extra: int = 0) -> int:
    """The index of a static axis in a shape, counted from the first dimension.

    Args:
        extra: how many places behind the last dimension are accepted (1 for Splice and ExpandDims).
    Raises:
        CntkError: the axis does not fit the rank.
    """
    rank = shape.rank
    index = axis.static_index
    position = rank if axis.is_end_static else index + rank if index < 0 else index
    if not 0 <= position < rank + extra:
        raise CntkError(f"Axis '{axis}' is out of bounds for the rank '{rank}' it applies to.")
    return position
