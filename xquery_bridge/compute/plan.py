"""Plans: a graph, compiled for the sizes at hand into a flat list of calls on preallocated buffers.

The rules of the operators emit instructions on `Tensor` symbols; when all are known, buffers are given out by liveness
and every instruction is bound to its arrays once. Running a plan is running the list. Gradients are reverse mode over
the same nodes: the gradient rules emit instructions too, and only what needs a gradient is differentiated.

Graphs in which a layout depends on data (`Sequence::Where`) are planned anew each time, and their instructions run as
they are emitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CntkError
from .finished_plan import Plan
from .graph import BlockFunction, Function
from .instruction import Bind, Call, Instruction, Site, Splits
from .kernels import kernel
from .kernels.broadcasting import broadcast_calls
from .sparse import Entries, RowGradient
from .storage import Pool
from .tensor import Array, Layout, Tensor
from .value import DTYPES, Value
from .variable import Constant, Parameter, Variable

if TYPE_CHECKING:
    from .ops.operator import Operator

__all__ = ["FUSED_BLOCKS", "Bind", "Call", "Node", "Plan", "PlanBuilder", "Splits"]

FUSED_BLOCKS: dict[str, Operator] = {}
"""Blocks that are computed as one operator: by the operator name of the block."""

_FOREVER = 1 << 60


class Node:
    """One operator of a plan: the function it comes from, the tensors it reads and gives."""

    __slots__ = ("function", "inputs", "operator", "outputs", "saved")

    def __init__(self, function: Function, operator: Operator, inputs: list[Tensor]) -> None:
        self.function = function
        self.operator = operator
        self.inputs = inputs
        self.outputs: list[Tensor] = []
        self.saved: dict[str, Any] = {}
        """What the forward rule leaves to the gradient rule."""

    @property
    def attributes(self) -> dict[str, Any]:
        return self.function.attributes

    @property
    def output(self) -> Tensor:
        return self.outputs[0]


class PlanBuilder:
    """What the rules of the operators work with."""

    def __init__(
        self,
        values: dict[Variable, Value],
        training: bool,
        wanted: Iterable[Variable],
        eager: bool,
        row_gradients: bool = False,
    ) -> None:
        self.training = training
        self.eager = eager
        self._row_gradients = row_gradients
        self._unfilled: set[Tensor] = set()
        """Sparse tensors whose arrays nothing has read so far."""
        self._values = values
        self._wanted = set(wanted)
        self._instructions: list[Instruction] = []
        self._tape: list[Call] = []
        self._commits: list[Call] = []
        self._inputs: list[tuple[Variable, Tensor]] = []
        self._seeds: list[Tensor] = []
        self._backward_from: int | None = None
        self._tensors: dict[Variable, Tensor] = {}
        self._layouts: dict[Any, Layout] = {}
        self._constants: dict[Any, Tensor] = {}
        self.in_backward_pass = False
        self.root_gradient: Tensor | None = None
        """Where a sum is differentiated: its gradient by its own terms, ones."""
        self._uses_threads = False
        self._no_gradient_for: Callable[[Tensor], bool] | None = None
        self._output_maker: Callable[[Node, int, tuple[int, ...], np.dtype[Any]], Tensor] | None = None

    @property
    def differentiates(self) -> bool:
        """Whether gradients will be asked for."""
        return bool(self._wanted)

    @contextmanager
    def outputs_made_by(self, maker: Callable[[Node, int, tuple[int, ...], np.dtype[Any]], Tensor]) -> Iterator[None]:
        """Lets `maker(node, index, sample, dtype)` say where outputs with a layout are put."""
        self._output_maker = maker
        try:
            yield
        finally:
            self._output_maker = None

    @contextmanager
    def no_gradient_for(self, excluded: Callable[[Tensor], bool] | None) -> Iterator[None]:
        """Lets no gradient pass to some tensors."""
        self._no_gradient_for = excluded
        try:
            yield
        finally:
            self._no_gradient_for = None

    # Tensors

    def layout(self, lengths: np.ndarray[Any, np.dtype[np.int64]]) -> Layout:
        """The layout of sequences of such lengths; equal ones are one object."""
        return self._layouts.setdefault(lengths.tobytes(), Layout.of_lengths(lengths))

    def batch_layout(self, samples: int) -> Layout:
        """The layout of a batch without a sequence axis."""
        return self._layouts.setdefault(samples, Layout(samples))

    def new(self, sample: tuple[int, ...], layout: Layout | None, dtype: np.dtype[Any]) -> Tensor:
        """A tensor of its own; `sample` in NumPy order."""
        shape = sample if layout is None else (layout.frames, *sample)
        return Tensor(shape, dtype, layout)

    def output(
        self,
        node: Node,
        sample: tuple[int, ...],
        layout: Layout | None,
        dtype: np.dtype[Any] | None = None,
        differentiable: bool = True,
    ) -> Tensor:
        """Makes the next output of a node; `sample` in NumPy order.

        Raises:
            CntkError: the sample has no elements.
        """
        if 0 in sample:
            raise CntkError(f"{node.function.uid} operation has 0 elements")
        dtype = dtype or next((t.dtype for t in node.inputs), np.dtype(np.float32))
        if self._output_maker is not None and layout is not None:
            tensor = self._output_maker(node, len(node.outputs), sample, dtype)
        else:
            tensor = self.new(sample, layout, dtype)
        tensor.needs_gradient = differentiable and any(t.needs_gradient for t in node.inputs)
        node.outputs.append(tensor)
        return tensor

    def constant(self, array: Array) -> Tensor:
        """A tensor with fixed contents."""
        return Tensor(array.shape, array.dtype, None, array=array)

    def ones(self, count: int, dtype: np.dtype[Any]) -> Tensor:
        """A vector of ones, shared by the plan."""
        return self._constants.setdefault(("ones", count, dtype), self.constant(np.ones(count, dtype)))

    def aligned(self, tensor: Tensor, rank: int) -> Tensor:
        """A view whose sample has `rank` dimensions: ones are put where CNTK pads, after the last dimension."""
        sample = tensor.sample
        if tensor.layout is None or len(sample) >= rank:
            return tensor
        return tensor.reshaped((tensor.shape[0], *(1,) * (rank - len(sample)), *sample), tensor.layout)

    # Instructions

    def emit(
        self,
        bind: Bind,
        reads: Sequence[Tensor],
        writes: Sequence[Tensor],
        in_place: bool = False,
        splits: Splits = Splits.NOT,
    ) -> None:
        """Adds an instruction.

        Args:
            bind: given the arrays of `reads`, then of `writes`, makes the call or calls.
            in_place: the calls are right also when a read of the same shape shares its memory with the first write.
            splits: what `bind` may be given at a time, so that parts can go to several threads.
        """
        if self._unfilled:
            self._fill(reads)
        instruction = Instruction(bind, list(reads), list(writes), in_place, splits)
        if not self.eager:
            self._instructions.append(instruction)
            return
        for tensor in instruction.writes:
            root = tensor.root
            if root.array is None:
                root.array = np.empty(root.shape, root.dtype)
        for step in Site([instruction], []).calls:
            step()

    def ufunc(self, function: Callable[..., Any], reads: Sequence[Tensor], out: Tensor) -> None:
        """Adds one elementwise call."""
        self.emit(partial(_elementwise, function), reads, [out], in_place=True, splits=Splits.ELEMENTS)

    def kernel(self, name: str, *sizes: Any) -> Any:
        """The plan of a kernel that may split its work among our threads."""
        self._uses_threads = True
        return kernel(name)(*sizes)

    def copy(self, source: Tensor, target: Tensor) -> None:
        """Copies, broadcasting as NumPy does."""
        self.emit(lambda a, out: partial(np.copyto, out, a), [source], [target])

    def on_commit(self, step: Call) -> None:
        """Puts off a change of lasting state until the whole step has succeeded."""
        self._commits.append(step)

    def array_of(self, tensor: Tensor) -> Array:
        """The contents of a tensor; only in a plan that runs as it is made."""
        assert self.eager
        self._fill([tensor])
        return tensor.bound()

    # Sparse tensors

    def make_sparse(self, tensor: Tensor) -> Entries:
        """Lets a tensor be known by its entries, which the caller sets in each run; only one with its own array."""
        assert tensor.parent is None
        tensor.entries = Entries()
        self._unfilled.add(tensor)
        return tensor.entries

    def entries_of(self, tensor: Tensor) -> Entries | None:
        """The entries of a sparse tensor, also of one in another shape; None for others."""
        while tensor.parent is not None:
            if not tensor.is_reshape:
                return None
            tensor = tensor.parent
        return tensor.entries

    def _fill(self, tensors: Iterable[Tensor]) -> None:
        """Fills the arrays of sparse tensors that are to be read."""
        for root in {tensor.root for tensor in tensors} & self._unfilled:
            self._unfilled.discard(root)
            assert root.entries is not None
            self.emit(partial(_filling, root.entries), [], [root])

    # Gradients

    def wants(self, tensor: Tensor) -> bool:
        """Whether the gradient of an operand is asked for."""
        return tensor.needs_gradient and (self._no_gradient_for is None or not self._no_gradient_for(tensor))

    def gradient_of(self, tensor: Tensor) -> Tensor | None:
        """The gradient that has come to a tensor, None when none has."""
        if tensor.parent is None:
            return tensor.gradient
        above = self.gradient_of(tensor.parent)
        if above is None:
            return None
        if tensor.gradient is None or tensor.gradient.parent is not above:
            assert tensor.view is not None
            tensor.gradient = above.derived(tensor.shape, tensor.view, tensor.layout, tensor.window)
        return tensor.gradient

    def has_gradient(self, tensor: Tensor) -> bool:
        """Whether anything has been written to the gradient of a tensor or a part of it."""
        if tensor.gradient_whole or tensor.windows_written:
            return True
        if tensor.parent is None:
            return tensor.gradient is not None
        return self._overlapped_above(tensor)

    def accumulate(
        self, tensor: Tensor, bind: Bind, reads: Sequence[Tensor], in_place: bool = False, splits: Splits = Splits.NOT
    ) -> None:
        """Adds a contribution to the gradient of a tensor: `bind(*reads, out)` makes the calls that write it."""
        if tensor.row_gradient is not None:
            self._give_up_rows(tensor)
        if tensor.parent is None and tensor.gradient is None:
            tensor.gradient = self._like(tensor)
            tensor.gradient_whole = True
            self.emit(bind, reads, [tensor.gradient], in_place, splits)
            return
        if tensor.parent is not None:
            fresh, target = self._gradient_window(tensor)
            if fresh:
                self.emit(bind, reads, [target], splits=splits)
                return
        contribution = self._like(tensor)
        self.emit(bind, reads, [contribution], in_place, splits)
        self._add(tensor, contribution)

    def accumulate_tensor(self, tensor: Tensor, contribution: Tensor) -> None:
        """Adds a contribution that is a tensor of the same shape already; it may be kept as it is."""
        if tensor.row_gradient is not None:
            self._give_up_rows(tensor)
        if tensor.parent is None and tensor.gradient is None:
            tensor.gradient = contribution
            tensor.gradient_shared = True
            tensor.gradient_whole = True
            return
        if tensor.parent is not None:
            fresh, target = self._gradient_window(tensor)
            if fresh:
                self.copy(contribution, target)
                return
        self._add(tensor, contribution)

    def accumulate_rows(
        self,
        tensor: Tensor,
        make: Callable[..., Callable[[], tuple[Array, Array]]],
        reads: Sequence[Tensor],
        count: int,
        transposed: bool,
        whole_table: bool,
    ) -> None:
        """Adds a contribution to some rows of the gradient of a table.

        Args:
            make: given the arrays of `reads`, makes the call that finds different rows, ascending, and their sums.
            count, transposed, whole_table: as a `RowGradient` has them.
        """
        kept = tensor.row_gradient
        if not tensor.takes_rows or tensor.gradient is not None or (kept and kept.transposed is not transposed):
            alone = RowGradient(tensor.shape, tensor.dtype, count, transposed, whole_table)
            alone.new_part()
            self.accumulate(tensor, partial(_spread_rows, make, alone), reads)
            return
        if kept is None:
            kept = tensor.row_gradient = RowGradient(tensor.shape, tensor.dtype, count, transposed, whole_table)
        kept.whole_table |= whole_table
        self.emit(partial(_set_rows, make, kept, kept.new_part()), reads, [])

    def _give_up_rows(self, tensor: Tensor) -> None:
        """Goes on with a gradient as an array, for contributions that are not rows."""
        rows, tensor.row_gradient = tensor.row_gradient, None
        assert rows is not None
        gradient = tensor.gradient = self._like(tensor)
        tensor.gradient_whole = True
        self.emit(lambda out: [partial(out.fill, 0), partial(rows.add_to, out)], [], [gradient])

    def accumulate_reduced(self, tensor: Tensor, contribution: Tensor) -> None:
        """Adds a contribution in the shape of the output of a broadcast, summed down to the tensor's shape."""
        layout = contribution.layout
        rank = len(contribution.sample)
        sample = (1,) * (rank - len(tensor.sample)) + tensor.sample
        axes: list[int] = []
        offset = 0 if layout is None else 1
        if layout is not None and tensor.layout is None:
            axes.append(0)
        axes.extend(
            offset + i for i, (d, c) in enumerate(zip(sample, contribution.sample, strict=True)) if d == 1 and c != 1
        )
        if not axes:
            shape = contribution.shape if tensor.layout is not None or layout is None else contribution.shape[1:]
            same = tensor.shape == shape
            self.accumulate_tensor(tensor, contribution if same else contribution.reshaped(tensor.shape, tensor.layout))
            return
        if axes == [0] and len(contribution.shape) == 2:
            ones = self.ones(contribution.shape[0], contribution.dtype)
            self.accumulate(tensor, lambda o, g, out: partial(np.dot, o, g, out.reshape(-1)), [ones, contribution])
            return
        kept = tuple(1 if i in axes else d for i, d in enumerate(contribution.shape))

        def bind(g: Array, out: Array) -> Call:
            return partial(np.add.reduce, g, tuple(axes), None, out.reshape(kept), True)

        self.accumulate(tensor, bind, [contribution])

    def accumulate_broadcast(
        self, tensor: Tensor, bind: Bind, reads: Sequence[Tensor], like: Tensor, in_place: bool = True
    ) -> None:
        """Adds a contribution that is written in the shape of `like`, the output of a broadcast."""
        if tensor.shape == like.shape:
            self.accumulate(tensor, bind, reads, in_place)
            return
        contribution = self.new(like.sample, like.layout, like.dtype)
        self.emit(bind, reads, [contribution], in_place)
        self.accumulate_reduced(tensor, contribution)

    def _like(self, tensor: Tensor) -> Tensor:
        return Tensor(tensor.shape, tensor.dtype, tensor.layout)

    def _add(self, tensor: Tensor, contribution: Tensor) -> None:
        gradient = self.gradient_of(tensor)
        assert gradient is not None
        if tensor.parent is None and tensor.gradient_shared:
            total = self._like(tensor)
            self.ufunc(np.add, [gradient, contribution], total)
            tensor.gradient = total
            tensor.gradient_shared = False
            return
        self.emit(lambda c, g: partial(np.add, g, c, g), [contribution], [gradient])

    def _gradient_window(self, tensor: Tensor) -> tuple[bool, Tensor]:
        """The place of a view's gradient in its root's, and whether it may be written over."""
        root = tensor.root
        if root.row_gradient is not None:
            self._give_up_rows(root)
        covers = tensor.size == root.size
        if root.gradient is None:
            root.gradient = self._like(root)
            if not covers:
                self.emit(lambda g: partial(g.fill, 0), [], [root.gradient])
            fresh = True
        else:
            fresh = not (root.gradient_whole or tensor.windows_written or self._overlapped_above(tensor))
            if root.gradient_shared:
                owned = self._like(root)
                self.copy(root.gradient, owned)
                root.gradient = owned
                root.gradient_shared = False
        child = tensor
        while child.parent is not None:
            child.gradient_whole = child is tensor or child.gradient_whole
            window = child.window or ()
            child.parent.windows_written[window] = child
            child = child.parent
        if covers:
            root.gradient_whole = True
        target = self.gradient_of(tensor)
        assert target is not None
        return fresh, target

    @staticmethod
    def _overlapped_above(tensor: Tensor) -> bool:
        """Whether a part of a parent's gradient that overlaps this view has been written."""
        child = tensor
        if child.gradient_whole:
            return True
        while child.parent is not None:
            parent = child.parent
            if parent.gradient_whole:
                return True
            if parent.partitioned:  # its parts do not overlap, and their writers were asked already
                child = parent
                continue
            for window, writer in parent.windows_written.items():
                if writer is not child and (not window or child.window is None or _overlap(child.window, window)):
                    return True
            child = parent
        return child.gradient is not None and child.gradient_whole

    def record(self, step: Call) -> None:
        """Adds a step of the backward pass; steps run in reverse order."""
        self._tape.append(step)

    def differentiate(self, output: Tensor) -> None:
        """Emits the backward pass from an output whose elements are summed."""
        self.in_backward_pass = True
        self.accumulate(output, lambda g: partial(g.fill, 1), [])
        self.root_gradient = output.gradient
        for step in reversed(self._tape):
            step()

    def differentiate_from_seeds(self, outputs: Sequence[Tensor], seeds: Sequence[Array] | None = None) -> None:
        """Emits the backward pass as a part of its own, from gradients of outputs that are given when it is run.

        Args:
            seeds: the gradients, in a plan that runs as it is made.
        """
        self.in_backward_pass = True
        self._backward_from = len(self._instructions)
        for index, output in enumerate(outputs):
            seed = self._like(output)
            seed.array = np.empty(seed.shape, seed.dtype)
            if seeds is not None:
                np.copyto(seed.array, seeds[index].reshape(seed.shape))
            self._seeds.append(seed)
            self.accumulate_tensor(output, seed)
        for step in reversed(self._tape):
            step()

    # From the graph

    def tensor(self, variable: Variable) -> Tensor:
        """The tensor of a variable that is a leaf or has been computed."""
        found = self._tensors.get(variable)
        if found is None:
            found = self._leaf(variable)
            self._tensors[variable] = found
        return found

    def bind_variable(self, variable: Variable, tensor: Tensor) -> None:
        """Says which tensor holds a variable."""
        self._tensors[variable] = tensor

    def _leaf(self, variable: Variable) -> Tensor:
        if isinstance(variable, (Parameter, Constant)):
            data = variable.data
            tensor = Tensor(data.shape, data.dtype, None, variable in self._wanted, data)
            tensor.takes_rows = self._row_gradients and tensor.needs_gradient
            return tensor
        value = self._values.get(variable)
        if value is None:
            raise CntkError(
                f"Values for 1 required arguments '{variable.as_string()}', that the requested output(s) depend on, "
                "have not been provided."
            )
        layout = None
        if value.lengths is not None:
            layout = self.layout(value.lengths)
        elif value.has_batch:
            layout = self.batch_layout(value.array_shape[0])
        tensor = Tensor(value.array_shape, np.dtype(DTYPES[variable.data_type]), layout, variable in self._wanted)
        if variable.is_sparse:
            entries = self.make_sparse(tensor)
            if self.eager:
                value.give_entries(entries)
        else:
            tensor.array = np.array(value.array) if self.eager else np.empty(tensor.shape, tensor.dtype)
        self._inputs.append((variable, tensor))
        return tensor

    def run_node(self, node: Node, outputs: Sequence[Variable]) -> None:
        """Emits a node's forward pass and books its gradient."""
        node.operator.forward(node, self)
        for variable, tensor in zip(outputs, node.outputs, strict=True):
            self._tensors[variable] = tensor
        if any(t.needs_gradient for t in node.inputs):
            self.record(partial(self.node_gradient, node))

    def node_gradient(self, node: Node) -> None:
        """Emits a node's gradient where one has come to its outputs."""
        if node.operator.is_view or not any(self.has_gradient(t) for t in node.outputs if t.needs_gradient):
            return
        if any(self.wants(t) for t in node.inputs):
            node.operator.gradient(node, self)

    # Binding

    def finish(self, outputs: Sequence[Tensor], gradients: dict[Variable, Tensor | None]) -> Plan:
        """Gives out the buffers and binds every call."""
        self._fill(outputs)
        kept = [*outputs, *(t for t in gradients.values() if t is not None)]
        rows = {v: self._tensors[v].row_gradient for v in gradients if v in self._tensors}
        calls: tuple[list[Call], list[Call]] = ([], [])
        groups: list[tuple[bool, list[Instruction]]] = []
        """Instructions that make a site, and whether they belong to the backward pass."""
        if not self.eager:
            split = len(self._instructions) if self._backward_from is None else self._backward_from
            self._set_last_uses(kept, split)
            pool = Pool()
            for index, instruction in enumerate(self._instructions):
                self._allocate(instruction, index, pool)
                if index != split and groups and Site.can_take(groups[-1][1], instruction):
                    groups[-1][1].append(instruction)
                else:
                    groups.append((index >= split, [instruction]))
                for root in {t.root for t in (*instruction.reads, *instruction.writes)}:
                    if root.last_use == index and root.pooled is not None:
                        pool.give_back(root.pooled)
                        root.pooled = None
        sites = [Site(group, calls[is_backward]) for is_backward, group in groups]
        row_gradients = {v: found for v, found in rows.items() if found is not None}
        shapes = {v: self._tensors[v].shape if v in self._tensors else v.shape.numpy_shape for v in gradients}
        return Plan(
            self._inputs,
            self._seeds,
            sites,
            calls,
            outputs,
            gradients,
            self._commits,
            row_gradients,
            shapes,
            self._uses_threads,
        )

    def _set_last_uses(self, kept: Sequence[Tensor], split: int) -> None:
        """`split`: where a backward pass begins that may be run several times: it must find what it reads."""
        written: set[Tensor] = set()
        for index, instruction in enumerate(self._instructions):
            for tensor in (*instruction.reads, *instruction.writes):
                root = tensor.root
                if index < split:
                    written.add(root)
                    root.last_use = index
                else:
                    root.last_use = _FOREVER if root in written else index
        for tensor in kept:
            tensor.root.last_use = _FOREVER

    @staticmethod
    def _allocate(instruction: Instruction, index: int, pool: Pool) -> None:
        for position, tensor in enumerate(instruction.writes):
            root = tensor.root
            if root.array is not None:
                continue
            if instruction.in_place and position == 0 and tensor is root:
                for read in instruction.reads:
                    given = read.root
                    if (
                        given.last_use == index
                        and given.pooled is not None
                        and read is given
                        and given.shape == root.shape
                        and given.dtype == root.dtype
                        and sum(r.root is given for r in instruction.reads) == 1
                    ):
                        storage, given.pooled = given.pooled, None
                        storage.house(root)
                        break
            if root.array is None:
                pool.take(root.size * root.dtype.itemsize).house(root)


