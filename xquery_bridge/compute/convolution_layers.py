"""Layers of images: convolution, transposed convolution, pooling, batch normalization.

Each is CNTK's Python layer of that name with its defaults (cntk-semantics section 9), applied to an operand. Lists are
in CNTK order (first dimension fastest), over the spatial dimensions only; `pad` never reaches the channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .axis import Axis
from .errors import CntkError
from .graph import Function, as_block, as_variable
from .initializers import Initializer, glorot_uniform, layer_ranks
from .ops.binary import plus
from .ops.convolution import convolution, convolution_transpose
from .ops.normalization import batch_normalization
from .ops.operator import Operand
from .ops.pooling import pooling, unpooling
from .ops.reshaping import reshape, splice
from .shape import INFERRED, UNKNOWN_SHAPE, Shape
from .variable import Constant, Parameter, Variable, placeholder

__all__ = [
    "average_pooling_layer",
    "batch_normalization_layer",
    "convolution_1d_layer",
    "convolution_2d_layer",
    "convolution_3d_layer",
    "convolution_layer",
    "convolution_transpose_1d_layer",
    "convolution_transpose_2d_layer",
    "convolution_transpose_3d_layer",
    "convolution_transpose_layer",
    "global_average_pooling_layer",
    "global_max_pooling_layer",
    "max_pooling_layer",
    "max_unpooling_layer",
]

_GROUPS_REFUSED = (
    "Convolution: groups > 1, is not currently supported by Convolution layer. For group convolution with groups > 1, "
    "use CNTK's low-level convolution node (cntk.convolution)."
)
_SCALAR_OR = {1: "", 2: " or a 2D tuple, e.g. 3 or (3,3)", 3: " or a 3D tuple, e.g. 3 or (3,3,3)"}

Activation = Callable[[Function], Function]
Initial = Initializer | float


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Sequence) else (value,)


def _spread(value: Any, filter_shape: Sequence[int], option: str) -> list[Any]:
    """An option for every spatial dimension: one value holds for all."""
    values = _tuple(value)
    if len(values) == 1:
        return list(values) * len(filter_shape)
    if len(values) != len(filter_shape):
        raise CntkError(
            f"{option} parameter ({values}) must be a scalar or have same number of elements as the filter_shape "
            f"parameter ({tuple(filter_shape)})"
        )
    return list(values)


def _of_rank(rank: int, layer: str, filter_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The filter shape of a layer for a fixed number of dimensions."""
    taps = _tuple(filter_shape)
    if len(taps) == 1:
        return taps * rank
    if len(taps) != rank:
        raise CntkError(f"{layer}: filter_shape must be a scalar{_SCALAR_OR[rank]}")
    return taps


def _as_layer(op_name: str, operands: Sequence[Operand], make: Callable[..., Function], name: str) -> Function:
    """A block over the operands; inside, placeholders that know what is known of them stand for them."""
    variables = [as_variable(v) for v in operands]
    stand_ins = [placeholder(v.shape, v.data_type, "", v.dynamic_axes) for v in variables]
    return as_block(make(*stand_ins), dict(zip(stand_ins, variables, strict=True)), op_name, name)


def _parameter(shape: Sequence[int], like: Variable, initial: Initial, name: str) -> Parameter:
    data_type = like.data_type if like.data_type != "unknown" else "float"
    return Parameter(Shape(shape), data_type, initial if isinstance(initial, Initializer) else float(initial), name)


def _kernel(shape: Sequence[int], like: Variable, init: Initial | None, filter_rank: int) -> Parameter:
    initial = glorot_uniform() if init is None else init
    if isinstance(initial, Initializer):
        initial = layer_ranks(initial, -1, filter_rank)
    return _parameter(shape, like, initial, "W")


def _insert_ones(operand: Operand, place: int, count: int) -> Function:
    return reshape(operand, Shape((1,) * count), Axis.static(place), Axis.static(place))


