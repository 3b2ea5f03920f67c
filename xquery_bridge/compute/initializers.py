"""Initializers: what fills a parameter. Source: section 11 of the CNTK semantics, and parameters drawn by CNTK 2.7.

    >>> glorot_uniform(seed=7).draw(Shape((40, 50)), "float")

An initializer is a value: it can be used for many parameters. One without a seed takes the next of the session when a
parameter is made with it (`seeded`), also where the values are drawn later because dimensions are still inferred.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import CntkError
from .random import RandomStream
from .session import current_session
from .shape import Shape
from .value import DTYPES

__all__ = [
    "AUTOMATIC_RANK",
    "AUTOMATIC_SEED",
    "BilinearInitializer",
    "ConstantInitializer",
    "Initializer",
    "RandomInitializer",
    "bilinear",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "layer_ranks",
    "normal",
    "truncated_normal",
    "uniform",
    "with_ranks",
    "xavier",
]

AUTOMATIC_RANK = 2147483647
"""CNTK's number for a rank that is not given."""
AUTOMATIC_SEED = 18446744073709551613
"""CNTK's number for a seed that is not given."""


class Initializer(ABC):
    """What fills a parameter; `str` gives the kind with its numbers."""

    @abstractmethod
    def draw(self, shape: Shape, data_type: str) -> NDArray[Any]:
        """The values of a parameter.

        Args:
            shape: of the parameter, CNTK order, no unbound dimensions.
            data_type: "float" or "double".
        Returns:
            A C-ordered array of the reversed shape.
        Raises:
            CntkError: the initializer does not fit the shape.
        """

    def seeded(self) -> Initializer:
        """This initializer with its seed settled: to be called once when a parameter is made."""
        return self


@dataclass(frozen=True, slots=True)
class ConstantInitializer(Initializer):
    """One value everywhere."""

    value: float = 0.0

    def draw(self, shape: Shape, data_type: str) -> NDArray[Any]:
        return np.full(shape.numpy_shape, self.value, DTYPES[data_type])

    def __str__(self) -> str:
        return f"Constant(Value({self.value:g}))"


@dataclass(frozen=True, slots=True)
class BilinearInitializer(Initializer):
    """The kernel of a transposed convolution that interpolates: each channel for itself.

    The shape is [width x height x input channels x output channels], with as many output as input channels.
    """

    width: int
    height: int

    def draw(self, shape: Shape, data_type: str) -> NDArray[Any]:
        if self.width != self.height:
            raise CntkError("Filter for bilinear interpolation must be square.")
        if shape.rank < 4:
            raise CntkError("SmallVector: index overflow")
        channels = shape[2]
        if channels != shape[3]:
            raise CntkError("Number of input and output channels of filter for bilinear interpolation must be equal.")
        out = np.zeros(shape.total_size, DTYPES[data_type])
        kernel = _tent(self.width)
        step = (channels + 1) * kernel.size
        for channel in range(channels):
            # a kernel larger than the parameter's: what would lie behind the end is left out, as CNTK's buffers show
            place = out[channel * step : channel * step + kernel.size]
            place[...] = kernel[: place.size]
        return out.reshape(shape.numpy_shape)

    def __str__(self) -> str:
        return f"Bilinear(Kernel Width({self.width}), Kernel Height({self.height}))"


