"""Attributes of functions, between the form the operators keep and the form of CNTK's files.

A file says the type of every attribute; operators keep plain Python values. The table below says which type CNTK 2.7
gives to which attribute, as read from files that it wrote for every operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..axis import UNKNOWN_AXES, Axis
from ..errors import CntkError
from ..shape import Shape
from .dictionary import Dictionary, FileAxis, SizeT

__all__ = ["DATA_TYPES", "attributes_from_file", "attributes_to_file", "axis_from_file", "axis_to_file"]

DATA_TYPES = ("unknown", "float", "double")
"""Data types, each at its number in the files."""

_DYNAMIC = 2147483647
_SPECIAL_AXES = (
    (2147483646, Axis.all_static_axes()),
    (2147483645, UNKNOWN_AXES[0]),
    (2147483644, Axis.end_static()),
    (2147483643, Axis.all_axes()),
)
"""Axes that are no static dimension, and the index CNTK gives them."""
_BY_INDEX = dict(_SPECIAL_AXES)
_TO_INDEX = {axis: index for index, axis in _SPECIAL_AXES}


def axis_from_file(axis: FileAxis) -> Axis:
    """The axis that a file means."""
    if axis.static_index == _DYNAMIC:
        return Axis.dynamic(axis.name, axis.is_ordered)
    return _BY_INDEX.get(axis.static_index) or Axis.static(axis.static_index)


def axis_to_file(axis: Axis) -> FileAxis:
    """An axis as CNTK writes it."""
    index = _TO_INDEX.get(axis)
    if index is None:
        index = axis.static_index if axis.is_static else _DYNAMIC
    return FileAxis(index, axis.name, axis.is_ordered)


def _data_type(value: Any) -> int:
    return DATA_TYPES.index(value)


def _float(value: Any) -> np.float32:
    return np.float32(value)


def _list_of(convert: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda values: [convert(value) for value in values]


_TYPES: dict[str, Callable[[Any], Any]] = {
    name: convert
    for convert, names in (
        (
            bool,
            "OutputSparse SquashInputs allowDuplicates bidirectional ceilOutDim disableRegularization "
            "doVarianceScaling includePad oneHotOutputSparse reductionKeepDimensions "
            "sequenceUnpackSuppressMaskOutput sequential spatial transA transB transpose useCuDNNEngine "
            "useStatsAcrossChannels DoReferenceAlign SeqGammarUsesMBR",
        ),
        (
            int,
            "DelayConstraint beginIndex endIndex inferInputRankToMap newSequenceAxisLengthAdditiveFactor sliceStrides",
        ),
        (
            SizeT,
            "BlankTokenId blockSize depthRadius groups hiddenSize maxTempMemSizeInSamples "
            "newSequenceAxisLengthScalingFactor numClass numItems numLayers numSamples outputRank paddingMode "
            "poolingType rngOffset rngSeed",
        ),
        (_float, "DeletionPenalty InsertionPenalty Scaler SubstitutionPenalty"),
        (
            float,
            "FrameDropThresh HSmoothingWeight SeqGammarAMF SeqGammarBMMIFactor SeqGammarLMF SeqGammarWordPen alpha "
            "beta bias blendTimeConstant dropoutRate epsilon fillValue gamma normalizationTimeConstant "
            "paddingConstantValue sequenceUnpackPaddingValue spatialScale",
        ),
        (
            str,
            "LatticeConfigPath PhonePath StateListPath SymListPath TransProbPath customOp randomDistributionType "
            "recurrentOp reductionOpName sequenceAxis",
        ),
        (
            Shape,
            "dilation kernelShape lowerPad newShape outputShape poolingWindowShape roiOutputShape strides "
            "unpoolingWindowShape upperPad",
        ),
        (axis_to_file, "axis axis1 axis2 beginAxis endAxis onehotAxis"),
        (_list_of(bool), "autoPadding sharing"),
        (_list_of(int), "beginIndexVec endIndexVec sliceStridesVec"),
        (_list_of(SizeT), "TokensToIgnore paddingFoot paddingHead"),
        (_list_of(_float), "Biases"),
        (_list_of(float), "randomDistributionArgs"),
        (_list_of(axis_to_file), "axisVec newDynamicAxes"),
        (_data_type, "newDataType"),
    )
    for name in names.split()
}
_TYPES["offset"] = lambda value: [SizeT(v) for v in value] if isinstance(value, (list, tuple)) else SizeT(value)
_SINGLE = {"HardSigmoid": {"alpha": _float, "beta": _float}}
"""Attributes that one operator has in single precision and others in double."""


def attributes_to_file(op_name: str, attributes: Mapping[str, Any]) -> Dictionary:
    """The dictionary `attributes` of a function.

    Raises:
        CntkError: an attribute that the table does not have, or a value of another kind than its row says.
    """
    exceptions = _SINGLE.get(op_name, {})
    written = Dictionary()
    for name, value in attributes.items():
        convert = exceptions.get(name) or _TYPES.get(name)
        if convert is None:
            raise CntkError(f"CNTK model: the attribute '{name}' of '{op_name}' cannot be written.")
        try:
            written[name] = convert(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise CntkError(f"CNTK model: the attribute '{name}' of '{op_name}' cannot be written: {error}.") from None
    return written


def _plain(value: Any) -> Any:
    """A value of a file in the form operators keep."""
    kind = type(value)
    if kind is FileAxis:
        return axis_from_file(value)
    if kind is SizeT:
        return int(value)
    if kind is np.float32:
        return float(str(value))  # the shortest decimal, as the user wrote it; rounding it again gives the same float
    if kind is list:
        return [_plain(item) for item in value]
    return value


def attributes_from_file(op_name: str, attributes: Dictionary) -> dict[str, Any]:
    """The attributes of a function as its operator keeps them.

    Raises:
        CntkError: a value of another type than the table says.
    """
    exceptions = _SINGLE.get(op_name, {})
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        plain = _plain(value)
        if name == "newDataType":
            if not 0 < plain < len(DATA_TYPES):
                raise CntkError(f"CNTK model: the data type {plain} of '{op_name}' is neither float nor double.")
            plain = DATA_TYPES[plain]
        convert = exceptions.get(name) or _TYPES.get(name)
        if convert is not None and not _same_type(convert, plain, value):
            raise CntkError(f"CNTK model: the attribute '{name}' of '{op_name}' has a value of an unexpected type.")
        found[name] = plain
    return found


def _same_type(convert: Callable[[Any], Any], plain: Any, value: Any) -> bool:
    try:
        expected = convert(plain)
    except (TypeError, ValueError, AttributeError, CntkError):
        return False
    return type(expected) is type(value)
