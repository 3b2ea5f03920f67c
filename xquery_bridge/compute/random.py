"""Random numbers as CNTK draws them on the CPU, to the last bit.

One engine serves everything, the 64-bit Mersenne twister. On it stand Boost's distributions of the version CNTK was
built with: ``uniform_real_distribution``, and ``normal_distribution`` by the ziggurat method with an exponential tail.
Source of the rules: section 10 of the CNTK semantics, and streams of a million draws of CNTK 2.7.

A stream goes on where the last call ended, however the draws are cut into calls: an operator that is evaluated again
continues its stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .mersenne_twister import CHUNK, MersenneTwister64, Reals, Words, constant

Doubles = NDArray[np.float64]

_TO_UNIT = 2.0**-64
_LOW_BYTE, _EIGHT = constant(255), constant(8)
_LOW_HALF, _THIRTY_TWO = constant(0xFFFFFFFF), constant(32)
# Doubles whose last 32 bits of fraction count units of 2**-32 and of 2**-64: 2**20 and 2**-12.
_UNITS_OF_HIGH, _UNITS_OF_LOW = constant(0x4130000000000000), constant(0x3F30000000000000)
_BOTH_UNITS = np.array(2.0**20 + 2.0**-12)
# Boost clears this one bit of a word before making a double of it (perhaps meaning all the bits that do not fit).
_NOT_BIT_11 = constant((1 << 64) - 1 ^ 1 << 11)


def _to_unit(words: Words, out: Doubles) -> None:
    """words / 2**64, each rounded once; the words are used up, `out` may lie in their memory.

    Converting unsigned words takes a branch each. Here both halves are put into the fractions of doubles, where they
    are exact, and added: that rounds.
    """
    low, high = np.bitwise_and(words, _LOW_HALF), words.view(np.float64)
    np.bitwise_or(low, _UNITS_OF_LOW, low)
    np.right_shift(words, _THIRTY_TWO, words)
    np.bitwise_or(words, _UNITS_OF_HIGH, words)
    np.subtract(high, _BOTH_UNITS, high)
    np.add(high, low.view(np.float64), out)


@cache
def _normal_layers() -> tuple[list[float], list[float]]:
    """Edges x and heights y = exp(-x*x/2) of the 128 layers of equal area under the half bell, outermost first.

    The start r of the tail is the root of "the last layer ends at height 1"; it is found in decimal arithmetic, since
    the recursion from r to the top loses digits and every edge must be the double nearest to the true one.
    """
    layers = 128

    def build(r: Decimal) -> tuple[list[Decimal], list[Decimal], Decimal]:
        height = (-r * r / 2).exp()
        fraction = Decimal(0)
        for k in range(800, 0, -1):  # Mills' ratio as a continued fraction
            fraction = k / (r + fraction)
        area = height * (r + 1 / (r + fraction))
        x, y = [area / height, r], [Decimal(0), height]
        while len(x) < layers:
            y.append(y[-1] + area / x[-1])
            x.append((-2 * y[-1].ln()).sqrt())
        return x, y, y[-1] + area / x[-1] - 1

    with localcontext() as context:
        context.prec = 45
        left, right = Decimal("3.442619855"), Decimal("3.442619856")
        gap_left, (x, y, gap_right) = build(left)[2], build(right)
        while abs(right - left) > Decimal("1e-30"):
            step = gap_right * (right - left) / (gap_right - gap_left)
            left, gap_left, right = right, gap_right, right - step
            x, y, gap_right = build(right)
    return [float(edge) for edge in x] + [0.0], [float(height) for height in y] + [1.0]


@cache
def _edges_by_byte() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By the low byte of a word, layer * 2 + sign: the edge of the layer with the sign, and the next edge inwards."""
    edges = np.array(_normal_layers()[0])
    byte = np.arange(256)
    return edges[byte >> 1] * ((byte & 1) * 2 - 1), edges[(byte >> 1) + 1]


