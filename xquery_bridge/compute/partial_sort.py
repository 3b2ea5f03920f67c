"""The largest elements in the order of the C++ library's heap selection, which decides among equal ones in CNTK.

A heap of k indices, the smallest element on top, goes along the elements and takes in each that is larger; then the
heap is sorted. The steps are those of `std::partial_sort` in GNU's library, whose choice and order of equal elements
they reproduce.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["largest_by_heap"]


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