def _tent(width: int) -> NDArray[np.float32]:
    """The two-dimensional tent of a side length, flat; CNTK computes it in single precision for every type."""
    factor = np.float32((width + 1) // 2)
    center = np.float32((width - 1) / 2)
    side = np.float32(1) - np.abs(np.arange(width, dtype=np.float32) - center) / factor
    return np.outer(side, side).ravel()


class _Distribution(NamedTuple):
    """A row of the table of random initializers.

    `method` draws from a stream, `spread` is the half width of the range or the standard deviation for scale 1.
    """

    label: str
    cntk_name: str
    has_ranks: bool
    method: Callable[[RandomStream, NDArray[Any], float], None]
    spread: Callable[[float, float], float]


def _draw_uniform(stream: RandomStream, out: NDArray[Any], spread: float) -> None:
    stream.uniform(out, -spread, spread)


def _draw_normal(stream: RandomStream, out: NDArray[Any], spread: float) -> None:
    stream.normal(out, 0.0, spread)


def _draw_truncated_normal(stream: RandomStream, out: NDArray[Any], spread: float) -> None:
    stream.truncated_normal(out, 0.0, spread)


def _one(fan_in: float, fan_out: float) -> float:
    return 1.0


_DISTRIBUTIONS = {
    row.label: row
    for row in (
        _Distribution("Uniform", "uniform1", False, _draw_uniform, _one),
        _Distribution("Normal", "normal", True, _draw_normal, _one),
        _Distribution("TruncatedNormal", "TruncNormal", False, _draw_truncated_normal, _one),
        _Distribution("Xavier", "xavier", True, _draw_uniform, lambda i, o: math.sqrt(3 / i)),
        _Distribution("GlorotUniform", "glorotUniform", True, _draw_uniform, lambda i, o: math.sqrt(6 / (i + o))),
        _Distribution("GlorotNormal", "glorotNormal", True, _draw_normal, lambda i, o: math.sqrt(2 / (i + o))),
        _Distribution("HeUniform", "heUniform", True, _draw_uniform, lambda i, o: math.sqrt(6 / i)),
        _Distribution("HeNormal", "heNormal", True, _draw_normal, lambda i, o: math.sqrt(2 / i)),
    )
}


@dataclass(frozen=True, slots=True)
class RandomInitializer(Initializer):
    """A random initializer: a row of the table above, a scale, ranks, and a seed.

    Attributes:
        label: "Uniform", "Normal", "TruncatedNormal", "Xavier", "GlorotUniform", "GlorotNormal", "HeUniform" or
            "HeNormal".
        output_rank: how many dimensions count as outputs: those behind the filter's, or, negative, the last ones.
        filter_rank: how many of the first dimensions belong to the filter of a convolution.
        seed: None takes the session's next.
    """

    label: str
    scale: float = 1.0
    output_rank: int = AUTOMATIC_RANK
    filter_rank: int = AUTOMATIC_RANK
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.scale <= 0:
            name = _DISTRIBUTIONS[self.label].cntk_name
            raise CntkError(f"CreateInitializer: scale value for initializer '{name}' cannot be 0.")

    def seeded(self) -> RandomInitializer:
        return self if self.seed is not None else replace(self, seed=current_session().next_seed())

    def draw(self, shape: Shape, data_type: str) -> NDArray[Any]:
        if self.seed is None:
            return self.seeded().draw(shape, data_type)
        row = _DISTRIBUTIONS[self.label]
        out: NDArray[Any] = np.empty(shape.numpy_shape, DTYPES[data_type])
        fan_in, fan_out = self._fans(shape)
        if out.size:
            # CNTK rounds both factors to the data type before it multiplies them
            spread = out.dtype.type(row.spread(fan_in, fan_out)) * out.dtype.type(self.scale)
            row.method(RandomStream(self.seed), out, spread)
        return out

    def _fans(self, shape: Shape) -> tuple[int, int]:
        """How many inputs an output element has, and how many outputs an input element: products of dimensions."""
        output_rank = 1 if self.output_rank == AUTOMATIC_RANK else self.output_rank
        filter_rank = 0 if self.filter_rank == AUTOMATIC_RANK else self.filter_rank
        # CNTK compares as unsigned numbers, so that a negative sum is too large
        if _DISTRIBUTIONS[self.label].has_ranks and not 0 <= filter_rank + output_rank <= shape.rank:
            raise CntkError(
                f"Sum of filter rank ({filter_rank}) and output rank ({output_rank}) of the parameter initializer "
                f"cannot exceed the Parameter shape '{shape}' rank ({shape.rank})"
            )
        if filter_rank < 0:
            raise CntkError("SmallVector: index overflow")
        if filter_rank + abs(output_rank) > shape.rank:
            raise CntkError(
                f"InitRandom: initFilterRank={filter_rank} and initOutputRank={output_rank} exceeds sampleLayout rank "
                f"{shape.rank}"
            )
        filter_size = math.prod(shape[:filter_rank])
        rest = shape[filter_rank:]
        first, last = math.prod(rest[:output_rank]), math.prod(rest[output_rank:])
        inputs, outputs = (first, last) if output_rank < 0 else (last, first)
        return inputs * filter_size, outputs * filter_size

    def __str__(self) -> str:
        seed = "automatic" if self.seed is None else self.seed
        if not _DISTRIBUTIONS[self.label].has_ranks:
            return f"{self.label}(Scale({self.scale:g}), Seed({seed}))"
        ranks = ["automatic" if rank == AUTOMATIC_RANK else rank for rank in (self.output_rank, self.filter_rank)]
        return f"{self.label}(Scale({self.scale:g}), Output Rank({ranks[0]}), Filter Rank({ranks[1]}), Seed({seed}))"


def constant(value: float = 0.0) -> Initializer:
    """The value everywhere (`cntk:constant-initializer`)."""
    return ConstantInitializer(float(value))


def bilinear(kernel_width: int, kernel_height: int) -> Initializer:
    """Interpolation by a transposed convolution (`cntk:bilinear-initializer`)."""
    return BilinearInitializer(int(kernel_width), int(kernel_height))


def _seed(seed: int | None) -> int | None:
    return None if seed == AUTOMATIC_SEED else seed


def uniform(scale: float, seed: int | None = None) -> Initializer:
    """Uniform in ± scale (`cntk:uniform-initializer`)."""
    return RandomInitializer("Uniform", float(scale), seed=_seed(seed))


def truncated_normal(scale: float = 1.0, seed: int | None = None) -> Initializer:
    """Normal with deviation `scale`, cut at two deviations (`cntk:truncated-normal-initializer`)."""
    return RandomInitializer("TruncatedNormal", float(scale), seed=_seed(seed))


def normal(
    scale: float, output_rank: int = AUTOMATIC_RANK, filter_rank: int = AUTOMATIC_RANK, seed: int | None = None
) -> Initializer:
    """Normal with deviation `scale`, whatever the ranks (`cntk:normal-initializer`)."""
    return RandomInitializer("Normal", float(scale), output_rank, filter_rank, _seed(seed))


def xavier(
    scale: float = 1.0, output_rank: int = AUTOMATIC_RANK, filter_rank: int = AUTOMATIC_RANK, seed: int | None = None
) -> Initializer:
    """Uniform in ± scale · sqrt(3 / fan-in) (`cntk:xavier-initializer`)."""
    return RandomInitializer("Xavier", float(scale), output_rank, filter_rank, _seed(seed))


def glorot_uniform(
    scale: float = 1.0, output_rank: int = AUTOMATIC_RANK, filter_rank: int = AUTOMATIC_RANK, seed: int | None = None
) -> Initializer:
    """Uniform in ± scale · sqrt(6 / (fan-in + fan-out)) (`cntk:glorot-uniform-initializer`)."""
    return RandomInitializer("GlorotUniform", float(scale), output_rank, filter_rank, _seed(seed))


def glorot_normal(
    scale: float = 1.0, output_rank: int = AUTOMATIC_RANK, filter_rank: int = AUTOMATIC_RANK, seed: int | None = None
) -> Initializer:
    """Normal with deviation scale · sqrt(2 / (fan-in + fan-out)) (`cntk:glorot-normal-initializer`)."""
    return RandomInitializer("GlorotNormal", float(scale), output_rank, filter_rank, _seed(seed))


def he_uniform(
    scale: float = 1.0, output_rank: int = AUTOMATIC_RANK, filter_rank: int = AUTOMATIC_RANK, seed: int | None = None
) -> Initializer:
    """Uniform in ± scale · sqrt(6 / fan-in) (`cntk:he-uniform-initializer`)."""
    return RandomInitializer("HeUniform", float(scale), output_rank, filter_rank, _seed(seed))


def he_normal(
    scale: float = 1.0, output_rank: int = AUTOMATIC_RANK, filter_rank: int = AUTOMATIC_RANK, seed: int | None = None
) -> Initializer:
    """Normal with deviation scale · sqrt(2 / fan-in) (`cntk:he-normal-initializer`)."""
    return RandomInitializer("HeNormal", float(scale), output_rank, filter_rank, _seed(seed))


def with_ranks(initializer: Initializer, output_rank: int, filter_rank: int) -> Initializer:
    """The initializer with its ranks set (`cntk:random-initializer-with-rank`); kinds without ranks stay as they are.

    Raises:
        CntkError: other ranks were given to the initializer before, or it is a truncated normal one.
    """
    if not isinstance(initializer, RandomInitializer) or initializer.label == "Uniform":
        return initializer
    if initializer.label == "TruncatedNormal":
        raise CntkError("RandomInitializerWithRank: a truncated normal initializer has no ranks.")
    if initializer.output_rank not in (AUTOMATIC_RANK, output_rank):
        raise CntkError(
            "Output rank of a non-uniform random initialier cannot be overridden if it has been already specified!"
        )
    if initializer.filter_rank not in (AUTOMATIC_RANK, filter_rank):
        raise CntkError(
            "Filer rank of a non-uniform random initialier cannot be overridden if it has been already specified!"
        )
    return replace(initializer, output_rank=output_rank, filter_rank=filter_rank)


def layer_ranks(initializer: Initializer, output_rank: int, filter_rank: int) -> Initializer:
    """The initializer of a layer's weights: ranks that it was given are kept, the layer sets the others (ours).

    CNTK refuses ranks of one's own in a layer; but `cntk:` functions take a seed only behind the ranks.
    """
    if not isinstance(initializer, RandomInitializer) or initializer.label in ("Uniform", "TruncatedNormal"):
        return initializer
    given = (initializer.output_rank, initializer.filter_rank)
    kept = [
        own if own != AUTOMATIC_RANK else wanted for own, wanted in zip(given, (output_rank, filter_rank), strict=True)
    ]
    return replace(initializer, output_rank=kept[0], filter_rank=kept[1])