def _remove(operand: Operand, place: int, count: int) -> Function:
    return reshape(operand, Shape(()), Axis.static(place), Axis.static(place + count))


def _window(operand: Operand, dimension: int, begin: int, size: int) -> Function:
    """The steps begin, begin + 1, … from each step, side by side in a dimension that is 1; nothing beyond the ends."""
    from .ops.recurrence import future_value, past_value

    shifted: list[Operand] = []
    for step in range(begin, begin + size):
        if step == 0:
            shifted.append(operand)
        else:
            shifted.append(past_value(operand, None, -step) if step < 0 else future_value(operand, None, step))
    return splice(shifted, Axis.static(dimension))


def convolution_layer(
    operand: Operand,
    filter_shape: int | Sequence[int],
    num_filters: int | None = None,
    activation: Activation | None = None,
    init: Initial | None = None,
    pad: bool | Sequence[bool] = False,
    strides: int | Sequence[int] = 1,
    sharing: bool | Sequence[bool] = True,
    bias: bool = True,
    init_bias: Initial = 0.0,
    reduction_rank: int = 1,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    sequential: bool = False,
    max_temp_mem_size_in_samples: int = 0,
    name: str = "",
) -> Function:
    """A convolution with its own kernel and bias, then an activation.

    Args:
        operand: [d1 x … x dn x C], or [d1 x … x dn] with reduction rank 0; with `sequential` [d1 x … x C] and a
            sequence axis, which takes the place of the last spatial dimension.
        filter_shape: of the n spatial dimensions.
        num_filters: M; none for one filter whose result has no channel dimension.
        init: of the kernel, glorot uniform unless given.
    Returns:
        The block `Convolution` with the parameters W [k1 x … x kn x C x M] and b [1 x … x 1 x M].
    Raises:
        CntkError: options that do not fit, groups (as in CNTK's layer).
    """
    taps = _tuple(filter_shape)
    rank = len(taps)
    _check_options("Convolution", reduction_rank, sharing)
    if groups < 1:
        raise CntkError("Convolution: groups must be strictly positive, i.e. groups > 0.")
    if groups > 1:
        raise CntkError(_GROUPS_REFUSED)
    stride_list = _spread(strides, taps, "strides")
    pads = _spread(pad, taps, "pad")
    dilations = _spread(dilation, taps, "dilation")
    maps = 1 if num_filters is None else num_filters
    spatial = rank - 1 if sequential else rank
    if sequential and stride_list[-1] != 1:
        raise CntkError("windowed convolution with stride not yet implemented")

    def make(x: Variable) -> Function:
        kernel = _kernel((*taps, INFERRED, maps), x, init, rank)
        offset = _parameter((*(1,) * rank, maps), x, init_bias, "b") if bias else None
        samples: Operand = x
        if sequential or reduction_rank == 0:
            samples = _insert_ones(samples, spatial, sequential + (reduction_rank == 0))
        before = (taps[-1] - 1) // 2
        if sequential:
            samples = _window(samples, spatial, -before, taps[-1])
        result: Function = convolution(
            kernel,
            samples,
            [*stride_list, 1],
            [True],
            [*pads[:spatial], *(False for _ in range(rank - spatial)), False],
            [*dilations, 1],
            max_temp_mem_size_in_samples=max_temp_mem_size_in_samples,
        )
        if sequential and not pads[-1]:
            from .ops.sequences import sequence_slice

            result = sequence_slice(result, before, -(taps[-1] - 1 - before))
        if offset is not None:
            result = plus(result, offset)
        if sequential or num_filters is None:
            result = _remove(result, spatial, sequential + (num_filters is None))
        return activation(result) if activation is not None else result

    return _as_layer("Convolution", [operand], make, name)


def _check_options(layer: str, reduction_rank: int, sharing: bool | Sequence[bool]) -> None:
    if reduction_rank not in (0, 1):
        raise CntkError(f"{layer}: reduction_rank must be 0 or 1")
    if not all(_tuple(sharing)):
        raise CntkError(f"{layer}: sharing option currently must be True")


