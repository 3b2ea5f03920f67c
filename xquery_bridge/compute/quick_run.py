"""A plan run once more for batches of the same shapes. Small graphs take less time than the usual way to their plan.

What is made here is to be called in a session, where NumPy is quiet; for values it is not made for it gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from .finished_plan import Plan
from .instruction import Call
from .tensor import Array
from .value import Value
from .variable import Variable

__all__ = ["QuickEvaluation", "QuickRun", "quick_evaluation", "quick_run"]

Values = Mapping[Variable, Value]
QuickRun = Callable[[Values], "Plan | None"]
QuickEvaluation = Callable[[Values], "list[Value] | None"]

_SOURCE = """
def make(inputs, calls, outputs, plan):
    {inputs} = inputs
    {calls} = calls
    {outputs} = outputs
    def run(values):
        {fill}
        {work}
        return {result}
    return run
"""
_FILL = """
        value = values.get(variable_{0})
        if value is None or value.lengths is not None or not value.has_batch:
            return None
        given = value.dense_array
        if given is None or given.dtype is not dtype_{0} or given.shape != shape_{0}:
            return None
        array_{0}[...] = given
"""
"""All is written out: loops and functions around it would add a tenth to the time of small plans. (An array is copied
by an assignment in a third of the time of `copyto`.)"""

_MOST_WRITTEN_OUT = 64


def quick_run(plan: Plan, bound: Values) -> QuickRun | None:
    """Runs a plan on values like those that were bound to it; None where more would have to be done."""
    made: QuickRun | None = _made(plan, bound, plan.calls, [])
    return made


def quick_evaluation(plan: Plan, bound: Values, results: Sequence[Value]) -> QuickEvaluation | None:
    """Evaluates the roots of a plan for values like those that gave these results; None as above."""
    if plan.commits or any(value.lengths is not None for value in results):
        return None
    calls, makers = plan.calls, [array.copy for array, _ in plan.outputs]
    anew = _made_anew(calls[-1], plan.outputs[0][0]) if calls and len(results) == 1 else None
    if anew is not None:
        calls, makers = calls[:-1], [anew]
    outputs = [(m, v.sample_shape, v.has_batch) for m, v in zip(makers, results, strict=True)]
    made: QuickEvaluation | None = _made(plan, bound, calls, outputs)
    return made


def _made_anew(call: Call, result: Array) -> Any:
    """Has the last call of a plan make the array of its result instead of filling the one that would be copied."""
    if not isinstance(call, partial) or call.keywords or not isinstance(call.func, np.ufunc):
        return None
    if call.args[-1] is not result:
        return None
    anew = partial(call.func, *call.args[:-1])
    with np.errstate(all="ignore"):
        made = anew()
    fits = isinstance(made, np.ndarray) and made.dtype == result.dtype and made.shape == result.shape
    return anew if fits else None


def _made(plan: Plan, bound: Values, calls: Sequence[Call], outputs: Sequence[tuple[Any, ...]]) -> Any:
    """A function of values that fills a plan, does the calls, and gives values, or the plan where there are none."""
    if not plan.is_small or any(value.lengths is not None for value in bound.values()):
        return None
    if not all(value.has_batch and variable.dynamic_axes for variable, value in bound.items()):
        return None
    inputs = [(variable, array, array.shape, array.dtype) for variable, array in plan.inputs]
    return _maker(len(inputs), len(calls), len(outputs))(inputs, calls, outputs, plan)


@cache
def _maker(inputs: int, calls: int, outputs: int) -> Callable[..., Any]:
    """`make` of the source for so many inputs, calls and outputs."""

    def each(count: int, form: str) -> list[str]:
        return [form.format(index) for index in range(count)]

    def names(parts: list[str]) -> str:
        return "".join(f"{part}, " for part in parts) or "()"

    is_short = calls <= _MOST_WRITTEN_OUT
    source = _SOURCE.format(
        inputs=names(each(inputs, "(variable_{0}, array_{0}, shape_{0}, dtype_{0})")),
        calls=names(each(calls, "call_{0}")) if is_short else "*calls,",
        outputs=names(each(outputs, "(make_{0}, shape_of_{0}, has_batch_{0})")),
        fill="".join(each(inputs, _FILL)),
        work="; ".join(each(calls, "call_{0}()")) if is_short else "for call in calls: call()",
        result=f"[{', '.join(each(outputs, 'Value(make_{0}(), shape_of_{0}, has_batch_{0})'))}]" if outputs else "plan",
    )
    scope: dict[str, Any] = {"Value": Value}
    exec(source, scope)
    made: Callable[..., Any] = scope["make"]
    return made
