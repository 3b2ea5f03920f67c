"""The engine under CNTK's random numbers: the 64-bit Mersenne twister, ``std::mt19937_64``.

The recurrence is short of work for NumPy: no call can take more than 311 new words of one stream. So a long stream is
generated in lanes, places far apart in it that go on side by side; a lane's start is found by jumping ahead. However
the words are asked for, they are the same.

Source: M. Matsumoto and T. Nishimura, "Mersenne Twister" (1998), for the recurrence and its characteristic polynomial;
H. Haramoto and others, "Efficient Jump Ahead for F2-Linear Random Number Generators" (2008).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Reals = NDArray[np.floating[Any]]

_BITS = 64
_STATE = 312  # words of state
_MIDDLE = 156  # the recurrence is x[k + 312] = x[k + 156] ^ twist(x[k], x[k + 1])
_LOW_BITS = 31  # the twist takes so many from x[k + 1] and the others from x[k]
_TWIST_WORD = 0xB5026F5AA96619E9
_STRIDE = _STATE - 1  # the longest run of new words whose x[k + 1] are all known beforehand
_DEGREE = _STATE * _BITS - _LOW_BITS  # bits of state

#: Words generated between two temperings: a working set that stays in the second-level cache; a jump needs as many.
CHUNK = 65 * _STRIDE
#: Words from the start of one lane to that of the next, about eight times what costs as much as the jump between them.
LANE = 3200 * _STRIDE
_MOST_LANES = 16  # more would leave the first-level cache

_WORD_MASK = (1 << _BITS) - 1
_JUMP_BITS = 4  # coefficients of the jump polynomial that one addition serves
_JUMP_ROW = _DEGREE + _STATE  # words that a jump sums, for each value of so many coefficients


def constant(value: int) -> NDArray[np.uint64]:
    """A 0-d array: cheaper as a ufunc operand than a scalar, which is converted anew in each call."""
    return np.array(value, np.uint64)


_ONE = constant(1)
_UPPER = constant(_WORD_MASK >> _LOW_BITS << _LOW_BITS)
_LOWER = constant((1 << _LOW_BITS) - 1)
_TWIST = constant(_TWIST_WORD)
_TEMPER_29, _TEMPER_17, _TEMPER_37, _TEMPER_43 = map(constant, (29, 17, 37, 43))
_TEMPER_B = constant(0x5555555555555555)
_TEMPER_C = constant(0x71D67FFFEDA60000)
_TEMPER_D = constant(0xFFF7EEE000000000)

_UFUNCS = (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.multiply, np.right_shift)


class _Stride(NamedTuple):
    """Views for one turn of the recurrence in all lanes."""

    low: Words
    high: Words
    middle: Words
    new: Words
    new_as_middle: Words  # the last words of `middle` for the rest are among the first that are new
    new_rest: Words


class _Lanes:
    """Buffers to generate a chunk in so many lanes, and every view the loop needs; the lanes are the fast axis."""

    def __init__(self, lanes: int) -> None:
        strides, split = max(CHUNK // (_STRIDE * lanes), 1), _STATE - _MIDDLE
        self.count = strides * _STRIDE  # of words a lane
        self._words = np.empty((_STATE + self.count, lanes), np.uint64)
        self._first, self._second = np.empty((2, _STRIDE * lanes), np.uint64)
        self._first_head, self._first_rest = self._first[: split * lanes], self._first[split * lanes :]
        self._scratch = np.empty(self.count * lanes, np.uint64)
        x = self._words.reshape(-1)
        self._strides = [
            _Stride(
                *(
                    x[(k + start) * lanes : (k + end) * lanes]
                    for start, end in (
                        (0, _STRIDE),
                        (1, _STATE),
                        (_MIDDLE, _STATE),
                        (_STATE, _STATE + split),
                        (_STATE, _MIDDLE + _STRIDE),
                        (_STATE + split, _STATE + _STRIDE),
                    )
                )
            )
            for k in range(0, self.count, _STRIDE)
        ]

    def raw(self, window: Words, count: int) -> Words:
        """The next words (count, lanes) after `window` (312, lanes), not tempered; the window moves behind them."""
        first, second, head, rest = self._first, self._second, self._first_head, self._first_rest
        bit_and, bit_or, bit_xor, multiply, shift_right = _UFUNCS  # looked up once: the loop is many short calls
        upper, lower, one, twist = _UPPER, _LOWER, _ONE, _TWIST
        self._words[:_STATE] = window
        for low, high, middle, new, new_as_middle, new_rest in self._strides[: -(-count // _STRIDE)]:
            bit_and(low, upper, first)
            bit_and(high, lower, second)
            bit_or(first, second, first)
            bit_and(first, one, second)
            multiply(second, twist, second)
            shift_right(first, one, first)
            bit_xor(first, second, first)
            bit_xor(head, middle, new)
            bit_xor(rest, new_as_middle, new_rest)
        window[:] = self._words[count : count + _STATE]
        return self._words[_STATE : _STATE + count]

    def fill(self, window: Words, out: Words) -> None:
        """Write the next words of the streams into `out` (lanes, count); the window moves behind them."""
        raw = self.raw(window, out.shape[1])
        words, scratch = raw.reshape(-1), self._scratch[: raw.size]
        bit_and, bit_xor = np.bitwise_and, np.bitwise_xor
        np.right_shift(words, _TEMPER_29, scratch)
        bit_and(scratch, _TEMPER_B, scratch)
        bit_xor(words, scratch, words)
        for shift, mask in ((_TEMPER_17, _TEMPER_C), (_TEMPER_37, _TEMPER_D)):
            np.left_shift(words, shift, scratch)
            bit_and(scratch, mask, scratch)
            bit_xor(words, scratch, words)
        np.right_shift(words, _TEMPER_43, scratch)
        bit_xor(raw, scratch.reshape(raw.shape), out.T)


class _Workspace(threading.local):
    """The buffers of a thread, by number of lanes."""

    def __init__(self) -> None:
        self._by_lanes: dict[int, _Lanes] = {}

    def lanes(self, number: int) -> _Lanes:
        if number not in self._by_lanes:
            self._by_lanes[number] = _Lanes(number)
        return self._by_lanes[number]


_WORKSPACE = _Workspace()


class MersenneTwister64:
    """The engine: ``std::mt19937_64`` seeded with the low 64 bits of an integer.

    The state is the window of 312 raw words before the next one, so a call takes exactly the words it returns.
    """

    __slots__ = ("_window",)

    def __init__(self, seed: int) -> None:
        word = seed & _WORD_MASK
        window = [word]
        for index in range(1, _STATE):
            word = (6364136223846793005 * (word ^ (word >> 62)) + index) & _WORD_MASK
            window.append(word)
        self._window = np.array(window, np.uint64)[:, None]

    def word(self) -> int:
        """The next number of the stream."""
        out = np.empty(1, np.uint64)
        self.fill(out)
        return int(out[0])

    def fill(self, out: Words) -> None:
        """Write the next numbers of the stream, uniform in [0, 2**64), into `out`."""
        lane = _WORKSPACE.lanes(1)
        for start in range(0, len(out), CHUNK):
            lane.fill(self._window, out[None, start : start + CHUNK])

    def discard(self, count: int) -> None:
        """Pass over so many numbers."""
        for _ in range(count // LANE):
            self._window = _jumped(self._window)
        passed = np.empty(min(count % LANE, CHUNK), np.uint64)
        for start in range(0, count % LANE, CHUNK):
            self.fill(passed[: count % LANE - start])

    def blocks(self, flat: Reals) -> Iterator[tuple[Reals, Words]]:
        """Cut a one-dimensional array into blocks (lanes, words), each with the next numbers for its elements.

        The blocks come in any order, and the numbers of one are good until the next is asked for. The engine goes on
        behind the numbers of all once all were taken.
        """
        place = 0
        while len(flat) - place >= 2 * LANE:
            lanes = min((len(flat) - place) // LANE, _MOST_LANES)
            end = place + lanes * LANE
            yield from self._side_by_side(flat[place:end].reshape(lanes, LANE))
            place = end
        words = np.empty((1, min(len(flat) - place, CHUNK)), np.uint64)
        for start in range(place, len(flat), CHUNK):
            part = flat[None, start : start + CHUNK]
            self.fill(words[0, : part.size])
            yield part, words[:, : part.size]

    def _side_by_side(self, rows: Reals) -> Iterator[tuple[Reals, Words]]:
        """Blocks of rows of `LANE` elements, generated together."""
        windows = [self._window]
        while len(windows) < len(rows):
            windows.append(_jumped(windows[-1]))
        window, lanes = np.concatenate(windows, axis=1), _WORKSPACE.lanes(len(rows))
        words = np.empty((len(rows), lanes.count), np.uint64)
        for start in range(0, LANE, lanes.count):
            part = rows[:, start : start + lanes.count]
            block = words[:, : part.shape[1]]
            lanes.fill(window, block)
            yield part, block
        self._window = window[:, -1:].copy()


@cache
def _characteristic_polynomial() -> int:
    """Of the recurrence over GF(2), bit k the coefficient of t**k (source: Matsumoto and Nishimura, appendix A)."""
    high_bits = _BITS - _LOW_BITS
    upper = _powers(1 << _STATE | 1 << _MIDDLE, high_bits)
    lower = _powers(1 << _STATE - 1 | 1 << _MIDDLE - 1, _LOW_BITS)
    polynomial = _product(upper[high_bits], lower[_LOW_BITS])
    for bit in range(_BITS):
        if _TWIST_WORD >> bit & 1:
            rest = upper[_BITS - 1 - bit] if bit >= _LOW_BITS else _product(upper[-1], lower[_LOW_BITS - 1 - bit])
            polynomial ^= rest
    return polynomial


def _product(a: int, b: int) -> int:
    """Of two polynomials over GF(2); cheap where `b` has few terms."""
    product = 0
    while b:
        product ^= a << b.bit_length() - 1
        b ^= 1 << b.bit_length() - 1
    return product


def _powers(base: int, highest: int) -> list[int]:
    powers = [1]
    while len(powers) <= highest:
        powers.append(_product(powers[-1], base))
    return powers


@cache
def _jump_polynomial() -> int:
    """t**LANE modulo the characteristic polynomial; with its coefficients c, x[k + LANE] = the sum of c[i] x[k + i]."""
    exponent, squarings = LANE, 0
    while exponent >= _DEGREE:
        exponent, squarings = exponent // 2, squarings + 1
    if exponent << squarings != LANE:
        raise AssertionError("the length of a lane must be a short number times a power of two")
    # No term of the polynomial comes close to its highest: the highest byte of a remainder names the multiple to take.
    multiples = [_product(_characteristic_polynomial(), byte) for byte in range(256)]
    power = 1 << exponent
    for _ in range(squarings):
        power = int("0".join(f"{power:b}"), 2)  # over GF(2) a square has its terms at twice the places
        for place in range(_DEGREE // 8 * 8, -1, -8):
            power ^= multiples[power >> _DEGREE + place] << place
    return power


@cache
def _jump_windows() -> NDArray[np.intp]:
    """Where the windows start that a jump sums, in the rows of sums that `_jumped` makes, in order of the memory."""
    digits = f"{_jump_polynomial():x}"[::-1]  # each of _JUMP_BITS coefficients
    starts = [int(digit, 16) * _JUMP_ROW + _JUMP_BITS * place for place, digit in enumerate(digits) if digit != "0"]
    return np.array(sorted(starts), np.intp)


def _jumped(window: Words) -> Words:
    """The window (312, 1) that comes `LANE` words behind `window`; the low bits of its first word are not state."""
    words = np.empty(_STATE + CHUNK, np.uint64)
    words[:_STATE] = window[:, 0]
    words[_STATE:] = _WORKSPACE.lanes(1).raw(window.copy(), CHUNK)[:, 0]
    sums = np.empty((1 << _JUMP_BITS, _JUMP_ROW), np.uint64)  # by digit: the sums of the words that its bits choose
    sums[0] = 0
    for digit in range(1, 1 << _JUMP_BITS):
        lowest = digit & -digit
        start = lowest.bit_length() - 1
        np.bitwise_xor(sums[digit ^ lowest], words[start : start + _JUMP_ROW], sums[digit])
    windows, starts = np.lib.stride_tricks.sliding_window_view(sums.reshape(-1), _STATE), _jump_windows()
    jumped = np.zeros(_STATE, np.uint64)
    for start in range(0, len(starts), 64):  # few at a time, to stay in cache
        jumped ^= np.bitwise_xor.reduce(windows[starts[start : start + 64]], axis=0)
    return jumped[:, None]
