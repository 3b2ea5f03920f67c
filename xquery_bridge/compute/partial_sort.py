"""The largest elements in the order of the C++ library's heap selection, which decides among equal ones in CNTK.

A heap of k indices, the smallest element on top, goes along the elements and takes in each that is larger; then the
heap is sorted. The steps are those of `std::partial_sort` in GNU's library, whose choice and order of equal elements
they reproduce. Where no equal elements are in the way, the largest are found in whole arrays at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .tensor import Array

__all__ = ["largest_by_heap", "largest_places"]


def largest_places(x: Array, k: int) -> NDArray[np.intp]:
    """Indices of the k largest elements along the last axis, largest first; equal ones as CNTK's heap finds them.

    Elements are put in groups; the k groups whose largest elements are the largest hold the k that are sought. Groups
    of the square root of size / k leave equally many maxima and candidates to choose from.
    """
    size = x.shape[-1]
    if k == 0:
        return np.empty((*x.shape[:-1], 0), np.intp)
    rows = x.reshape(-1, size)
    height = math.isqrt(size // k)
    width = size // height
    grouped = height * width  # a group is every `width`-th of so many elements; the rest are candidates anyway
    maxima = np.maximum.reduce(rows[:, :grouped].reshape(-1, height, width), 1)
    groups = np.argpartition(-maxima, min(k, width - 1), 1)
    members = groups[:, :k, None] + np.arange(0, grouped, width)
    ungrouped = np.broadcast_to(np.arange(grouped, size), (len(rows), size - grouped))
    candidates = np.concatenate([members.reshape(len(rows), -1), ungrouped], 1)
    values = np.take_along_axis(rows, candidates, 1)
    order = np.argsort(-values, 1)
    picked = np.take_along_axis(candidates, order[:, :k], 1)
    # Equal elements, picked or left, and those that are not numbers the heap has to order.
    sequence = np.take_along_axis(values, order[:, : k + 1], 1)
    last, others = sequence[:, k - 1 : k], np.take_along_axis(maxima, groups[:, k : k + 1], 1)
    unsure = (sequence[:, 1:] == sequence[:, :-1]).any(1) | (others == last).any(1)
    unsure |= np.isnan(maxima).any(1) | np.isnan(rows[:, grouped:]).any(1)
    for row in np.flatnonzero(unsure):
        picked[row] = largest_by_heap(rows[row].tolist(), k)
    return picked.reshape(*x.shape[:-1], k)


def largest_by_heap(values: Sequence[float], k: int) -> list[int]:
    """Indices of the k largest values, largest first."""
    if k < 1:
        return []
    heap = list(range(k))
    for parent in range((k - 2) // 2, -1, -1):
        _sift(heap, values, parent, k, heap[parent])
    smallest = values[heap[0]]
    for index in range(k, len(values)):
        if values[index] > smallest:
            _sift(heap, values, 0, k, index)
            smallest = values[heap[0]]
    for end in range(k - 1, 0, -1):
        moved, heap[end] = heap[end], heap[0]
        _sift(heap, values, 0, end, moved)
    return heap


def _sift(heap: list[int], values: Sequence[float], hole: int, size: int, index: int) -> None:
    """Moves a hole down to a leaf, the smaller child up each time, then the index up to its place."""
    top = child = hole
    while child < (size - 1) // 2:
        child = 2 * (child + 1)
        if values[heap[child]] > values[heap[child - 1]]:
            child -= 1
        heap[hole] = heap[child]
        hole = child
    if size % 2 == 0 and child == (size - 2) // 2:
        child = 2 * (child + 1)
        heap[hole] = heap[child - 1]
        hole = child - 1
    parent = (hole - 1) // 2
    while hole > top and values[heap[parent]] > values[index]:
        heap[hole] = heap[parent]
        hole, parent = parent, (parent - 1) // 2
    heap[hole] = index
