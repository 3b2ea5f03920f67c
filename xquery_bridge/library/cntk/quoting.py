"""The quoted forms of `cntk:` items: what stands in the parentheses (cntk-conventions.md, Quoting)."""

from __future__ import annotations

from typing import Final

from xquery_bridge import compute
from xquery_bridge.compute import UNKNOWN_AXES, Axis, Function, Trainer, Value, Variable

_AXIS_NAMES: Final[dict[Axis, str]] = {
    Axis.default_sequence(): "Sequence Axis(Default Dynamic Axis)",
    Axis.default_batch(): "Batch Axis(Default Batch Axis)",
    Axis.all_axes(): "All Axes",
    Axis.all_static_axes(): "All Static Axes",
    Axis.unknown(): "Unknown Axes",
}


def axis(the_axis: Axis) -> str:
    """`Static Axis(0)`, `Sequence Axis(Default Dynamic Axis)`; an unordered axis with a name is a batch's."""
    known = _AXIS_NAMES.get(the_axis)
    if known is not None:
        return known
    if the_axis.is_static:
        return f"Static Axis({the_axis.static_index})"
    return f"{'Sequence' if the_axis.is_ordered else 'Batch'} Axis({the_axis.name})"


def variable(the_variable: Variable) -> str:
    """`Input(Uid(Input3), Shape([2 x 2]), Dynamic Axes([…]))`; the name, where there is one, instead of the uid."""
    label = f"Name({the_variable.name})" if the_variable.name else f"Uid({the_variable.uid})"
    axes = the_variable.dynamic_axes
    listed = "???" if axes == UNKNOWN_AXES else ", ".join(axis(each) for each in axes)
    return f"{the_variable.kind}({label}, Shape({the_variable.shape}), Dynamic Axes([{listed}]))"


def function(the_function: Function) -> str:
    """`Composite OP (ARG, ARG)`: the operator name of the root, the arguments in CNTK's order."""
    operator = the_function.root_function.op_name
    label = f"Composite {operator}" if the_function.is_composite else operator
    return f"{label} ({', '.join(variable(each) for each in the_function.arguments)})"


def value(the_value: Value) -> str:
    """`Data Type(float), Shape([3 x 2]), Device(CPU)`; `Erased` for a value without data."""
    if not the_value.is_valid:
        return "Erased"
    return f"Data Type({the_value.data_type}), Shape({the_value.shape}), Device({the_value.device})"


def trainer(the_trainer: Trainer) -> str:
    """`Model(OP), Loss(OP), Learners([SGD]), Samples Seen(12)`."""
    learners = ", ".join(str(getattr(learner, "op_name", "")) for learner in the_trainer.learners)
    return (
        f"Model({_operator(the_trainer.model)}), Loss({_operator(the_trainer.loss)}), Learners([{learners}]), "
        f"Samples Seen({the_trainer.total_number_of_samples_seen})"
    )


def _operator(target: compute.Function | compute.Variable) -> str:
    """The name of the operator behind a function or an output; the kind of any other variable."""
    if isinstance(target, Function):
        return target.root_function.op_name
    return target.owner.op_name if target.owner is not None else target.kind
