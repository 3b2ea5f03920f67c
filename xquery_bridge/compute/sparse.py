"""Sparse data: tensors known by their elements that are not 0, and gradients that are 0 outside a few rows.

One-hot data and sparse variables take part in products by their entries, so that the product with a table, an
embedding, costs the rows that are looked up and not the table. Its gradient by the table is a `RowGradient`, and
learners touch those rows alone where their rule allows it. Whatever else reads a sparse tensor gets it filled in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tensor import Array

__all__ = ["Entries", "RowGradient", "add_entries", "product_of_entries", "sum_rows"]

Index = NDArray[np.intp]

_DENSE_SHARE = 4
"""Data of which more than one element in so many is not 0 is multiplied as a whole matrix."""
_PIECE = 1 << 20
"""Elements of a table that are looked up at a time."""


class Entries:
    """The elements of a tensor that are not 0: their places in the flat array, ascending, and their values.

    A plan holds one for each sparse tensor and sets it anew in each run.

    Attributes:
        values: None where all are 1.
        whole_table: CNTK has such data dense, see `RowGradient`.
    """

    __slots__ = ("index", "values", "whole_table")

    def __init__(self, index: Index | None = None, values: Array | None = None) -> None:
        self.index: Index = np.empty(0, np.intp) if index is None else index
        self.values = values
        self.whole_table = False

    def take(self, array: Array) -> None:
        """Becomes the entries of an array."""
        flat = array.reshape(-1)
        self.index = np.flatnonzero(flat)
        self.values = flat[self.index]

    def fill(self, array: Array) -> None:
        """Writes the whole tensor."""
        array.fill(0)
        array.reshape(-1)[self.index] = 1 if self.values is None else self.values


class RowGradient:
    """The gradient of a table that is 0 outside some rows.

    The rows are those of a matrix, `matrix(array)`: the array of the table, its first dimensions or its last ones
    taken together. `rows` are ascending and differ; `sums` has a row for each.

    Attributes:
        whole_table: CNTK's gradient is dense here: rules that also change rows without a gradient must change them.
    """

    __slots__ = ("_parts", "count", "dtype", "shape", "transposed", "whole_table")

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], count: int, transposed: bool, whole_table: bool
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.count = count
        self.transposed = transposed
        self.whole_table = whole_table
        self._parts: list[tuple[Index, Array]] = []

    def new_part(self) -> int:
        """The number of one more contribution."""
        self._parts.append((np.empty(0, np.intp), np.empty((0, 0), self.dtype)))
        return len(self._parts) - 1

    def set_part(self, number: int, rows: Index, sums: Array) -> None:
        """Sets a contribution, in each run anew."""
        self._parts[number] = (rows, sums)

    def merged(self) -> tuple[Index, Array]:
        """Rows and sums of all contributions."""
        if len(self._parts) == 1:
            return self._parts[0]
        given = [part for part in self._parts if len(part[0])]
        if len(given) < 2:
            return given[0] if given else self._parts[0]
        return sum_rows(np.concatenate([rows for rows, _ in given]), np.concatenate([sums for _, sums in given]))

    def matrix(self, array: Array) -> Array:
        """A view of an array of the table, flat or not, as the matrix whose rows are meant."""
        if self.transposed:
            return array.reshape(-1, self.count).T
        return array.reshape(self.count, -1)

    def dense(self) -> Array:
        """The gradient as an array."""
        array = np.zeros(self.shape, self.dtype)
        self.add_to(array)
        return array

    def add_to(self, array: Array) -> None:
        """Adds the gradient to an array of the table."""
        rows, sums = self.merged()
        if len(rows):
            self.matrix(array)[rows] += sums


def sum_rows(index: Index, rows: Array) -> tuple[Index, Array]:
    """The rows added up that have the same index: the different indices, ascending, and a sum for each."""
    if not len(index):
        return index, rows
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    starts = np.flatnonzero(first)
    if len(starts) == len(index):
        return ordered, rows[order]
    return ordered[starts], np.add.reduceat(rows[order], starts, 0)


def add_entries(entries: Entries, width: int, top: Array) -> tuple[Index, Array]:
    """The gradient by a table of a product with it.

    Args:
        width: rows of the table: the entries are those of a matrix with so many columns.
        top: the gradient of the product, a row for each row of that matrix.
    Returns:
        The rows of the table that entries name, and the sum for each.
    """
    rows, columns = np.divmod(entries.index, width)
    found = top[rows]
    if entries.values is not None:
        found *= entries.values[:, None]
    return sum_rows(columns, found)


def product_of_entries(entries: Entries, table: Array, out: Array) -> None:
    """out = X · table, X the matrix of the entries, whose rows are those of `out`."""
    width = table.shape[0]
    index, values = entries.index, entries.values
    if len(index) * _DENSE_SHARE > len(out) * width:
        matrix = np.empty((len(out), width), out.dtype)
        entries.fill(matrix)
        np.dot(matrix, table, out)
        return
    rows, columns = np.divmod(index, width)
    if len(rows) == len(out) and (rows[1:] != rows[:-1]).all():  # one entry in each row
        if table.flags.c_contiguous:
            np.take(table, columns, 0, out, "clip")
        else:
            np.copyto(out, table[columns])
        if values is not None:
            out *= values[:, None]
        return
    out.fill(0)
    starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1]))) if len(rows) else rows
    bounds = [*starts.tolist(), len(rows)]
    most = max(1, _PIECE // max(1, table.shape[1]))
    first, rows_given = 0, len(starts)
    while first < rows_given:
        end = first + 1
        while end < rows_given and bounds[end + 1] - bounds[first] <= most:
            end += 1
        begin, stop = bounds[first], bounds[end]
        found = table[columns[begin:stop]]
        if values is not None:
            found *= values[begin:stop, None]
        out[rows[starts[first:end]]] = np.add.reduceat(found, starts[first:end] - begin, 0)
        first = end
