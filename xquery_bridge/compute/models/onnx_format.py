"""ONNX files: their bytes as a model, checked, and back. The `onnx` package is imported when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from .dictionary import message_fields

if TYPE_CHECKING:
    import onnx

__all__ = ["DATA_TYPES", "LARGEST", "OPSETS_READ", "detect_format", "read_onnx", "write_onnx"]

LARGEST: Final = 2**31 - 1
"""The most bytes a message of Protocol Buffers can have."""
OPSETS_READ: Final = 7
"""The oldest operator set that is read; CNTK 2.7 wrote 7 to 9."""
DATA_TYPES: Final = {"float": 1, "double": 11}
"""Data types at their number in ONNX."""
_GRAPH = 7
_MODEL_FIELDS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26))
_VERSION_1_MARK = "BCN".encode("utf-16-le")


def detect_format(data: bytes | bytearray | memoryview) -> str:
    """The format of a model file by its first bytes: "cntk", "onnx", or "" for neither.

    Both are messages of Protocol Buffers: an ONNX model has a graph (field 7), a CNTK v2 model is a dictionary, a
    version and entries only. CNTK's version 1 counts as "cntk", whose reader says what is wrong with it.
    """
    if bytes(data[: len(_VERSION_1_MARK)]) == _VERSION_1_MARK:
        return "cntk"
    numbers: set[int] = set()
    entries = True
    try:
        for number, wire, value in message_fields(memoryview(data)):
            if not numbers and (number, wire) != (1, 0):  # both begin with a version
                return ""
            numbers.add(number)
            if number == 2:
                entries = entries and wire == 2 and bytes(value[:1]) == b"\x0a"
    except CntkError:
        # cut off, or another format: the reader of what it looks like shall refuse it
        if not numbers <= _MODEL_FIELDS:
            return ""
        if numbers - {1, 2}:
            return "onnx"
    if _GRAPH in numbers:
        return "onnx"
    if numbers == {1, 2}:
        return "cntk" if entries else "onnx"
    return ""


def read_onnx(data: bytes) -> onnx.ModelProto:
    """The model in a file.

    Raises:
        CntkError: the data is empty, too large, truncated, another format, of an operator set that is too old, or keeps
            its weights in other files.
    """
    onnx, errors = _onnx()
    if len(data) > LARGEST:
        raise CntkError(f"ONNX model: the data has {len(data)} bytes; the format takes {LARGEST} at most.")
    if not data:
        raise CntkError("ONNX model: the data is empty.")
    try:
        model: Any = onnx.load_model_from_string(data)
    except (errors, ValueError):
        raise CntkError("ONNX model: the file is truncated or is not an ONNX model.") from None
    if not model.HasField("graph") or not model.opset_import or not model.graph.output:
        raise CntkError("ONNX model: the data is not an ONNX model: it has no graph, no operator set or no output.")
    opset = opset_of(model)
    if opset < OPSETS_READ:
        raise CntkError(f"ONNX model: an operator set from {OPSETS_READ} on was expected, one of version {opset} came.")
    for tensor in model.graph.initializer:
        if tensor.data_location == 1:
            raise CntkError(
                f"ONNX model: the weights '{tensor.name}' lie in another file; a model in one file was expected."
            )
    return model  # type: ignore[no-any-return]


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operator set that a model uses."""
    return next((int(row.version) for row in model.opset_import if row.domain in ("", "ai.onnx")), 0)


def write_onnx(model: onnx.ModelProto) -> bytes:
    """The bytes of a model, once ONNX's checker has found it valid.

    Raises:
        CntkError: more than 2 GiB, or a model that the checker refuses.
    """
    onnx, _ = _onnx()
    size = model.ByteSize()
    if size > LARGEST:
        raise CntkError(f"ONNX model: the model has {size} bytes; the format takes {LARGEST} at most.")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise CntkError(f"ONNX model: the model that was made is not valid: {error}") from error
    return model.SerializeToString(deterministic=True)  # type: ignore[no-any-return]


def array_of(tensor: Any) -> NDArray[Any]:
    """The values of a tensor."""
    onnx, _ = _onnx()
    try:
        found: NDArray[Any] = np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError) as error:
        raise CntkError(f"ONNX model: the values of '{tensor.name}' cannot be read: {error}.") from None
    if found.dtype.kind not in "fiub":
        raise CntkError(f"ONNX model: '{tensor.name}' holds {found.dtype} values; numbers were expected.")
    return found


def _onnx() -> tuple[Any, Any]:
    """The `onnx` package and the error its parser raises."""
    import onnx
    import onnx.checker
    import onnx.numpy_helper
    import onnx.shape_inference
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    return onnx, DecodeError