class _Following:
    """The words after a rejected draw: first the rest of the block, then new ones of the engine."""

    __slots__ = ("_block", "_engine", "position")

    def __init__(self, engine: MersenneTwister64, block: Words) -> None:
        self._engine, self._block = engine, block
        self.position = 0  # of the next word, counted from the start of the block

    def unit(self) -> float:
        """The next word as a number in [0, 1); a word that rounds up to 1 is passed over."""
        value = 1.0
        while value >= 1.0:
            inside = self.position < len(self._block)
            value = (int(self._block[self.position]) if inside else self._engine.word()) * _TO_UNIT
            self.position += 1
        return value


def _flat(out: Reals) -> Reals:
    """The elements in memory order, as a view."""
    if not out.flags.c_contiguous:
        raise ValueError("random numbers can be drawn only into a C-contiguous array")
    return out.reshape(-1)


class RandomStream:
    """One seeded stream of CNTK's random numbers; each call fills an array and moves on.

    Arrays are filled in memory order, whatever their shape; they must be C-contiguous, float32 or float64. As in CNTK
    the parameters of a distribution take the array's type, the arithmetic is done in double, the result is rounded.

    Args:
        seed: of the engine.
        offset: numbers of the engine to pass over first, `rngOffset` in a model file.
    Attributes:
        offset: draws so far: what a file says so that a loaded operator goes on from there. A draw that took several
            numbers of the engine counts once, as in CNTK.
    """

    __slots__ = ("_engine", "offset")

    def __init__(self, seed: int, offset: int = 0) -> None:
        self.restart(seed, offset)

    def restart(self, seed: int, offset: int = 0) -> None:
        """Become the stream of a seed, behind so many numbers."""
        self._engine = MersenneTwister64(seed)
        self._engine.discard(offset)
        self.offset = offset

    def uniform(self, out: Reals, low: float = 0.0, high: float = 1.0) -> None:
        """Uniform in [low, high)."""
        low, high = float(out.dtype.type(low)), float(out.dtype.type(high))
        self.offset += out.size
        if low < high:
            self._uniform(out, low, high)
        else:
            self._engine.discard(out.size)
            out.fill(low)

    def _uniform(
        self, out: Reals, low: float = 0.0, high: float = 1.0, transform: Callable[[Doubles], Reals] | None = None
    ) -> None:
        """Draws in [low, high), transformed; a draw that rounds up to `high` is drawn again, as Boost does."""
        flat, refused = _flat(out), False
        for part, words in self._engine.blocks(flat):
            draws = cast("Doubles", part) if part.dtype == np.float64 else words.view(np.float64)
            _to_unit(words, draws)
            if low != 0.0 or high != 1.0:
                draws *= high - low
                draws += low
            again = draws >= high if draws.max() >= high else None
            if transform is not None:
                part[:] = transform(draws)
            elif draws is not part:
                part[:] = draws
            if again is not None:
                part[again] = np.nan
                refused = True
        if refused:
            kept = flat[~np.isnan(flat)]
            flat[: len(kept)] = kept
            self._uniform(flat[len(kept) :], low, high, transform)

    def normal(self, out: Reals, mean: float = 0.0, deviation: float = 1.0) -> None:
        """Normal with the given mean and standard deviation; an odd number of draws takes one more from the stream."""
        self.offset += out.size + out.size % 2
        self._normal(_flat(out), mean, deviation)
        if out.size % 2:
            while not len(self._standard_normal(1)):
                pass

    def _normal(self, flat: Reals, mean: float, deviation: float) -> None:
        mean, deviation = float(flat.dtype.type(mean)), float(flat.dtype.type(deviation))
        done = 0
        while done < flat.size:
            draws = self._standard_normal(min(flat.size - done, CHUNK))
            draws *= deviation
            draws += mean
            flat[done : done + len(draws)] = draws
            done += len(draws)

    def _standard_normal(self, words: int) -> NDArray[np.float64]:
        """The draws that start within the next `words` words: as many, less the words that rejected draws took."""
        block = np.empty(words, np.uint64)
        self._engine.fill(block)
        edges, inner_edges = _edges_by_byte()
        byte = (block & _LOW_BYTE).astype(np.intp)
        mantissa = block & _NOT_BIT_11
        mantissa >>= _EIGHT
        draws = np.multiply(mantissa.view(np.int64), 2.0**-56)
        draws *= edges.take(byte)
        rejected = np.flatnonzero(np.abs(draws) >= inner_edges.take(byte))
        taken: list[int] = []  # positions of words that gave no draw of their own
        following = _Following(self._engine, block)
        for index in rejected.tolist():
            if index < following.position:
                continue
            following.position = index + 1
            value = self._rejected(int(byte[index]), abs(float(draws[index])), following)
            if value is None:
                taken.append(index)
            else:
                draws[index] = value
            taken.extend(range(index + 1, min(following.position, words)))
        return np.delete(draws, taken) if taken else draws

    @staticmethod
    def _rejected(byte: int, x: float, following: _Following) -> float | None:
        """Decide a draw that fell outside the sure part of its layer; None when it has to be drawn anew."""
        edges, heights = _normal_layers()
        layer, sign = byte >> 1, (byte & 1) * 2 - 1
        if layer == 0:
            start = edges[1]
            while True:
                beyond = -math.log(1.0 - following.unit()) / start
                bound = -math.log(1.0 - following.unit())
                if 2 * bound > beyond * beyond:
                    return (beyond + start) * sign
        y = heights[layer] + following.unit() * (heights[layer + 1] - heights[layer])
        return x * sign if y < math.exp(-(x * x / 2)) else None

    def truncated_normal(self, out: Reals, mean: float = 0.0, deviation: float = 1.0) -> None:
        """Normal, draws farther than two deviations from the mean left out."""
        low, high = (out.dtype.type(mean + side * deviation) for side in (-2, 2))
        flat = _flat(out)
        done = 0
        while done < flat.size:
            draws = np.empty(flat.size - done, out.dtype)
            self._normal(draws, mean, deviation)
            draws = draws[(draws >= low) & (draws <= high)]
            flat[done : done + len(draws)] = draws
            done += len(draws)

    def gumbel(self, out: Reals, location: float = 0.0, scale: float = 1.0) -> None:
        """Gumbel (extreme value) with the given location and scale."""
        location, scale = float(out.dtype.type(location)), float(out.dtype.type(scale))
        self.offset += out.size
        self._uniform(out, transform=lambda draws: location - scale * np.log(-np.log1p(-draws)))

    def bernoulli(self, out: Reals, mean: float = 0.5) -> None:
        """1 with probability `mean`, else 0."""
        self._mask(out, 1.0 - mean, 1.0)

    def dropout_mask(self, out: Reals, rate: float) -> None:
        """0 with probability `rate`, else 1 / (1 - rate): the factors of CNTK's Dropout in training."""
        self._mask(out, rate, 1.0 / (1.0 - rate))

    def _mask(self, out: Reals, threshold: float, kept: float) -> None:
        self.offset += out.size
        factor = out.dtype.type(kept)
        self._uniform(out, transform=lambda draws: (draws > threshold) * factor)

    def sample(self, cumulative_weights: Sequence[float], count: int, allow_duplicates: bool) -> tuple[list[int], int]:
        """Indices drawn with probability proportional to weight, and the number of tries they took.

        `cumulative_weights` are the running sums of the weights. Without duplicates an index that was drawn before is
        drawn again (source: CNTK's RandomSample).
        """
        sums = np.asarray(cumulative_weights, np.float64)
        total, drawn, tries = float(sums[-1]), dict[int, None](), 0
        draws = np.empty(count if allow_duplicates else 1)
        if allow_duplicates:
            self.uniform(draws, 0.0, total)
            return np.searchsorted(sums, draws).tolist(), count
        while len(drawn) < count:
            self._uniform(draws, 0.0, total)
            drawn.setdefault(int(np.searchsorted(sums, draws[0])))
            tries += 1
        self.offset += tries
        return list(drawn), tries
