"""Variables: inputs, outputs, parameters, constants, placeholders. Source: cntk-semantics sections 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .axis import UNKNOWN_AXES, Axis, DynamicAxes, axes_string
from .errors import CntkError
from .session import current_session
from .shape import SCALAR, UNKNOWN_SHAPE, Shape
from .value import DTYPES, Value

if TYPE_CHECKING:
    from .graph import Function

__all__ = [
    "Constant",
    "Initializer",
    "Parameter",
    "Variable",
    "constant",
    "input_variable",
    "output_variable",
    "parameter",
    "placeholder",
    "scalar",
]


class Initializer(Protocol):
    """What fills a parameter."""

    def draw(self, shape: Shape, data_type: str) -> NDArray[Any]:
        """Values of a shape (CNTK order), as an array of the reversed shape."""
        ...

    def seeded(self) -> Initializer:
        """The initializer with its seed settled, when the parameter is made."""
        ...


class Variable:
    """A symbol of a graph.

    Attributes:
        shape: of one sample, CNTK order.
        data_type: "float", "double", or "unknown" for a placeholder.
        kind: "Input", "Output", "Parameter", "Constant" or "Placeholder".
        dynamic_axes: sequence axis first, then the batch axis; () for none.
        owner: the function an output belongs to.
    """

    __slots__ = (
        "__weakref__",
        "_uid",
        "block_mapping",
        "data_type",
        "dynamic_axes",
        "is_sparse",
        "kind",
        "name",
        "needs_gradient",
        "owner",
        "shape",
    )

    def __init__(
        self,
        shape: Shape,
        data_type: str,
        kind: str,
        dynamic_axes: Sequence[Axis] = (),
        name: str = "",
        is_sparse: bool = False,
        needs_gradient: bool = False,
        uid: str = "",
        owner: Function | None = None,
    ) -> None:
        self.shape = shape
        self.data_type = data_type
        self.kind = kind
        self.dynamic_axes: DynamicAxes = tuple(dynamic_axes)
        self.name = name
        self.is_sparse = is_sparse
        self.needs_gradient = needs_gradient
        self.owner = owner
        self.block_mapping: Variable | None = None
        self._uid = uid or current_session().next_uid(kind)

    @property
    def uid(self) -> str:
        return self._uid

    @property
    def is_input(self) -> bool:
        return self.kind == "Input"

    @property
    def is_output(self) -> bool:
        return self.kind == "Output"

    @property
    def is_parameter(self) -> bool:
        return self.kind == "Parameter"

    @property
    def is_constant(self) -> bool:
        return self.kind == "Constant"

    @property
    def is_placeholder(self) -> bool:
        return self.kind == "Placeholder"

    @property
    def has_batch_axis(self) -> bool:
        return any(axis.is_batch for axis in self.dynamic_axes)

    @property
    def has_sequence_axis(self) -> bool:
        return any(axis.is_sequence for axis in self.dynamic_axes)

    @property
    def sequence_axis(self) -> Axis | None:
        return next((axis for axis in self.dynamic_axes if axis.is_sequence), None)

    @property
    def has_unknown_axes(self) -> bool:
        return self.dynamic_axes == UNKNOWN_AXES

    @property
    def is_initialized(self) -> bool:
        """True for a parameter or constant that has its values."""
        return False

    def infer_shape(self, shape: Shape) -> None:
        """Replaces inferred dimensions by those found from the other operands."""
        self.shape = shape

    def as_string(self) -> str:
        """CNTK's own form, `Input('Input0', [4 x 2], [*, #])`."""
        return f"{self.kind}('{self.name or self.uid}', {self.shape}, {axes_string(self.dynamic_axes)})"

    def __repr__(self) -> str:
        return self.as_string()


