"""The items of the `cntk:` namespace: each holds one object of `compute` and shows it as MarkLogic does.

Two items may hold the same object: `cntk:function-parameters` gives items on the parameters of the graph itself.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from xquery_bridge import compute
from xquery_bridge.compute.graph import BlockFunction, CompositeFunction, PrimitiveFunction
from xquery_bridge.compute.initializers import Initializer
from xquery_bridge.compute.learners import Learner
from xquery_bridge.compute.schedules import Schedule
from xquery_bridge.library.cntk import quoting
from xquery_bridge.runtime.opaque import OpaqueItem


class CntkItem(OpaqueItem):
    """An item on an object of `compute`: `value`."""

    __slots__ = ("value",)
    value: Any

    def __init__(self, value: Any) -> None:
        self.value = value


class CntkVariable(CntkItem):
    """cntk:variable: a symbol of a graph."""

    __slots__ = ()
    local: ClassVar[str] = "variable"

    @property
    def description(self) -> str:
        return quoting.variable(self.value)


class CntkParameter(CntkVariable):
    """cntk:parameter: a variable that training changes."""

    __slots__ = ()
    local: ClassVar[str] = "parameter"


class CntkConstant(CntkVariable):
    """cntk:constant: a variable with values that training leaves alone."""

    __slots__ = ()
    local: ClassVar[str] = "constant"


class CntkFunction(CntkItem):
    """cntk:function: a graph; where a cntk:variable is declared it stands for its output."""

    __slots__ = ()
    local: ClassVar[str] = "function"

    @property
    def description(self) -> str:
        return quoting.function(self.value)


class CntkValue(CntkItem):
    """cntk:value: numbers with a sample shape, samples and steps."""

    __slots__ = ()
    local: ClassVar[str] = "value"

    @property
    def description(self) -> str:
        return quoting.value(self.value)


class CntkShape(CntkItem):
    """cntk:shape: dimensions, the first one fastest in memory."""

    __slots__ = ()
    local: ClassVar[str] = "shape"

    @property
    def description(self) -> str:
        return str(self.value)


class CntkAxis(CntkItem):
    """cntk:axis: a static or dynamic axis."""

    __slots__ = ()
    local: ClassVar[str] = "axis"

    @property
    def description(self) -> str:
        return quoting.axis(self.value)


class CntkDevice(CntkItem):
    """cntk:device: where a program asks its values to be."""

    __slots__ = ()
    local: ClassVar[str] = "device"

    @property
    def description(self) -> str:
        return str(self.value)


class CntkSchedule(CntkItem):
    """cntk:schedule: a rate, momentum or minibatch size that changes while a trainer runs."""

    __slots__ = ()
    local: ClassVar[str] = "schedule"

    @property
    def description(self) -> str:
        return str(self.value)


class CntkInitializer(CntkItem):
    """cntk:initializer: what fills a parameter."""

    __slots__ = ()
    local: ClassVar[str] = "initializer"

    @property
    def description(self) -> str:
        return str(self.value)


class CntkLearner(CntkItem):
    """cntk:learner: an update rule for some parameters."""

    __slots__ = ()
    local: ClassVar[str] = "learner"

    @property
    def description(self) -> str:
        return str(self.value.op_name)


class CntkTrainer(CntkItem):
    """cntk:trainer: a model with its loss and learners."""

    __slots__ = ()
    local: ClassVar[str] = "trainer"

    @property
    def description(self) -> str:
        return quoting.trainer(self.value)


#: Class of `compute` -> class of its items.
_ITEM_CLASSES: Final[dict[type, type[CntkItem]]] = {
    compute.Variable: CntkVariable,
    compute.Parameter: CntkParameter,
    compute.Constant: CntkConstant,
    PrimitiveFunction: CntkFunction,
    BlockFunction: CntkFunction,
    CompositeFunction: CntkFunction,
    compute.Value: CntkValue,
    compute.Shape: CntkShape,
    compute.Axis: CntkAxis,
    compute.Device: CntkDevice,
    Schedule: CntkSchedule,
    compute.Trainer: CntkTrainer,
}


def item_of(value: Any) -> CntkItem:
    """The item of an object of `compute`."""
    made = _ITEM_CLASSES.get(type(value))
    if made is None:
        made = _ITEM_CLASSES[type(value)] = _class_of(value)
    return made(value)


def _class_of(value: Any) -> type[CntkItem]:
    """The class for an object whose exact class was not met before: a kind of learner, of initializer."""
    if isinstance(value, Learner):
        return CntkLearner
    if isinstance(value, Initializer):
        return CntkInitializer
    return next(made for kind, made in _ITEM_CLASSES.items() if isinstance(value, kind))


#: The types by their local names.
ITEM_TYPES: Final[dict[str, type[CntkItem]]] = {
    made.local: made
    for made in (
        CntkVariable,
        CntkParameter,
        CntkConstant,
        CntkFunction,
        CntkValue,
        CntkShape,
        CntkAxis,
        CntkDevice,
        CntkSchedule,
        CntkInitializer,
        CntkLearner,
        CntkTrainer,
    )
}
