"""Layers of vectors and tensors: dense, embedding, layer normalization, dropout.

Each is CNTK's Python layer of that name with its defaults (cntk-semantics section 9), applied to an operand. Shapes
are in CNTK order (first dimension fastest), so the output dimensions of a weight come before its input dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .axis import Axis
from .convolution_layers import _as_layer, _parameter
from .errors import CntkError
from .graph import Function
from .initializers import AUTOMATIC_RANK, Initializer, glorot_uniform, layer_ranks
from .ops.binary import element_times, minus, plus
from .ops.blocks import element_divide, number
from .ops.elementwise import sqrt
from .ops.linear import times
from .ops.operator import Operand
from .ops.random_draws import dropout
from .ops.reductions import reduce_mean
from .shape import INFERRED, Shape
from .value import DTYPES, Value
from .variable import Constant, Variable

__all__ = ["dense_layer", "dropout_layer", "embedding_layer", "from_value", "layer_normalization_layer"]

Activation = Callable[[Function], Function]
Initial = Initializer | float


@dataclass(frozen=True, slots=True)
class _ArrayInitializer(Initializer):
    """Given numbers, in memory order."""

    values: NDArray[Any]

    def draw(self, shape: Shape, data_type: str) -> NDArray[Any]:
        if self.values.size != shape.total_size:
            raise CntkError(
                f"CreateInitializer: a value for a parameter of shape '{shape}' was expected, one of "
                f"{self.values.size} elements came."
            )
        return self.values.reshape(shape.numpy_shape).astype(DTYPES[data_type])

    def __str__(self) -> str:
        return f"Value(Size({self.values.size}))"


def from_value(value: Value) -> Initializer:
    """The initializer that gives a parameter the numbers of a value, in memory order.

    Raises:
        CntkError: when a parameter of another size is made with it.
    """
    return _ArrayInitializer(value.array.reshape(-1).copy())


def dense_layer(
    operand: Operand,
    shape: Sequence[int],
    activation: Activation | None = None,
    init: Initial | None = None,
    input_rank: int | None = None,
    map_rank: int | None = None,
    bias: bool = True,
    init_bias: Initial = 0.0,
    name: str = "",
) -> Function:
    """activation(W x + b).

    Args:
        operand: [i1 x … x ik x rest].
        shape: (o1, …, or) of the result, which is [o1 x … x or x rest].
        init: of W, glorot uniform unless given.
        input_rank: how many of the first dimensions of the operand are consumed.
        map_rank: how many of the last dimensions are left alone; without either rank none is.
    Returns:
        The block `Dense` with the parameters W [o1 x … x or x i1 x … x ik] and b [o1 x … x or].
    Raises:
        CntkError: both ranks are given.
    """
    if input_rank is not None and map_rank is not None:
        raise CntkError("Dense: input_rank and map_rank cannot be specified at the same time.")
    outputs = tuple(shape)
    # with an input rank the shape of W says all; without one CNTK consumes all but the last map_rank dimensions
    infer = -1 if input_rank is not None else map_rank or 0
    inputs = (INFERRED,) * (1 if input_rank is None else input_rank)

    def make(x: Variable) -> Function:
        weight = _parameter((*outputs, *inputs), x, _ranked(init, len(outputs)), "W")
        offset = _parameter(outputs, x, init_bias, "b") if bias else None
        result: Function = times(weight, x, len(outputs), infer)
        if offset is not None:
            result = plus(result, offset)
        return activation(result) if activation is not None else result

    return _as_layer("Dense", [operand], make, name)


def _ranked(init: Initial | None, output_rank: int) -> Initial:
    initial = glorot_uniform() if init is None else init
    return layer_ranks(initial, output_rank, AUTOMATIC_RANK) if isinstance(initial, Initializer) else initial


def embedding_layer(
    operand: Operand,
    shape: Sequence[int] | None = None,
    init: Initial | None = None,
    weight: Value | None = None,
    name: str = "",
) -> Function:
    """E x: each element of the operand weighs a column of E.

    Args:
        operand: [i].
        shape: (o), of the result; not needed with a weight.
        init: of E, glorot uniform unless given.
        weight: [o x i], fixed numbers instead of a parameter.
    Returns:
        The block `Embedding` with the parameter, or constant, E [o x i].
    Raises:
        CntkError: both init and weight are given, or neither shape nor weight.
    """
    if init is not None and weight is not None:
        raise CntkError("Embedding: init and weights options are mutually exclusive")
    if weight is None and shape is None:
        raise CntkError("Embedding: output shape must be specified")

    def make(x: Variable) -> Function:
        if weight is not None:
            return times(Constant(weight.shape, weight.data_type, weight.array, "E"), x)
        return times(_parameter((*(shape or ()), INFERRED), x, glorot_uniform() if init is None else init, "E"), x)

    return _as_layer("Embedding", [operand], make, name)


def layer_normalization_layer(
    operand: Operand, initial_scale: Initial = 1.0, initial_bias: Initial = 0.0, epsilon: float = 1e-5, name: str = ""
) -> Function:
    """(x - mean) / (deviation + epsilon) over all elements of a sample, times scale plus bias.

    Returns:
        The block `LayerNormalization` with the parameters scale and bias, as long as the first dimension.
    """

    def make(x: Variable) -> Function:
        scale = _parameter((INFERRED,), x, initial_scale, "scale")
        bias = _parameter((INFERRED,), x, initial_bias, "bias")
        centred = minus(x, reduce_mean(x, Axis.all_static_axes()))
        deviation = sqrt(reduce_mean(element_times(centred, centred), Axis.all_static_axes()))
        normal = element_divide(centred, plus(deviation, number(x, epsilon)))
        return plus(element_times(normal, scale), bias)

    return _as_layer("LayerNormalization", [operand], make, name)


def dropout_layer(
    operand: Operand,
    dropout_rate: float | None = None,
    keep_prob: float | None = None,
    seed: int | None = None,
    name: str = "",
) -> Function:
    """In training each element is 0 with a probability, the rest scaled up; in evaluation nothing changes.

    Args:
        dropout_rate: the probability; or keep_prob, what it lacks of 1.
        seed: the session's next unless given.
    Returns:
        The block `Dropout`.
    Raises:
        CntkError: both probabilities are given, or neither, or one that is out of range.
    """
    if dropout_rate is None and keep_prob is None:
        raise CntkError("Dropout: either dropout_rate or keep_prob must be specified.")
    if dropout_rate is not None and keep_prob is not None:
        raise CntkError("Dropout: dropout_rate and keep_prob cannot be specified at the same time.")
    if keep_prob is not None and not 0 <= keep_prob < 1:
        raise CntkError("Dropout: keep_prob must be in the interval [0,1)")
    rate = 1 - keep_prob if keep_prob is not None else dropout_rate
    assert rate is not None
    return _as_layer("Dropout", [operand], lambda x: dropout(x, rate, seed), name)
