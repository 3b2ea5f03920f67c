"""Functions: primitive calls, blocks (named subgraphs over placeholders) and the composites around them.

Every call of the API makes a primitive or a block and returns a composite around it. uids count as in CNTK (section 1
of cntk-semantics): a primitive takes one for itself, one for its composite, one for each output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from .axis import DynamicAxes
from .errors import CntkError
from .session import current_session
from .shape import Shape
from .variable import Constant, Parameter, Variable, placeholder

__all__ = [
    "BlockFunction",
    "CompositeFunction",
    "Function",
    "InferenceRule",
    "Operand",
    "Outcome",
    "PrimitiveFunction",
    "as_block",
    "as_composite",
    "as_variable",
    "call",
    "combine",
    "functions_of",
    "leaves_of",
    "operands_first",
]

#: What is larger can only be a slip: no array has so many elements.
_LARGEST_DIMENSION = 2**48


class Outcome(NamedTuple):
    """What an operator gives: shape, data type and dynamic axes of one output."""

    shape: Shape
    data_type: str
    dynamic_axes: DynamicAxes


class InferenceRule(Protocol):
    """The part of an operator that building a graph needs."""

    name: str
    helper_ids: int
    passes_operands: bool

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        """The outputs for the operands at hand; may fix inferred dimensions of parameters."""
        ...


graph_version = 0
"""Counts the changes of existing graphs (replaced placeholders); compiled plans of older graphs are void."""


class Function:
    """A function of the graph.

    Attributes:
        kind: "primitive", "block" or "composite".
        op_name: CNTK's operator name; of a composite `CompositeFunctionOpName`.
        operands: the direct operands, in C++ order.
        attributes: by CNTK's attribute names.
    """

    kind = ""

    def __init__(self, op_name: str, uid: str, operands: list[Variable], attributes: dict[str, Any], name: str) -> None:
        self.op_name = op_name
        self.uid = uid
        self.operands = operands
        self.attributes = attributes
        self.name = name
        self.state: dict[str, Any] = {}
        self.plans: dict[Any, Any] = {}
        self.evaluator: Any = None
        """What evaluates all outputs of this function, once it has been evaluated."""
        self._outputs: list[Variable] = []

    @property
    def is_primitive(self) -> bool:
        return self.kind == "primitive"

    @property
    def is_block(self) -> bool:
        return self.kind == "block"

    @property
    def is_composite(self) -> bool:
        return self.kind == "composite"

    @property
    def root_function(self) -> Function:
        """The primitive or block a composite stands for."""
        return self

    @property
    def outputs(self) -> list[Variable]:
        return self._outputs

    @property
    def output(self) -> Variable:
        """The only output; refused when there are several."""
        if len(self.outputs) != 1:
            raise CntkError(
                "A Function instance with more than one output cannot be implicitly converted to a Variable."
                if len(self.outputs) > 1
                else f"Function '{self.as_string()}' has no output."
            )
        return self.outputs[0]

    @property
    def inputs(self) -> list[Variable]:
        """A primitive's or block's operands; a composite's leaves, depth first, left to right."""
        return self.operands

    @property
    def arguments(self) -> list[Variable]:
        """Inputs that are neither parameters nor constants."""
        return [v for v in self.inputs if not isinstance(v, (Parameter, Constant))]

    @property
    def parameters(self) -> list[Parameter]:
        return [v for v in self.inputs if isinstance(v, Parameter)]

    @property
    def constants(self) -> list[Constant]:
        return [v for v in self.inputs if isinstance(v, Constant)]

    @property
    def placeholders(self) -> list[Variable]:
        return [v for v in self.inputs if v.is_placeholder]

    def as_string(self) -> str:
        """CNTK's own form, `Composite(Softmax): Input(…) -> Output(…)`."""
        label = f"Composite({self.root_function.op_name})" if self.is_composite else self.op_name
        outputs = ", ".join(v.as_string() for v in self.outputs)
        return f"{label}: {', '.join(v.as_string() for v in self.arguments)} -> {outputs}"

    def __repr__(self) -> str:
        return self.as_string()

    def infer_outputs(self) -> bool:
        """Infers the outputs anew; True when one of them changed."""
        return False

    def _update_outputs(self, outcomes: Sequence[Outcome]) -> bool:
        needs_gradient = any(v.needs_gradient for v in self.operands)
        session = current_session()
        if not self._outputs:
            for index, outcome in enumerate(outcomes):
                session.skip_uids(1)
                self._outputs.append(
                    Variable(
                        outcome.shape,
                        outcome.data_type,
                        "Output",
                        outcome.dynamic_axes,
                        self.name,
                        needs_gradient=needs_gradient,
                        uid=f"{self.uid}_Output_{index}",
                        owner=self,
                    )
                )
            return True
        session.skip_uids(len(outcomes))
        changed = False
        for variable, outcome in zip(self._outputs, outcomes, strict=True):
            new = (outcome.shape, outcome.data_type, outcome.dynamic_axes, needs_gradient)
            if new != (variable.shape, variable.data_type, variable.dynamic_axes, variable.needs_gradient):
                variable.shape, variable.data_type, variable.dynamic_axes, variable.needs_gradient = new
                changed = True
        return changed

    def replace_placeholders(self, replacements: Mapping[Variable, Variable | Function]) -> Function:
        """Puts variables in the place of placeholders, everywhere below this function; loops may come to be so."""
        global graph_version  # noqa: PLW0603
        graph_version += 1
        new = {key: as_variable(value) for key, value in replacements.items()}
        reached = functions_of(self.root_function)
        for function in reached:
            function.operands = [new.get(v, v) for v in function.operands]
        _infer_all(self.root_function)
        return self

    def clone(
        self, parameters: str = "clone", replacements: Mapping[Variable, Variable | Function] | None = None
    ) -> Function:
        """A copy of the graph.

        Args:
            parameters: "clone" copies parameters, "share" uses the same ones, "freeze" makes constants of them.
            replacements: variables to put in the place of leaves.
        """
        return _Cloner(parameters, replacements or {}).clone(self)


