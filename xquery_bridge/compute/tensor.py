"""Tensors of a plan: symbols for arrays until the plan binds its calls, and the frame layouts they may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .sparse import Entries, RowGradient
    from .storage import Storage

__all__ = ["Array", "Layout", "Tensor", "number_like"]

Array = NDArray[Any]


def number_like(array: Array, value: float) -> Array:
    """A number of an array's type. As an array of rank 0 it costs a NumPy call half of what a scalar costs."""
    return np.full((), value, array.dtype)


class Layout:
    """How frames of a value are arranged: `lengths` steps for each sequence, or one frame for each sample (None)."""

    __slots__ = ("_starts", "frames", "key", "lengths", "sorted_lengths")

    def __init__(self, frames: int, lengths: NDArray[np.int64] | None = None) -> None:
        self.frames = frames
        self.lengths = lengths
        self.key: Any = frames if lengths is None else lengths.tobytes()
        self._starts: NDArray[np.int64] | None = None

    @staticmethod
    def of_lengths(lengths: NDArray[np.int64]) -> Layout:
        return Layout(int(lengths.sum()), lengths)

    @property
    def count(self) -> int:
        """Number of sequences or samples."""
        return self.frames if self.lengths is None else len(self.lengths)

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps of each sequence; 1 each without a sequence axis."""
        return np.ones(self.frames, np.int64) if self.lengths is None else self.lengths

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first frame of each sequence."""
        if self._starts is None:
            steps = self.steps
            self._starts = np.cumsum(steps) - steps
        return self._starts

    def same_as(self, other: Layout) -> bool:
        return self is other or self.key == other.key


class Tensor:
    """A symbol for an array in NumPy order, with a leading frame axis where it has a layout.

    A tensor may be a view of another one, its `parent`: then it has no array of its own, and its gradient is the same
    view of the parent's gradient. `window` is the place of the view in the parent, one (start, stop) for each
    dimension, None for a view of the whole.
    """

    __slots__ = (
        "array",
        "dtype",
        "entries",
        "gradient",
        "gradient_shared",
        "gradient_whole",
        "is_reshape",
        "last_use",
        "layout",
        "needs_gradient",
        "parent",
        "partitioned",
        "pooled",
        "row_gradient",
        "shape",
        "takes_rows",
        "view",
        "window",
        "windows_written",
    )

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        layout: Layout | None = None,
        needs_gradient: bool = False,
        array: Array | None = None,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.layout = layout
        self.needs_gradient = needs_gradient
        self.array = array
        self.parent: Tensor | None = None
        self.view: Callable[[Array], Array] | None = None
        self.window: tuple[tuple[int, int], ...] | None = None
        self.gradient: Tensor | None = None
        self.gradient_shared = False
        self.gradient_whole = False
        self.partitioned = False
        """All views are parts that do not overlap (steps of a loop), or views of the whole."""
        self.windows_written: dict[tuple[tuple[int, int], ...], Tensor] = {}
        self.last_use = -1
        self.pooled: Storage | None = None
        """The buffer of a plan it lives in, as long as it needs it."""
        self.entries: Entries | None = None
        """The elements that are not 0, of a sparse tensor; its array is filled only where it is read."""
        self.takes_rows = False
        """A parameter whose gradient may stay a `row_gradient`."""
        self.row_gradient: RowGradient | None = None
        self.is_reshape = False

    @property
    def sample(self) -> tuple[int, ...]:
        """Shape of one sample, NumPy order."""
        return self.shape if self.layout is None else self.shape[1:]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def root(self) -> Tensor:
        tensor = self
        while tensor.parent is not None:
            tensor = tensor.parent
        return tensor

    def bound(self) -> Array:
        """The array, made from the parent's for a view."""
        if self.array is None:
            assert self.parent is not None and self.view is not None, "a tensor was used before it was written"
            self.array = self.view(self.parent.bound())
        return self.array

    def derived(
        self,
        shape: tuple[int, ...],
        view: Callable[[Array], Array],
        layout: Layout | None,
        window: tuple[tuple[int, int], ...] | None = None,
    ) -> Tensor:
        """A view of this tensor."""
        child = Tensor(shape, self.dtype, layout, self.needs_gradient)
        child.parent = self
        child.view = view
        child.window = window
        return child

    def reshaped(self, shape: tuple[int, ...], layout: Layout | None = None) -> Tensor:
        """The same elements in another shape."""
        child = self.derived(shape, lambda a: a.reshape(shape), layout)
        child.is_reshape = True
        return child

    def sliced(self, window: tuple[tuple[int, int], ...], layout: Layout | None = None) -> Tensor:
        """The part between (start, stop) in each dimension."""
        index = tuple(slice(start, stop) for start, stop in window)
        shape = tuple(stop - start for start, stop in window)
        return self.derived(shape, lambda a: a[index], layout, window)

    def rows(self, start: int, stop: int, layout: Layout | None = None) -> Tensor:
        """Frames from start to stop."""
        return self.sliced(((start, stop), *((0, size) for size in self.shape[1:])), layout)