def convolution_1d_layer(operand: Operand, filter_shape: int | Sequence[int], *args: Any, **options: Any) -> Function:
    """`convolution_layer` over one spatial dimension."""
    return convolution_layer(operand, _of_rank(1, "Convolution1D", filter_shape), *args, **options)


def convolution_2d_layer(operand: Operand, filter_shape: int | Sequence[int], *args: Any, **options: Any) -> Function:
    """`convolution_layer` over two spatial dimensions; one number makes a square filter."""
    return convolution_layer(operand, _of_rank(2, "Convolution2D", filter_shape), *args, **options)


def convolution_3d_layer(operand: Operand, filter_shape: int | Sequence[int], *args: Any, **options: Any) -> Function:
    """`convolution_layer` over three spatial dimensions; one number makes a cubic filter."""
    return convolution_layer(operand, _of_rank(3, "Convolution3D", filter_shape), *args, **options)


def convolution_transpose_layer(
    operand: Operand,
    filter_shape: int | Sequence[int],
    num_filters: int,
    activation: Activation | None = None,
    init: Initial | None = None,
    pad: bool | Sequence[bool] = False,
    strides: int | Sequence[int] = 1,
    sharing: bool | Sequence[bool] = True,
    bias: bool = True,
    init_bias: Initial = 0.0,
    output_shape: int | Sequence[int] | None = None,
    reduction_rank: int = 1,
    dilation: int | Sequence[int] = 1,
    max_temp_mem_size_in_samples: int = 0,
    name: str = "",
) -> Function:
    """A transposed convolution with its own kernel and bias, then an activation.

    Args:
        operand: [d1 x … x dn x C], or [d1 x … x dn] with reduction rank 0.
        num_filters: M.
        output_shape: spatial dimensions wanted of the result.
    Returns:
        The block `ConvolutionTranspose` with the parameters W [k1 x … x kn x M x C] and b [1 x … x 1 x M].
    """
    taps = _tuple(filter_shape)
    rank = len(taps)
    _check_options("ConvolutionTranspose", reduction_rank, sharing)
    stride_list = _spread(strides, taps, "strides")
    pads = _spread(pad, taps, "pad")
    dilations = _spread(dilation, taps, "dilation")
    wanted = (0,) if output_shape is None or _tuple(output_shape) == (0,) else (*_tuple(output_shape), num_filters)

    def make(x: Variable) -> Function:
        kernel = _kernel((*taps, num_filters, INFERRED), x, init, rank)
        offset = _parameter((*(1,) * rank, num_filters), x, init_bias, "b") if bias else None
        samples: Operand = _insert_ones(x, rank, 1) if reduction_rank == 0 else x
        result: Function = convolution_transpose(
            kernel,
            samples,
            [*stride_list, 1],
            [True],
            [*pads, False],
            wanted,
            [*dilations, 1],
            max_temp_mem_size_in_samples=max_temp_mem_size_in_samples,
        )
        if offset is not None:
            result = plus(result, offset)
        return activation(result) if activation is not None else result

    return _as_layer("ConvolutionTranspose", [operand], make, name)


def convolution_transpose_1d_layer(
    operand: Operand, filter_shape: int | Sequence[int], *args: Any, **options: Any
) -> Function:
    """`convolution_transpose_layer` over one spatial dimension."""
    return convolution_transpose_layer(operand, _of_rank(1, "ConvolutionTranspose1D", filter_shape), *args, **options)


def convolution_transpose_2d_layer(
    operand: Operand, filter_shape: int | Sequence[int], *args: Any, **options: Any
) -> Function:
    """`convolution_transpose_layer` over two spatial dimensions."""
    return convolution_transpose_layer(operand, _of_rank(2, "ConvolutionTranspose2D", filter_shape), *args, **options)


def convolution_transpose_3d_layer(
    operand: Operand, filter_shape: int | Sequence[int], *args: Any, **options: Any
) -> Function:
    """`convolution_transpose_layer` over three spatial dimensions."""
    return convolution_transpose_layer(operand, _of_rank(3, "ConvolutionTranspose3D", filter_shape), *args, **options)