class Operand(Protocol):
    """What an inference rule looks at in an operand: a variable, or a tensor at planning time."""

    shape: Shape
    data_type: str
    dynamic_axes: DynamicAxes


class PrimitiveFunction(Function):
    """One operator applied to operands."""

    kind = "primitive"

    def __init__(
        self, operator: InferenceRule, operands: Sequence[Variable], attributes: dict[str, Any], name: str
    ) -> None:
        super().__init__(operator.name, current_session().next_uid(operator.name), list(operands), attributes, name)
        self.operator = operator

    def infer_outputs(self) -> bool:
        if self.operator.passes_operands:
            changed = self._outputs != self.operands
            self._outputs = list(self.operands)
            return changed
        known = not any(v.shape.is_unknown for v in self.operands)
        if known and self.operator.helper_ids and not self._is_inside_open_block():
            current_session().skip_uids(self.operator.helper_ids)
        outcomes = self.operator.infer(self)
        if any(max(outcome.shape, default=0) > _LARGEST_DIMENSION for outcome in outcomes):
            shapes = ", ".join(str(outcome.shape) for outcome in outcomes)
            raise CntkError(f"{self.op_name}: no dimension beyond {_LARGEST_DIMENSION} was expected, {shapes} came.")
        return self._update_outputs(outcomes)

    def _is_inside_open_block(self) -> bool:
        """Whether an operand hangs on a placeholder that nothing stands for yet: CNTK does not know its shape."""
        todo, seen = list(self.operands), set(self.operands)
        while todo:
            variable = todo.pop()
            if variable.is_placeholder and variable.block_mapping is None:
                return True
            if variable.owner is not None:
                below = [v for v in variable.owner.operands if v not in seen]
                seen.update(below)
                todo += below
        return False

    def check_data_types(self) -> str:
        """The common data type of the operands; refused when they differ."""
        found = ""
        for operand in self.operands:
            if operand.data_type != "unknown":
                if found and operand.data_type != found:
                    operands = ", ".join(v.as_string() for v in self.operands)
                    raise CntkError(
                        f"Primitive op '{self.op_name}' passed operands '{operands}' with different DataTypes "
                        f"'{found.capitalize()}' and '{operand.data_type.capitalize()}'."
                    )
                found = operand.data_type
        return found or "unknown"


