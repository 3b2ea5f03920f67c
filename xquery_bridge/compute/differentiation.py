"""Forward and backward passes apart: gradients by any variable, from any gradient of the outputs.

A forward pass in training mode gives values and keeps what the backward pass reads; the backward pass starts from
gradients of the outputs. Source: CNTK's Function::Forward and Function::Backward with their BackPropState.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xquery_bridge.interruption import unbroken

from .errors import CntkError
from .evaluation import bind_values, emit_flow, sizes_of, value_of
from .flow import Flow
from .graph import Function, as_variable
from .plan import Plan, PlanBuilder
from .tensor import Array, Tensor
from .value import Value
from .variable import Variable

__all__ = ["BackPropState", "forward", "gradients"]


class _Passes:
    """Plans of forward and backward passes of one flow by sizes."""

    MAX_PLANS = 8

    def __init__(self, roots: Sequence[Variable], wanted: Sequence[Variable]) -> None:
        self.flow = Flow(roots)
        self.wanted = list(wanted)
        self._plans: dict[object, tuple[Plan, list[Tensor]]] = {}

    def forget(self) -> None:
        """Gives up the plans."""
        self._plans.clear()

    def start(self, bound: dict[Variable, Value]) -> tuple[Plan, list[Tensor]]:
        """The plan for values of these sizes, and the tensors of the roots."""
        if self.flow.dynamic_layout:
            raise CntkError("Backward: the layout of this function depends on data; gradients need a Trainer for it.")
        key = sizes_of(self.flow, bound)
        found = self._plans.get(key)
        if found is None:
            builder = PlanBuilder(bound, True, self.wanted, False)
            outputs = emit_flow(self.flow, builder)
            builder.differentiate_from_seeds(outputs)
            plan = builder.finish(outputs, {v: builder.gradient_of(builder.tensor(v)) for v in self.wanted})
            if len(self._plans) >= self.MAX_PLANS:
                del self._plans[next(iter(self._plans))]
            found = self._plans[key] = (plan, outputs)
        return found


class BackPropState:
    """What a forward pass has kept for the backward pass.

    Attributes:
        outputs: the variables that were computed.
        values: their values.
    """

    def __init__(self, passes: _Passes, bound: dict[Variable, Value], outputs: Sequence[Variable]) -> None:
        self.outputs = list(outputs)
        self._passes = passes
        self._bound = bound
        self._plan, self._roots = passes.start(bound)
        try:
            with np.errstate(all="ignore"):
                self._plan.run(bound)
        except BaseException:  # broken off while it was bound to other arrays, it could not be run again
            passes.forget()
            raise
        self._run = self._plan.runs
        self.values = [
            value_of(passes.flow, self._plan.output(index), tensor, variable, bound)
            for index, (tensor, variable) in enumerate(zip(self._roots, self.outputs, strict=True))
        ]
        if self._plan.commits:
            with unbroken:
                self._plan.commit()

    def backward(self, root_gradients: Mapping[Variable | Function, Value]) -> dict[Variable, Value]:
        """The gradients of the variables that the forward pass was told to keep the state for.

        Args:
            root_gradients: of outputs, each in the shape and with the frames of the output; 0 for those left out.
        Raises:
            CntkError: an output is not one of this state, its gradient does not fit, or another forward pass has used
                the state up.
        """
        if self._plan.runs != self._run:
            raise CntkError("Function::Backward: the forward state is no longer that of the last forward pass.")
        given = {as_variable(v): value for v, value in root_gradients.items()}
        foreign = [v for v in given if v not in self.outputs]
        if foreign:
            raise CntkError(
                f"Function::Backward: '{foreign[0].as_string()}' is not an output whose forward state was kept."
            )
        seeds = [_seed(given.get(v), v, tensor) for v, tensor in zip(self.outputs, self._roots, strict=True)]
        with np.errstate(all="ignore"):
            self._plan.run_backward(seeds)
        found: dict[Variable, Value] = {}
        for variable in self._passes.wanted:
            tensor = self._plan.gradient_tensors[variable]
            if tensor is None and variable in self._bound:
                own = self._bound[variable]
                found[variable] = Value(np.zeros_like(own.array), own.sample_shape, own.has_batch, own.lengths)
            elif tensor is None:
                found[variable] = Value(self._plan.gradient(variable), variable.shape)
            else:
                array = self._plan.gradient(variable)
                found[variable] = value_of(self._passes.flow, array, tensor, variable, self._bound)
        return found


def _seed(value: Value | None, variable: Variable, tensor: Tensor) -> Array:
    if value is None:
        return np.zeros(tensor.shape, tensor.dtype)
    if value.array.size != tensor.size:
        raise CntkError(
            f"Function::Backward: a root gradient of {tensor.size} elements was expected for '{variable.as_string()}', "
            f"{value.array.size} came."
        )
    return value.array


def forward(
    function: Function,
    bindings: Mapping[Variable, Value],
    wanted: Sequence[Variable],
    outputs: Sequence[Variable | Function] | None = None,
) -> BackPropState:
    """Computes outputs in training mode and keeps what the gradients by `wanted` need.

    Args:
        bindings: a value for every argument that the outputs depend on; large ones are read where they are, so they
            must stay as they are until the backward pass is through.
        wanted: parameters and inputs.
        outputs: all outputs of the function if none are given.
    Raises:
        CntkError: a value is missing or does not fit, or an operator refuses its operands.
    """
    roots: list[Variable] = []
    for output in outputs if outputs is not None else [function]:
        roots.extend(output.outputs if isinstance(output, Function) else [as_variable(output)])
    plans = function.root_function.plans
    key = ("passes", tuple(roots), tuple(wanted))
    passes = plans.get(key)
    if passes is None or not passes.flow.is_current:
        passes = plans[key] = _Passes(roots, wanted)
    return BackPropState(passes, bind_values(passes.flow, bindings), roots)


def gradients(
    function: Function,
    bindings: Mapping[Variable, Value],
    root_gradient: Value | None,
    wanted: Sequence[Variable],
) -> dict[Variable, Value]:
    """The gradients of a function with one output by some variables.

    Args:
        root_gradient: the gradient of the output; None for ones, the gradient of the sum of its elements.
    Raises:
        CntkError: as `forward` and `BackPropState.backward`.
    """
    state = forward(function, bindings, wanted)
    if root_gradient is None:
        [value] = state.values
        root_gradient = Value(np.ones_like(value.array), value.sample_shape, value.has_batch, value.lengths)
    return state.backward({function.output: root_gradient})