def _pooling_layer(
    op_name: str,
    operand: Operand,
    pooling_type: str,
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int],
    pad: bool | Sequence[bool],
    name: str,
) -> Function:
    taps = _tuple(filter_shape)
    stride_list, pads = _spread(strides, taps, "strides"), _spread(pad, taps, "pad")
    return _as_layer(op_name, [operand], lambda x: pooling(x, pooling_type, taps, stride_list, pads), name)


def max_pooling_layer(
    operand: Operand,
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    pad: bool | Sequence[bool] = False,
    name: str = "",
) -> Function:
    """The maximum of every window; `filter_shape` is of the first dimensions. The block `MaxPooling`."""
    return _pooling_layer("MaxPooling", operand, "max", filter_shape, strides, pad, name)


def average_pooling_layer(
    operand: Operand,
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    pad: bool | Sequence[bool] = False,
    name: str = "",
) -> Function:
    """The average of every window, padding left out. The block `AveragePooling`."""
    return _pooling_layer("AveragePooling", operand, "average", filter_shape, strides, pad, name)


def global_max_pooling_layer(operand: Operand, name: str = "") -> Function:
    """The maximum over all dimensions but the last: [d1 x … x dn x C] to [1 x … x 1 x C]."""
    return _as_layer("GlobalMaxPooling", [operand], lambda x: pooling(x, "max", UNKNOWN_SHAPE), name)


def global_average_pooling_layer(operand: Operand, name: str = "") -> Function:
    """The average over all dimensions but the last: [d1 x … x dn x C] to [1 x … x 1 x C]."""
    return _as_layer("GlobalAveragePooling", [operand], lambda x: pooling(x, "average", UNKNOWN_SHAPE), name)


def max_unpooling_layer(
    operand: Operand,
    pooling_input: Operand,
    filter_shape: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    pad: bool | Sequence[bool] = False,
    name: str = "",
) -> Function:
    """Puts values back where `pooling_input` had the maxima of its windows. The block `MaxUnpooling`."""
    taps = _tuple(filter_shape)
    stride_list, pads = _spread(strides, taps, "strides"), _spread(pad, taps, "pad")
    return _as_layer(
        "MaxUnpooling",
        [operand, pooling_input],
        lambda x, y: unpooling(x, y, "max", taps, stride_list, pads),
        name,
    )


def batch_normalization_layer(
    operand: Operand,
    map_rank: int | None = None,
    init_scale: Initial = 1.0,
    normalization_time_constant: float = 5000.0,
    blend_time_constant: float = 0.0,
    epsilon: float = 1e-5,
    use_cntk_engine: bool = False,
    disable_regularization: bool = False,
    name: str = "",
) -> Function:
    """Batch normalization with its own scale, bias and running values.

    Args:
        map_rank: 1 for one value a channel (the last dimension), none for one an element.
    Returns:
        The block `BatchNormalization` with the parameters scale and bias and the constants aggregate_mean,
        aggregate_variance and aggregate_count.
    """
    if map_rank not in (None, 1):
        raise CntkError("BatchNormalization map_rank can only be 1 or None for now")

    def make(x: Variable) -> Function:
        scale = _parameter((INFERRED,), x, init_scale, "scale")
        bias = _parameter((INFERRED,), x, 0.0, "bias")
        mean, variance = (
            Constant(Shape((INFERRED,)), scale.data_type, 0.0, f"aggregate_{what}") for what in ("mean", "variance")
        )
        count = Constant(Shape(()), scale.data_type, 0.0, "aggregate_count")
        return batch_normalization(
            x,
            scale,
            bias,
            mean,
            variance,
            count,
            map_rank == 1,
            normalization_time_constant,
            blend_time_constant,
            epsilon,
            not use_cntk_engine,
            disable_regularization,
        )

    return _as_layer("BatchNormalization", [operand], make, name)