class BlockFunction(Function):
    """A named subgraph. `mapped` holds for each operand the placeholder inside, None where the leaf is its own."""

    kind = "block"

    def __init__(
        self,
        composite: CompositeFunction,
        arguments: Mapping[Variable, Variable],
        op_name: str,
        attributes: dict[str, Any],
        name: str,
    ) -> None:
        operands: list[Variable] = []
        placeholders: set[Variable] = set()
        for leaf in composite.inputs:
            if isinstance(leaf, (Parameter, Constant)):
                operands.append(leaf)
                continue
            if not leaf.is_placeholder:
                raise CntkError(
                    f"The composite implementing Block '{name}' has an argument '{leaf.as_string()}' which is not a "
                    "placeholder. All arguments of the composite underlying a Block must be placeholders"
                )
            if leaf not in arguments:
                raise CntkError(
                    f"The composite implementing Block '{name}' has an argument '{leaf.as_string()}' for which no "
                    "mapping was given."
                )
            placeholders.add(leaf)
        # CNTK's order: the inner leaves that are their own, then the arguments as they were given
        self.mapped: list[Variable | None] = [None] * len(operands)
        for inner, outer in arguments.items():
            if inner in placeholders:
                operands.append(outer)
                self.mapped.append(inner)
        super().__init__(op_name, current_session().next_uid("Block"), operands, attributes, name)
        self.composite = composite
        self._nested: list[BlockFunction] | None = None
        self._own_ids = 0

    def _ids_of_validation(self) -> int:
        """How many ids CNTK uses up when it goes over the inside once more, because placeholders around it changed."""
        nested = self._nested
        if nested is None:
            inside = functions_of(self.composite.root_function)
            nested = self._nested = [f for f in inside if isinstance(f, BlockFunction)]
            self._own_ids = sum(len(f.outputs) for f in inside if f.is_primitive and f.op_name != COMBINE.name)
        count = self._own_ids
        for block in nested:
            arguments = len(block.mapped) - block.mapped.count(None)
            count += 2 * block._ids_of_validation() + arguments + len(block.outputs)
        return count

    def infer_outputs(self) -> bool:
        self._ids_of_validation()
        current_session().skip_uids(sum(block._ids_of_validation() for block in self._nested or ()))
        for inner, outer in zip(self.mapped, self.operands, strict=True):
            if inner is not None:
                current_session().skip_uids(1)
                inner.shape, inner.data_type = outer.shape, outer.data_type
                inner.dynamic_axes, inner.needs_gradient = outer.dynamic_axes, outer.needs_gradient
                inner.block_mapping = outer
        _infer_all(self.composite.root_function)
        return self._update_outputs([Outcome(v.shape, v.data_type, v.dynamic_axes) for v in self.composite.outputs])


class CompositeFunction(Function):
    """A graph, seen from its root."""

    kind = "composite"

    def __init__(self, root: Function, name: str = "") -> None:
        super().__init__("CompositeFunctionOpName", current_session().next_uid("CompositeFunction"), [], {}, name)
        self._root = root

    @property
    def root_function(self) -> Function:
        return self._root

    @property
    def outputs(self) -> list[Variable]:
        return self._root.outputs

    @property
    def inputs(self) -> list[Variable]:
        return leaves_of(self._root)


def as_variable(operand: Variable | Function) -> Variable:
    """A function's output where a variable is expected."""
    return operand.output if isinstance(operand, Function) else operand


def call(
    operator: InferenceRule,
    operands: Iterable[Variable | Function],
    attributes: dict[str, Any] | None = None,
    name: str = "",
) -> CompositeFunction:
    """Applies an operator: the way every API function ends."""
    function = PrimitiveFunction(operator, [as_variable(v) for v in operands], attributes or {}, name)
    composite = CompositeFunction(function, name)
    function.infer_outputs()
    return composite


def as_composite(root: Function, name: str = "") -> CompositeFunction:
    """A composite around a root function."""
    return CompositeFunction(root.root_function, name)


def as_block(
    composite: Function,
    arguments: Mapping[Variable, Variable | Function],
    op_name: str,
    name: str = "",
    attributes: dict[str, Any] | None = None,
) -> CompositeFunction:
    """Makes a block of a composite over placeholders; `arguments` says what stands for each placeholder."""
    if not isinstance(composite, CompositeFunction):
        raise CntkError("Composite function passed to AsBlock must be a composite.")
    mapping = {key: as_variable(value) for key, value in arguments.items()}
    block = BlockFunction(composite, mapping, op_name, attributes or {}, name)
    result = CompositeFunction(block, name)
    block.infer_outputs()
    return result


class _Combine:
    name = "Combine"
    number = 44
    helper_ids = 0
    passes_operands = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        return [Outcome(v.shape, v.data_type, v.dynamic_axes) for v in function.operands]


COMBINE = _Combine()


def combine(operands: Sequence[Variable | Function], name: str = "") -> CompositeFunction:
    """One function of many: its outputs are the operands themselves (all outputs of a function that has several)."""
    variables: list[Variable] = []
    for operand in operands:
        variables.extend(operand.outputs if isinstance(operand, Function) else [operand])
    if not variables:
        raise CntkError("Combine: at least one operand was expected, none came.")
    return call(COMBINE, variables, name=name)


def _children(function: Function) -> Iterator[Function]:
    for operand in function.operands:
        if operand.owner is not None:
            yield operand.owner


