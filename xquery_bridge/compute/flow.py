"""The flow of a graph: its functions in the order they are computed, blocks opened or taken as one, loops together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import graph
from .graph import BlockFunction, Function, PrimitiveFunction
from .ops.operator import Operator
from .plan import fused
from .variable import Constant, Parameter, Variable

__all__ = ["Flow", "Step"]


class Step:
    """A function that is one node of a plan, with its operator and its operands after blocks are opened."""

    __slots__ = ("function", "operands", "operator", "outputs")

    def __init__(self, function: Function, operator: Operator, operands: list[Variable], outputs: list[Variable]):
        self.function = function
        self.operator = operator
        self.operands = operands
        self.outputs = outputs


class Flow:
    """A graph without blocks: its steps in order, loops together."""

    def __init__(self, roots: Iterable[Variable]) -> None:
        self._resolved: dict[Variable, Variable] = {}
        self._steps: dict[int, Step] = {}
        self.version = graph.graph_version
        self.roots = [self.resolve(v) for v in roots]
        self.groups = self._components()
        self.leaves = self._find_leaves()
        self.uses_steps = any(s.operator.uses_steps for group in self.groups for s in group) or any(
            self.is_loop(group) for group in self.groups
        )
        self.dynamic_layout = any(s.operator.layout_depends_on_data(s.function) for group in self.groups for s in group)

    @property
    def is_current(self) -> bool:
        """Whether no graph has been changed since."""
        return self.version == graph.graph_version

    def resolve(self, variable: Variable) -> Variable:
        """The variable behind a block's output or a block's placeholder."""
        seen = variable
        while True:
            known = self._resolved.get(seen)
            if known is not None:
                seen = known
                break
            owner = seen.owner
            if isinstance(owner, BlockFunction) and fused(owner) is None:
                for inner, outer in zip(owner.mapped, owner.operands, strict=True):
                    if inner is not None:
                        inner.block_mapping = outer
                seen = owner.composite.outputs[owner.outputs.index(seen)]
            elif seen.is_placeholder and seen.block_mapping is not None:
                seen = seen.block_mapping
            else:
                break
        self._resolved[variable] = seen
        return seen

    def step_of(self, function: Function) -> Step:
        """The step of a primitive, or of a block that is computed as one."""
        step = self._steps.get(id(function))
        if step is None:
            if isinstance(function, BlockFunction):
                operator = fused(function)
            else:
                assert isinstance(function, PrimitiveFunction)
                operator = function.operator  # type: ignore[assignment]
            assert operator is not None
            operands = [self.resolve(v) for v in function.operands]
            step = Step(function, operator, operands, function.outputs)
            self._steps[id(function)] = step
        return step

    def _components(self) -> list[list[Step]]:
        """The strongly connected components, operands first (Tarjan, without recursion)."""
        index: dict[int, int] = {}
        low: dict[int, int] = {}
        on_stack: set[int] = set()
        stack: list[Step] = []
        groups: list[list[Step]] = []
        for root in self.roots:
            if root.owner is None or id(root.owner) in index:
                continue
            work = [(self.step_of(root.owner), 0)]
            while work:
                step, position = work.pop()
                key = id(step.function)
                if position == 0:
                    index[key] = low[key] = len(index)
                    stack.append(step)
                    on_stack.add(key)
                descended = False
                for i in range(position, len(step.operands)):
                    owner = step.operands[i].owner
                    if owner is None:
                        continue
                    child = id(owner)
                    if child not in index:
                        work.append((step, i + 1))
                        work.append((self.step_of(owner), 0))
                        descended = True
                        break
                    if child in on_stack:
                        low[key] = min(low[key], index[child])
                if descended:
                    continue
                if low[key] == index[key]:
                    group: list[Step] = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(id(member.function))
                        group.append(member)
                        if member is step:
                            break
                    groups.append(group)
                if work:
                    parent = id(work[-1][0].function)
                    low[parent] = min(low[parent], low[key])
        return groups

    def is_loop(self, group: Sequence[Step]) -> bool:
        if len(group) > 1:
            return True
        own = {id(v) for v in group[0].outputs}
        return any(id(v) in own for v in group[0].operands)

    def used_outside(self, group: Sequence[Step]) -> set[Variable]:
        """The outputs of a group that other steps or the roots need."""
        used = set(self.roots)
        for other in self.groups:
            if other is not group:
                used.update(v for step in other for v in step.operands)
        return used

    def _find_leaves(self) -> list[Variable]:
        leaves: dict[Variable, None] = {}
        for root in self.roots:
            if root.owner is None:
                leaves.setdefault(root)
        for group in self.groups:
            for step in group:
                for operand in step.operands:
                    if operand.owner is None:
                        leaves.setdefault(operand)
        return list(leaves)

    @property
    def arguments(self) -> list[Variable]:
        return [v for v in self.leaves if not isinstance(v, (Parameter, Constant))]
