"""Rows of products, convolution and pooling (cntk-functions.md, groups linear, convolution and pooling)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from xquery_bridge import compute
from xquery_bridge.compute import CntkError, Function, Shape, as_variable
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk import options
from xquery_bridge.library.cntk.groups import CONVOLUTION, LINEAR, POOLING
from xquery_bridge.library.cntk.options import Option
from xquery_bridge.runtime.json_items import MapMap

LINEAR.serve(
    "times($left-operand as cntk:variable, $right-operand as cntk:variable [, $output-rank as xs:integer,"
    " $infer-input-rank-to-map as xs:integer, $name as xs:string]) as cntk:function",
    compute.times,
)
LINEAR.serve(
    "transpose-times($left-operand as cntk:variable, $right-operand as cntk:variable [, $output-rank as xs:integer,"
    " $name as xs:string]) as cntk:function",
    compute.transpose_times,
)

# ------------------------------------------------------------------------------------------------------ convolution

#: The options of the raw convolutions. The first two belong to the layers and are checked against the kernel.
_CONVOLUTION: Final = (
    Option("filter_shape", options.sizes, "filter-shape"),
    Option("num_filters", options.count, "num-filters"),
    Option("strides", options.sizes, "strides"),
    Option("sharing", options.flags, "sharing"),
    Option("auto_padding", options.flags, "auto-padding", "pad"),
    Option("lower_pad", options.sizes, "lower-pad"),
    Option("upper_pad", options.sizes, "upper-pad"),
    Option("dilation", options.sizes, "dilation"),
    Option("reduction_rank", options.count, "reduction-rank"),
    Option("groups", options.count, "groups"),
    Option("max_temp_mem_size_in_samples", options.count, "max-temp-mem-size-in-samples"),
    Option("name", options.text, "name"),
)
_CONVOLUTION_TRANSPOSE: Final = (*_CONVOLUTION, Option("output_shape", options.sizes, "output-shape", "shape"))


def convolution(convolution_map: Operand, operand: Operand, additional: MapMap | None = None) -> Function:
    """Cross-correlation of the operand with a kernel."""
    given = options.read("cntk:convolution", _CONVOLUTION, additional)
    _check_kernel("cntk:convolution", convolution_map, given, -1)
    return compute.convolution(convolution_map, operand, **given)


def convolution_transpose(convolution_map: Operand, operand: Operand, additional: MapMap | None = None) -> Function:
    """The adjoint of a convolution."""
    given = options.read("cntk:convolution-transpose", _CONVOLUTION_TRANSPOSE, additional)
    _check_kernel("cntk:convolution-transpose", convolution_map, given, -2)
    return compute.convolution_transpose(convolution_map, operand, **given)


def _check_kernel(function: str, kernel: Operand, given: dict[str, object], filters_at: int) -> None:
    """Take the options of the layer form out, and refuse those that the kernel contradicts."""
    shape = as_variable(kernel).shape
    wanted = given.pop("filter_shape", None)
    filters = given.pop("num_filters", None)
    if shape.is_unknown:
        return
    if isinstance(wanted, list) and not _agree(shape[: len(wanted)], wanted):
        raise CntkError(f"{function}: the filter shape {Shape(wanted)} was given, the kernel has the shape {shape}.")
    if filters is not None and shape.rank >= 2 and not _agree(shape[filters_at:][:1], [int(str(filters))]):
        raise CntkError(f"{function}: {filters} filters were asked for, the kernel has the shape {shape}.")


def _agree(dimensions: Sequence[int], wanted: Sequence[int]) -> bool:
    return len(dimensions) == len(wanted) and all(
        have == want or have < 0 for have, want in zip(dimensions, wanted, strict=True)
    )


def convolution_transpose_with_explicit_padding(
    convolution_map: Operand,
    operand: Operand,
    strides: Shape,
    sharing: Sequence[bool],
    lower_pad: Sequence[int],
    upper_pad: Sequence[int],
    output_shape: Shape,
    dilation: Shape,
    max_temp_mem_size_in_samples: int,
    name: str = "",
) -> Function:
    """The adjoint of a convolution with its padding given."""
    return compute.convolution_transpose(
        convolution_map,
        operand,
        strides,
        sharing,
        output_shape=output_shape,
        dilation=dilation,
        max_temp_mem_size_in_samples=max_temp_mem_size_in_samples,
        name=name,
        lower_pad=lower_pad,
        upper_pad=upper_pad,
    )


CONVOLUTION.serve(
    "convolution($convolution-map as cntk:variable, $operand as cntk:variable [, $additional-parameters as map:map])"
    " as cntk:function",
    convolution,
    options=_CONVOLUTION,
    configures=compute.convolution,
)
CONVOLUTION.serve(
    "convolution-transpose($convolution-map as cntk:variable, $operand as cntk:variable"
    " [, $additional-parameters as map:map]) as cntk:function",
    convolution_transpose,
    options=_CONVOLUTION_TRANSPOSE,
    configures=compute.convolution_transpose,
)
CONVOLUTION.serve(
    "convolution-transpose-with-explicit-padding($convolution-map as cntk:variable, $operand as cntk:variable,"
    " $strides as cntk:shape, $sharing as xs:boolean*, $lower-pad as xs:unsignedLong*, $upper-pad as xs:unsignedLong*,"
    " $output-shape as cntk:shape, $dilation as cntk:shape, $max-temp-mem-size-in-samples as xs:unsignedLong"
    " [, $name as xs:string]) as cntk:function",
    convolution_transpose_with_explicit_padding,
)

# ---------------------------------------------------------------------------------------------------------- pooling

POOLING.serve(
    "pooling($operand as cntk:variable, $pooling-type as xs:string, $pooling-window-shape as cntk:shape"
    " [, $strides as cntk:shape, $auto-padding as xs:boolean*, $ceil-out-dim as xs:boolean, $include-pad as xs:boolean,"
    " $name as xs:string]) as cntk:function",
    compute.pooling,
    about=(
        "The maximum or average of every window. The average leaves padding out unless `$include-pad`; "
        "with `$ceil-out-dim` the last window may reach beyond the operand."
    ),
)
POOLING.serve(
    "pooling-with-explicit-padding($operand as cntk:variable, $pooling-type as xs:string,"
    " $pooling-window-shape as cntk:shape, $strides as cntk:shape, $lower-pad as xs:unsignedLong*,"
    " $upper-pad as xs:unsignedLong* [, $ceil-out-dim as xs:boolean, $include-pad as xs:boolean, $name as xs:string])"
    " as cntk:function",
    compute.pooling_with_explicit_padding,
    about=(
        "The maximum or average of every window, with `$lower-pad` elements of padding before the first "
        "and `$upper-pad` behind the last element of each dimension."
    ),
)
POOLING.serve(
    "unpooling($operand as cntk:variable, $poolingInput as cntk:variable, $unpooling-type as xs:string,"
    " $unpooling-window-shape as cntk:shape [, $strides as cntk:shape, $auto-padding as xs:boolean*,"
    " $name as xs:string]) as cntk:function",
    compute.unpooling,
)
POOLING.serve(
    "ROI-pooling($operand as cntk:variable, $rois as cntk:variable, $pooling-type as xs:string,"
    " $roi-output-shape as cntk:shape, $spatial-scale as xs:double, $name as xs:string) as cntk:function",
    compute.roi_pooling,
)