def functions_of(root: Function) -> list[Function]:
    """The functions below a root, it included, depth first in operand order; not those inside blocks."""
    seen = {id(root)}
    found = [root]
    stack = [_children(root)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif id(child) not in seen:
            seen.add(id(child))
            found.append(child)
            stack.append(_children(child))
    return found


def operands_first(root: Function) -> list[Function]:
    """The functions below a root, operands before their users as far as loops allow."""
    seen = {id(root)}
    ordered: list[Function] = []
    stack = [(root, _children(root))]
    while stack:
        function, children = stack[-1]
        child = next(children, None)
        if child is None:
            ordered.append(function)
            stack.pop()
        elif id(child) not in seen:
            seen.add(id(child))
            stack.append((child, _children(child)))
    return ordered


def leaves_of(root: Function, python_order: bool = False) -> list[Variable]:
    """The leaves below a root: depth first, left to right, first occurrence.

    In Python's order the operands of products are exchanged, as in CNTK's Python API, whose matrices are transposed.
    """

    def operands_of(function: Function) -> Iterator[Variable]:
        exchanged = python_order and function.op_name in ("Times", "TransposeTimes")
        return reversed(function.operands) if exchanged else iter(function.operands)

    seen_functions = {id(root)}
    leaves: dict[Variable, None] = {}
    stack: list[Iterator[Variable]] = [operands_of(root)]
    while stack:
        operand = next(stack[-1], None)
        if operand is None:
            stack.pop()
        elif operand.owner is None:
            leaves.setdefault(operand)
        elif id(operand.owner) not in seen_functions:
            seen_functions.add(id(operand.owner))
            stack.append(operands_of(operand.owner))
    return list(leaves)


def _infer_all(root: Function) -> None:
    """Infers every output below a root; loops are gone through until nothing changes."""
    ordered = operands_first(root)
    for _ in range(len(ordered) + 2):
        changed = [function.infer_outputs() for function in ordered]
        if not any(changed):
            return
        if not _has_loop(ordered):
            return


def _has_loop(ordered: Sequence[Function]) -> bool:
    position = {id(function): index for index, function in enumerate(ordered)}
    return any(position.get(id(c), -1) >= index for index, f in enumerate(ordered) for c in _children(f))


class _Cloner:
    """Copies a graph; loops are closed through placeholders."""

    def __init__(self, parameters: str, replacements: Mapping[Variable, Variable | Function]) -> None:
        if parameters not in ("clone", "share", "freeze"):
            raise CntkError(
                f'The method to clone parameters must be "clone", "share" or "freeze", "{parameters}" came.'
            )
        self.parameters = parameters
        self.variables: dict[Variable, Variable] = {k: as_variable(v) for k, v in replacements.items()}

    def clone(self, function: Function) -> CompositeFunction:
        pending: dict[Variable, Variable] = {}
        root: CompositeFunction | None = None
        for old in operands_first(function.root_function):
            operands = [self._operand(v, pending) for v in old.operands]
            root = self._function(old, operands)
            for before, after in zip(old.outputs, root.outputs, strict=True):
                self.variables[before] = after
        assert root is not None
        if pending:
            root.replace_placeholders({stand_in: self.variables[v] for v, stand_in in pending.items()})
        return root

    def _operand(self, variable: Variable, pending: dict[Variable, Variable]) -> Variable:
        if variable in self.variables:
            return self.variables[variable]
        if variable.owner is not None:
            return pending.setdefault(
                variable, placeholder(variable.shape, variable.data_type, "", variable.dynamic_axes)
            )
        copy = self._leaf(variable)
        self.variables[variable] = copy
        return copy

    def _leaf(self, variable: Variable) -> Variable:
        if isinstance(variable, Parameter) and self.parameters != "share":
            made = Constant if self.parameters == "freeze" else Parameter
            return made(variable.shape, variable.data_type, variable.data.copy(), variable.name)
        if variable.is_input or variable.is_placeholder:
            return Variable(
                variable.shape,
                variable.data_type,
                variable.kind,
                variable.dynamic_axes,
                variable.name,
                variable.is_sparse,
                variable.needs_gradient,
            )
        return variable

    def _function(self, old: Function, operands: list[Variable]) -> CompositeFunction:
        if isinstance(old, BlockFunction):
            inner = _Cloner(self.parameters, {})
            for leaf, copy, own in zip(old.operands, operands, old.mapped, strict=True):
                if own is None:
                    inner.variables[leaf] = copy
            composite = inner.clone(old.composite)
            arguments = {
                inner.variables[leaf]: outer
                for leaf, outer in zip(old.mapped, operands, strict=True)
                if leaf is not None
            }
            return as_block(composite, arguments, old.op_name, old.name, dict(old.attributes))
        assert isinstance(old, PrimitiveFunction)
        return call(old.operator, operands, dict(old.attributes), old.name)
