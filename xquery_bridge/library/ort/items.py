"""The items of the `ort:` namespace. Their quoted forms are ours (cntk-conventions.md, Quoting, says the manner)."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import numpy as np

from xquery_bridge.runtime.opaque import OpaqueItem

ORT_NAMESPACE: Final = "http://marklogic.com/onnxruntime"

#: Element types by the names that `ort:value` takes and `ort:value-get-type` gives.
DATA_TYPES: Final[dict[str, Any]] = {
    "float": np.float32,
    "double": np.float64,
    "float16": np.float16,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "bool": np.bool_,
    "string": np.object_,
}
_NAMES: Final = {np.dtype(made): name for name, made in DATA_TYPES.items()}


def data_type(array: np.ndarray[Any, Any]) -> str:
    """The name of an array's element type; texts of any length are "string"."""
    return "string" if array.dtype.kind in "OUS" else _NAMES.get(array.dtype, str(array.dtype))


class OrtValue(OpaqueItem):
    """ort:value: a tensor (an array), a sequence (a list of such) or a map (a dict from numbers or texts)."""

    __slots__ = ("value",)
    uri: ClassVar[str] = ORT_NAMESPACE
    prefix: ClassVar[str] = "ort"
    local: ClassVar[str] = "value"

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def is_tensor(self) -> bool:
        return isinstance(self.value, np.ndarray)

    @property
    def kind(self) -> str:
        """The element type of a tensor, else "sequence" or "map"."""
        value = self.value
        if isinstance(value, np.ndarray):
            return data_type(value)
        return "map" if isinstance(value, dict) else "sequence"

    @property
    def description(self) -> str:
        value = self.value
        if isinstance(value, np.ndarray):
            return f"Tensor({data_type(value)}), Shape([{' x '.join(str(d) for d in value.shape)}])"
        return f"{self.kind.capitalize()}({len(value)})"


class OrtSession(OpaqueItem):
    """ort:session: a model ready to run."""

    __slots__ = ("session",)
    uri: ClassVar[str] = ORT_NAMESPACE
    prefix: ClassVar[str] = "ort"
    local: ClassVar[str] = "session"

    def __init__(self, session: Any) -> None:
        self.session = session

    @property
    def description(self) -> str:
        def shown(rows: Any) -> str:
            return ", ".join(f"{row.name} {row.type}[{' x '.join(str(d) for d in row.shape)}]" for row in rows)

        return f"Inputs({shown(self.session.get_inputs())}), Outputs({shown(self.session.get_outputs())})"
