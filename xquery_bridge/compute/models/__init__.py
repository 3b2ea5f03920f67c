"""Models in and out: CNTK's own `.model` files (`native`), and ONNX (`onnx_import`, `onnx_export`)."""

from .native import load_model, save_model
from .onnx_export import export_onnx
from .onnx_format import detect_format
from .onnx_import import import_onnx

__all__ = ["detect_format", "export_onnx", "import_onnx", "load_model", "save_model"]
