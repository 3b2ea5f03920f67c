"""Evaluation: a flow is planned for the sizes of its values, plans are kept by sizes and run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xquery_bridge.interruption import unbroken

from . import graph
from .axis import axes_string
from .errors import CntkError
from .flow import Flow
from .graph import Function, as_variable
from .loop import emit_loop
from .plan import Node, Plan, PlanBuilder
from .quick_run import QuickEvaluation, QuickRun, quick_evaluation, quick_run
from .session import session_in_force
from .shape import Shape
from .tensor import Array, Tensor
from .value import Value
from .variable import Variable

__all__ = ["Executor", "bind_values", "compile_plan", "emit_flow", "evaluate", "sizes_of", "value_of"]


def bind_values(flow: Flow, values: Mapping[Variable, Value]) -> dict[Variable, Value]:
    """The values of the arguments of a flow, each with the axes of its variable.

    Raises:
        CntkError: a value is missing or does not fit.
    """
    missing = [v for v in flow.arguments if v not in values]
    if missing:
        raise CntkError(
            f"Values for {len(missing)} required arguments '{', '.join(v.as_string() for v in missing)}', that the "
            f"requested output(s) '{', '.join(v.as_string() for v in flow.roots)}' depend on, have not been provided."
        )
    bound: dict[Variable, Value] = {}
    for variable in flow.arguments:
        value = values[variable]
        axes = len(variable.dynamic_axes)
        direct = (
            value.has_batch
            and axes > 0
            and (value.lengths is not None) == variable.has_sequence_axis
            and value.sample_shape == variable.shape
            and value.data_type == variable.data_type
        )
        bound[variable] = value if direct else value.for_variable(variable)
    if len(bound) > 1:
        _check_steps(bound)
    return bound


def _check_steps(bound: dict[Variable, Value]) -> None:
    """Variables on the same axes must come with sequences of the same steps."""
    first: dict[Any, tuple[Variable, Value]] = {}
    for variable, value in bound.items():
        if not variable.dynamic_axes:
            continue
        other, known = first.setdefault(variable.dynamic_axes, (variable, value))
        if known.layout_key != value.layout_key and len(known.layout_key) == len(value.layout_key):
            raise CntkError(
                "Different minibatch layouts detected (difference in sequence lengths or count or start flags) in data "
                f"specified for the Function's arguments '{variable.as_string()}' vs. '{other.as_string()}', though "
                f"these arguments have the same dynamic axes '{axes_string(variable.dynamic_axes)}'"
            )


def compile_plan(
    flow: Flow,
    values: dict[Variable, Value],
    training: bool = False,
    wanted: Sequence[Variable] = (),
    row_gradients: bool = False,
) -> Plan:
    """Plans a flow for values of these sizes; with `wanted`, the gradients of the first root come with it.

    Args:
        row_gradients: the gradient of a table of which rows were looked up may be a `RowGradient`.
    """
    builder = PlanBuilder(values, training, wanted, flow.dynamic_layout, row_gradients)
    outputs = emit_flow(flow, builder)
    gradients: dict[Variable, Tensor | None] = {}
    if wanted:
        builder.differentiate(outputs[0])
        gradients = {v: builder.gradient_of(builder.tensor(v)) for v in wanted}
    return builder.finish(outputs, gradients)


def emit_flow(flow: Flow, builder: PlanBuilder) -> list[Tensor]:
    """Emits the forward pass of a flow; gives its roots."""
    for group in flow.groups:
        if flow.is_loop(group):
            emit_loop(group, builder, flow.used_outside(group))
        else:
            step = group[0]
            if step.operator.passes_operands:
                for variable, operand in zip(step.outputs, step.operands, strict=True):
                    builder.bind_variable(variable, builder.tensor(operand))
                continue
            node = Node(step.function, step.operator, [builder.tensor(v) for v in step.operands])
            builder.run_node(node, step.outputs)
    return [builder.tensor(v) for v in flow.roots]


def sizes_of(flow: Flow, values: dict[Variable, Value]) -> Any:
    """What the sizes of a plan depend on: steps of sequences only where an operator needs them."""
    if flow.uses_steps:
        return tuple([(v.layout_key, v.sample_shape) for v in values.values()])
    return tuple([(v.array_shape, v.lengths is None) for v in values.values()])


class Executor:
    """Plans of one flow, by sizes."""

    __slots__ = ("_again", "_plans", "flow", "quick", "roots", "row_gradients", "training", "version", "wanted")

    MAX_PLANS = 32

    def __init__(
        self,
        roots: Sequence[Variable],
        training: bool = False,
        wanted: Sequence[Variable] = (),
        row_gradients: bool = False,
    ) -> None:
        self.roots = tuple(roots)
        self.row_gradients = row_gradients
        self.flow = Flow(roots)
        self.version = self.flow.version
        self.training = training
        self.wanted = list(wanted)
        self._plans: dict[Any, Plan] = {}
        self._again: QuickRun | None = None
        self.quick: QuickEvaluation | None = None
        """`evaluate` for values like the last ones, to be called in a session; it gives None for others."""

    @property
    def is_current(self) -> bool:
        return self.flow.is_current

    def run(self, values: Mapping[Variable, Value]) -> tuple[Plan, dict[Variable, Value]]:
        """Runs the plan for these values; its results stand until the next run."""
        bound = bind_values(self.flow, values)
        if session_in_force() is not None:
            return self._run(bound), bound
        with np.errstate(all="ignore"):
            return self._run(bound), bound

    def run_often(self, values: Mapping[Variable, Value]) -> Plan:
        """`run`, in less time where values are like the last ones."""
        if self._again is not None and session_in_force() is not None:
            plan = self._again(values)
            if plan is not None:
                return plan
        plan, bound = self.run(values)
        self._again = None if self.flow.dynamic_layout else quick_run(plan, bound)
        return plan

    def _run(self, bound: dict[Variable, Value]) -> Plan:
        if self.flow.dynamic_layout:
            return compile_plan(self.flow, bound, self.training, self.wanted, self.row_gradients)
        key = sizes_of(self.flow, bound)
        plan = self._plans.get(key)
        if plan is None:
            plan = compile_plan(self.flow, bound, self.training, self.wanted, self.row_gradients)
            if len(self._plans) >= self.MAX_PLANS:
                del self._plans[next(iter(self._plans))]
            self._plans[key] = plan
        try:
            plan.run(bound)
        except BaseException:  # broken off while it was bound to other arrays, it could not be run again
            self._plans.pop(key, None)
            self._again = self.quick = None
            raise
        return plan

    def evaluate(self, values: Mapping[Variable, Value]) -> list[Value]:
        """The values of the roots."""
        plan, bound = self.run(values)
        results = [
            value_of(self.flow, plan.output(index), plan.outputs[index][1], variable, bound)
            for index, variable in enumerate(self.roots)
        ]
        if plan.commits:
            with unbroken:
                plan.commit()
        self.quick = None if self.flow.dynamic_layout else quick_evaluation(plan, bound, results)
        return results


def evaluate(
    function: Function,
    bindings: Mapping[Variable, Value],
    outputs: Sequence[Variable | Function] | None = None,
) -> list[Value]:
    """Values of outputs of a function (`cntk:evaluate`).

    Args:
        bindings: a value for every argument that the outputs depend on; more may be given.
        outputs: variables of the graph; all outputs of the function if none are given. A Function stands for its
            outputs.
    Raises:
        CntkError: a value is missing or does not fit, or an operator refuses its operands.
    """
    session = session_in_force()
    results = None
    if outputs is None:
        executor: Executor | None = function.evaluator
        if executor is None or executor.version != graph.graph_version:
            executor = function.evaluator = _executor(function, function.outputs)
        elif executor.quick is not None and session is not None:
            results = executor.quick(bindings)
    else:
        wanted: list[Variable] = []
        for output in outputs:
            wanted.extend(output.outputs if isinstance(output, Function) else [as_variable(output)])
        executor = _executor(function, wanted)
    if results is None:
        results = executor.evaluate(bindings)
    if session is not None and session.progress is not None:
        session.progress.count("evaluation", max((len(v.array) for v in results if v.has_batch), default=1))
    return results


def _executor(function: Function, wanted: Sequence[Variable]) -> Executor:
    plans = function.root_function.plans
    key = tuple(wanted)
    executor: Executor | None = plans.get(key)
    if executor is None or not executor.is_current:
        executor = plans[key] = Executor(wanted)
    return executor


def value_of(flow: Flow, array: Array, tensor: Tensor, variable: Variable, bound: dict[Variable, Value]) -> Value:
    """A result of a plan as the value of a variable."""
    layout = tensor.layout
    lengths = None
    if layout is not None and layout.lengths is not None:
        lengths = layout.lengths
        if not flow.uses_steps:  # the plan may have been made for other steps with as many frames
            axis = variable.sequence_axis
            lengths = next((bound[v].lengths for v in bound if v.sequence_axis == axis), lengths)
    return Value(array, Shape(tensor.sample[::-1]), layout is not None, lengths)
