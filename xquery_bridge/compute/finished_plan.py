"""The finished plan: a list of calls on arrays, what goes in and out, and what must be bound anew in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .instruction import Call, Site
from .kernels.thread_pool import single_threaded_blas
from .sparse import Entries, RowGradient
from .storage import LARGE_BYTES, Loan, is_adoptable
from .tensor import Array, Tensor
from .value import DTYPES, Value
from .variable import Variable

__all__ = ["Plan"]


class _Feed:
    """An input of a plan: small values are copied in, large ones read where they are."""

    __slots__ = ("_array", "_own", "_plan", "_tensor", "key")

    def __init__(self, key: Variable | int, tensor: Tensor, plan: Plan) -> None:
        self.key = key
        self._tensor = tensor
        self._plan = plan
        self._array = self._own = tensor.bound()

    def take(self, array: Array) -> None:
        tensor = self._tensor
        if array is not self._array:
            readable = is_adoptable(array, tensor.dtype, tensor.size)
            wanted = array if readable else self._own
            if wanted is not self._array:
                self._array = wanted
                tensor.array = wanted.reshape(tensor.shape)
                self._plan.rebind(frozenset([tensor]))
            if not readable:
                np.copyto(self._own, array.reshape(tensor.shape))


class Plan:
    """A compiled graph: fill the inputs, run, take the outputs.

    Attributes:
        calls, backward_calls: what `run` and `run_backward` do; in a plan without seeds all of it is in `calls`.
        inputs: the small inputs, which are copied in.
        outputs: (array, tensor) of each root; valid until the next run.
        gradients: of what was asked for, an array or a `RowGradient` each, valid until the next run.
        runs: counts the runs of the forward pass by `run`.
    """

    __slots__ = (
        "_feeds",
        "_gradient_loans",
        "_is_large",
        "_loans",
        "_read_backward",
        "_seeds",
        "_sites",
        "_sparse_inputs",
        "_touched",
        "_uses_threads",
        "backward_calls",
        "calls",
        "commits",
        "gradient_tensors",
        "gradients",
        "inputs",
        "outputs",
        "runs",
    )

    def __init__(
        self,
        inputs: list[tuple[Variable, Tensor]],
        seeds: list[Tensor],
        sites: list[Site],
        calls: tuple[list[Call], list[Call]],
        outputs: Sequence[Tensor],
        gradients: dict[Variable, Tensor | None],
        commits: list[Call],
        row_gradients: dict[Variable, RowGradient],
        shapes: dict[Variable, tuple[int, ...]],
        uses_threads: bool,
    ) -> None:
        self.calls, self.backward_calls = calls
        self.commits = commits
        self.outputs = [(t.bound(), t) for t in outputs]
        self.gradient_tensors = gradients
        self.gradients: dict[Variable, Any] = {
            v: t.bound() if t is not None else row_gradients.get(v) or np.zeros(shapes[v], DTYPES[v.data_type])
            for v, t in gradients.items()
        }
        self.runs = 0
        self._uses_threads = uses_threads
        self._sites = sites
        written = sum(t.size * t.dtype.itemsize for site in sites for i in site.instructions for t in i.writes)
        self._is_large = written >= LARGE_BYTES
        """The BLAS stays on one thread: those of its own gain nothing in small products, and large ones are split."""
        self._touched: dict[frozenset[Tensor], list[Site]] = {}
        self.inputs: list[tuple[Variable, Array]] = []
        self._feeds: list[_Feed] = []
        self._sparse_inputs: list[tuple[Variable, Entries]] = []
        for variable, tensor in inputs:
            if tensor.entries is not None:
                self._sparse_inputs.append((variable, tensor.entries))
            elif tensor.size * tensor.dtype.itemsize < LARGE_BYTES:
                self.inputs.append((variable, tensor.bound()))
            else:
                self._feeds.append(_Feed(variable, tensor, self))
        self._seeds = [_Feed(index, tensor, self) for index, tensor in enumerate(seeds)]
        self._loans: dict[int, Loan] = {}
        """By the identity of the tensor that is lent."""
        self._gradient_loans: dict[int, Loan] = {}
        self._read_backward = {
            t.root for site in sites if site.calls is self.backward_calls for i in site.instructions for t in i.reads
        }

    @property
    def is_small(self) -> bool:
        """Whether `calls` is all there is to do once the inputs are copied in: nothing is large, nothing is sparse."""
        outputs_are_small = all(array.nbytes < LARGE_BYTES for array, _ in self.outputs)
        return outputs_are_small and not self._is_large and not self._feeds and not self._sparse_inputs

    def run(self, values: dict[Variable, Value]) -> None:
        """Copies the values in and runs; results are in `outputs` until the next run."""
        for variable, array in self.inputs:
            np.copyto(array, values[variable].array.reshape(array.shape))
        for feed in self._feeds:
            feed.take(values[feed.key].array)  # type: ignore[index]
        for variable, entries in self._sparse_inputs:
            values[variable].give_entries(entries)
        if self._loans:
            self._renew(self._loans)
        if self._gradient_loans:
            self._renew(self._gradient_loans)
        self.runs += 1
        self._do(self.calls)

    def _do(self, calls: list[Call]) -> None:
        if self._is_large:
            with single_threaded_blas(lends=not self._uses_threads):
                for step in calls:
                    step()
            return
        for step in calls:
            step()

    def run_backward(self, seeds: Sequence[Array]) -> None:
        """Runs the backward pass of a plan with seeds, from the gradients of its roots."""
        for feed, array in zip(self._seeds, seeds, strict=True):
            feed.take(array)
        if self._gradient_loans:
            self._renew(self._gradient_loans)
        self._do(self.backward_calls)

    def rebind(self, roots: frozenset[Tensor]) -> None:
        """Binds the instructions that touch these tensors anew, after their arrays have changed."""
        sites = self._touched.get(roots)
        if sites is None:
            sites = self._touched[roots] = [site for site in self._sites if site.touches(set(roots))]
        for site in sites:
            for tensor in site.tensors():
                _forget_views(tensor, roots)
        for _, tensor in self.outputs:
            _forget_views(tensor, roots)
        found = [(variable, t) for variable, t in self.gradient_tensors.items() if t is not None and t.root in roots]
        for _, tensor in found:
            _forget_views(tensor, roots)
        for site in sites:
            site.bind()
        for index, (_, tensor) in enumerate(self.outputs):
            if tensor.root in roots:
                self.outputs[index] = (tensor.bound(), tensor)
        for variable, tensor in found:
            self.gradients[variable] = tensor.bound()

    def output(self, index: int) -> Array:
        """A result as an array that stays: its own buffer where that is large, else a copy."""
        array, tensor = self.outputs[index]
        if array.nbytes < LARGE_BYTES or tensor.root in self._read_backward:
            return array.copy()
        return self._given(array, tensor, self._loans)

    def gradient(self, variable: Variable) -> Array:
        """A gradient as an array that stays."""
        found, tensor = self.gradients[variable], self.gradient_tensors[variable]
        if isinstance(found, RowGradient):
            return found.dense()
        array: Array = found
        if tensor is None or array.nbytes < LARGE_BYTES:
            return array.copy()
        return self._given(array, tensor, self._gradient_loans)

    def _given(self, array: Array, tensor: Tensor, loans: dict[int, Loan]) -> Array:
        loan = loans.get(id(tensor))
        if loan is None:
            storage = tensor.root.pooled
            others = (*self._loans.values(), *self._gradient_loans.values())
            if storage is None or not Loan.fits(tensor) or any(loan.storage is storage for loan in others):
                return array.copy()
            loan = loans[id(tensor)] = Loan(tensor, storage)
        return loan.lend()

    def _renew(self, loans: dict[int, Loan]) -> None:
        for loan in loans.values():
            if loan.is_held:
                loan.renew()
                self.rebind(frozenset(loan.storage.tenants))

    def commit(self) -> None:
        """Carries out what the run has put off: new running statistics, assignments."""
        for step in self.commits:
            step()


def _forget_views(tensor: Tensor, roots: frozenset[Tensor]) -> None:
    if tensor.root not in roots:
        return
    while tensor.parent is not None:
        tensor.array = None
        tensor = tensor.parent