class _Stored(Variable):
    """A variable that has values: parameter or constant."""

    __slots__ = ("_data", "_initializer", "time_stamp")

    def __init__(
        self,
        kind: str,
        shape: Shape,
        data_type: str,
        initial: Initializer | NDArray[Any] | float,
        name: str,
        uid: str = "",
    ) -> None:
        super().__init__(shape, _checked_type(data_type), kind, (), name, needs_gradient=kind == "Parameter", uid=uid)
        self._data: NDArray[Any] | None = None
        self._initializer: Initializer | float | None = None
        self.time_stamp = 0
        if isinstance(initial, np.ndarray):
            array = np.array(initial, dtype=DTYPES[data_type], order="C")
            if array.shape != shape.numpy_shape:
                raise CntkError(f"{kind}: values of shape {shape} were expected, {Shape(array.shape[::-1])} came.")
            self._data = array
        else:
            self._initializer = initial if isinstance(initial, (int, float)) else initial.seeded()
            if not shape.has_unbound_dimension:
                self._initialize()

    def _initialize(self) -> None:
        if self.shape.has_unbound_dimension:
            raise CntkError(
                f"Parameter '{self.as_string()}' has unbound dimensions: its values exist only after it has become "
                "operand of a function that fixes them."
            )
        dtype = DTYPES[self.data_type]
        if isinstance(self._initializer, (int, float)):
            self._data = np.full(self.shape.numpy_shape, self._initializer, dtype=dtype)
        else:
            assert self._initializer is not None
            drawn = self._initializer.draw(self.shape, self.data_type)
            self._data = np.ascontiguousarray(drawn, dtype=dtype).reshape(self.shape.numpy_shape)

    @property
    def is_initialized(self) -> bool:
        return self._data is not None

    @property
    def data(self) -> NDArray[Any]:
        """The values: C order, the reversed shape. The array stays the same object: write into it in place.

        Assigning to `data` copies into that array, so that plans which hold it see the new values.
        """
        if self._data is None:
            self._initialize()
        assert self._data is not None
        return self._data

    @data.setter
    def data(self, values: NDArray[Any]) -> None:
        np.copyto(self.data, values)

    def infer_shape(self, shape: Shape) -> None:
        if self._data is not None and shape != self.shape:
            raise CntkError(f"The shape of '{self.as_string()}' cannot become {shape}: it has values already.")
        self.shape = shape
        if not shape.has_unbound_dimension and self._data is None:
            self._initialize()

    def value(self) -> Value:
        """A copy of the present values."""
        return Value(self.data.copy(), self.shape)

    def set_value(self, value: Value) -> None:
        """Sets the values; the value must have the shape and the data type of the variable."""
        if value.data_type != self.data_type:
            raise CntkError(
                f"{self.kind}::SetValue: a value of data type '{self.data_type}' was expected, "
                f"'{value.data_type}' came."
            )
        if value.array.size != self.shape.total_size:
            raise CntkError(f"{self.kind}::SetValue: a value of shape {self.shape} was expected, {value.shape} came.")
        self.data[...] = value.array.reshape(self.shape.numpy_shape)
        self.record_value_update()

    def record_value_update(self) -> None:
        """Marks the values as changed."""
        self.time_stamp = current_session().next_time_stamp()


class Parameter(_Stored):
    """A learnable variable; `data` holds its values."""

    __slots__ = ()

    def __init__(
        self,
        shape: Shape,
        data_type: str,
        initial: Initializer | NDArray[Any] | float = 0.0,
        name: str = "",
        uid: str = "",
    ) -> None:
        super().__init__("Parameter", shape, data_type, initial, name, uid)


class Constant(_Stored):
    """A variable that training leaves alone; batch normalization keeps its running statistics in such."""

    __slots__ = ()

    def __init__(
        self,
        shape: Shape,
        data_type: str,
        initial: Initializer | NDArray[Any] | float = 0.0,
        name: str = "",
        uid: str = "",
    ) -> None:
        super().__init__("Constant", shape, data_type, initial, name, uid)

    def clone_as(self, data_type: str) -> Constant:
        """The same values in another data type."""
        return Constant(self.shape, data_type, self.data.astype(DTYPES[_checked_type(data_type)]), self.name)


def _checked_type(data_type: str) -> str:
    if data_type not in DTYPES:
        raise CntkError(f'The data type must be "float" or "double", \'{data_type}\' came.')
    return data_type


def input_variable(
    shape: Shape,
    data_type: str = "float",
    is_sparse: bool = False,
    needs_gradient: bool = False,
    name: str = "",
    dynamic_axes: Sequence[Axis] | None = None,
) -> Variable:
    """An input; without axes given it has the default sequence axis and the default batch axis."""
    axes = Axis.default_input_axes() if dynamic_axes is None else tuple(dynamic_axes)
    return Variable(Shape(shape), _checked_type(data_type), "Input", axes, name, is_sparse, needs_gradient)


def output_variable(
    shape: Shape, data_type: str, dynamic_axes: Sequence[Axis], needs_gradient: bool = False, name: str = ""
) -> Variable:
    """An output that belongs to no function yet."""
    return Variable(Shape(shape), _checked_type(data_type), "Output", dynamic_axes, name, False, needs_gradient)


def placeholder(
    shape: Shape = UNKNOWN_SHAPE,
    data_type: str = "unknown",
    name: str = "",
    dynamic_axes: Sequence[Axis] = UNKNOWN_AXES,
) -> Variable:
    """A variable to be replaced by another one (`Function.replace_placeholders`)."""
    return Variable(Shape(shape), data_type, "Placeholder", dynamic_axes, name)


def parameter(
    shape: Shape, data_type: str = "float", initial: Initializer | NDArray[Any] | float = 0.0, name: str = ""
) -> Parameter:
    """A parameter filled by an initializer, an array of the reversed shape, or one number."""
    return Parameter(Shape(shape), data_type, initial, name)


def constant(
    shape: Shape = SCALAR, data_type: str = "float", initial: NDArray[Any] | float = 0.0, name: str = ""
) -> Constant:
    """A constant filled by an array of the reversed shape or one number."""
    return Constant(Shape(shape), data_type, initial, name)


def scalar(data_type: str, value: float) -> Constant:
    """A constant without dimensions."""
    return Constant(SCALAR, data_type, float(value))