def _filling(entries: Entries, out: Array) -> Call:
    return partial(entries.fill, out)


def _set_rows(
    make: Callable[..., Callable[[], tuple[Array, Array]]], rows: RowGradient, number: int, *arrays: Array
) -> Call:
    find = make(*arrays)
    return lambda: rows.set_part(number, *find())


def _spread_rows(make: Callable[..., Callable[[], tuple[Array, Array]]], rows: RowGradient, *arrays: Array) -> Call:
    """The call that writes the whole gradient of a table whose rows are found."""
    *given, out = arrays
    find = make(*given)

    def step() -> None:
        rows.set_part(0, *find())
        out.fill(0)
        rows.add_to(out)

    return step


def _elementwise(function: Callable[..., Any], *arrays: Array) -> list[Call]:
    return broadcast_calls(function, arrays[:-1], arrays[-1])


def _overlap(a: tuple[tuple[int, int], ...], b: tuple[tuple[int, int], ...]) -> bool:
    return all(x[0] < y[1] and y[0] < x[1] for x, y in zip(a, b, strict=True))


def fused(block: BlockFunction) -> Operator | None:
    """The operator that computes a block as a whole, None when it is to be gone through."""
    operator = FUSED_BLOCKS.get(block.op_name)
    return operator if operator is not None and operator.accepts(block) else None
