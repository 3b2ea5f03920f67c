"""Rows of cntk:axis and cntk:device (cntk-functions.md, groups axis and device)."""

from __future__ import annotations

import logging
from typing import Final

from xquery_bridge.compute import CPU, Axis, Device
from xquery_bridge.library.cntk.groups import AXIS, DEVICE

_log: Final = logging.getLogger(__name__)


def is_batch(axis: Axis) -> bool:
    """Whether it is the default batch axis."""
    return axis.is_batch


def is_dynamic(axis: Axis) -> bool:
    """Whether it is a batch or sequence axis."""
    return axis.is_dynamic


def is_ordered(axis: Axis) -> bool:
    """Whether the places along the axis have an order."""
    return axis.is_ordered


def is_sequence(axis: Axis) -> bool:
    """Whether it is a dynamic axis other than the default batch axis."""
    return axis.is_sequence


def is_static(axis: Axis) -> bool:
    """Whether it is a dimension of the sample."""
    return axis.is_static


def name(axis: Axis) -> str:
    """CNTK's name of the axis."""
    return axis.name


def static_index(axis: Axis) -> int:
    """The index of a static axis; refused for others."""
    return axis.static_index


AXIS.serve("axis($axis-index as xs:integer) as cntk:axis", Axis.static, pure=True)
AXIS.serve("all-axes() as cntk:axis", Axis.all_axes, pure=True)
AXIS.serve("all-static-axes() as cntk:axis", Axis.all_static_axes, pure=True)
AXIS.serve("end-static-axis() as cntk:axis", Axis.end_static, pure=True)
AXIS.serve("default-batch-axis() as cntk:axis", Axis.default_batch, pure=True)
AXIS.serve("operand-sequence-axis() as cntk:axis", Axis.operand_sequence, pure=True)
AXIS.serve("default-input-ariable-dynamic-axes() as cntk:axis*", Axis.default_input_axes, pure=True)
AXIS.serve("default-input-variable-dynamic-axes() as cntk:axis*", Axis.default_input_axes, pure=True)
AXIS.serve("unknown-dynamic-axes() as cntk:axis*", Axis.unknown_dynamic_axes, pure=True)
AXIS.serve(
    "dynamic-axis($name as xs:string [, $is-ordered-dynamic-axis as xs:boolean]) as cntk:axis", Axis.dynamic, pure=True
)
AXIS.serve(
    "new-unique-dynamic-axis($name as xs:string [, $is-ordered-dynamic-axis as xs:boolean]) as cntk:axis",
    Axis.new_unique_dynamic,
)
AXIS.serve("axis-is-batch($axis as cntk:axis) as xs:boolean", is_batch, pure=True)
AXIS.serve("axis-is-dynamic($axis as cntk:axis) as xs:boolean", is_dynamic, pure=True)
AXIS.serve("axis-is-ordered($axis as cntk:axis) as xs:boolean", is_ordered, pure=True)
AXIS.serve("axis-is-sequence($axis as cntk:axis) as xs:boolean", is_sequence, pure=True)
AXIS.serve("axis-is-static($axis as cntk:axis) as xs:boolean", is_static, pure=True)
AXIS.serve("axis-name($axis as cntk:axis) as xs:string", name, pure=True)
AXIS.serve("axis-static-index($axis as cntk:axis) as xs:integer", static_index, pure=True)


class _Notice:
    """Says once in a process that the work of a GPU is done on the CPU."""

    given = False

    @classmethod
    def give(cls) -> None:
        if not cls.given:
            cls.given = True
            _log.info("A GPU was asked for; the work runs on the CPU.")


def gpu(device_id: int) -> Device:
    """A GPU, accepted everywhere; where there is none the work runs on the CPU."""
    _Notice.give()
    return Device("GPU", device_id)


def cpu() -> Device:
    """The processor."""
    return CPU


DEVICE.serve("cpu() as cntk:device", cpu, pure=True)
DEVICE.serve("default-device() as cntk:device", cpu, pure=True)
DEVICE.serve("gpu($device-id as xs:unsignedLong) as cntk:device", gpu, pure=True)
