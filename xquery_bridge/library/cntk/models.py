"""Rows of models in and out: functions as binary nodes (cntk-functions.md, group function)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from xquery_bridge.compute import CPU, CntkError, Device, Function
from xquery_bridge.compute.models import detect_format, import_onnx, load_model, save_model
from xquery_bridge.library.cntk.groups import FUNCTION
from xquery_bridge.runtime.json_nodes import BinaryNode
from xquery_bridge.runtime.nodes import DocumentNode

Load = Callable[[bytes, Device], Function]

#: What reads a format, by its name in lower case; without one the first bytes of the file tell.
_FORMATS: Final[dict[str, Load]] = {"cntkv2": load_model, "cntk": load_model, "onnx": import_onnx}


def load(node: BinaryNode, device: Device = CPU, format: str = "") -> Function:
    """The function in a model file of the format named, "cntk" or "onnx"; without one it is found from the file."""
    reader = _FORMATS.get(format.lower() or detect_format(node.value) or "cntk")
    if reader is None:
        known = ", ".join(f'"{name}"' for name in _FORMATS)
        raise CntkError(f'cntk:function: $format: one of {known} was expected, "{format}" came.')
    return reader(node.value, device)


def save(function: Function) -> DocumentNode:
    """A function with its parameters as a document of one binary node, in CNTK's own format."""
    made = DocumentNode()
    leaf = BinaryNode(save_model(function))
    leaf.parent = made
    made.children.append(leaf)
    return made


FUNCTION.serve("function($node as binary() [, $device as cntk:device, $format as xs:string]) as cntk:function", load)
FUNCTION.serve("function-save($function as cntk:function) as document-node()", save)
