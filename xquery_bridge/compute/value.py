"""Values: the data of variables.

Packed layout: one C-ordered array `(frames, *reversed(shape))`, the frames of one sequence next to each other, the
sequences one after another, and `lengths` with the number of steps of each sequence. A batch has a frame for each
sample and no lengths; a value without dynamic axes has no frame axis at all. So ragged batches need neither padding nor
masks. Source: conventions, "Data in" and "Data out"; cntk-semantics section 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import CntkError
from .shape import FREE, Shape
from .sparse import Entries

if TYPE_CHECKING:
    from .variable import Variable

__all__ = ["CPU", "DTYPES", "Device", "Value"]

DTYPES: dict[str, type[np.floating[Any]]] = {"float": np.float32, "double": np.float64}
_DATA_TYPES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}

Numbers = Sequence[float] | NDArray[Any]


class Device(tuple[str, int]):
    """Where a value is asked to be: `CPU` or `GPU(n)`; the work itself runs on the processor."""

    __slots__ = ()

    def __new__(cls, kind: str = "CPU", number: int = 0) -> Device:
        return super().__new__(cls, (kind, number))

    def __str__(self) -> str:
        return "CPU" if self[0] == "CPU" else f"GPU({self[1]})"


CPU = Device()


class Value:
    """Data with a sample shape, and a batch and perhaps a sequence axis.

    Attributes:
        array: the numbers, see the module.
        dense_array: the same where they are held as such, None of sparse and erased values.
        sample_shape: shape of one sample, CNTK order.
        has_batch: whether the array has a frame axis.
        lengths: steps of each sequence, None without a sequence axis.
        starts: for each sequence whether it starts anew.
    """

    __slots__ = ("_sparse", "dense_array", "device", "has_batch", "lengths", "read_only", "sample_shape", "starts")

    def __init__(
        self,
        array: NDArray[Any],
        sample_shape: Shape,
        has_batch: bool = False,
        lengths: NDArray[np.int64] | None = None,
        device: Device = CPU,
        read_only: bool = False,
        starts: tuple[bool, ...] | None = None,
    ) -> None:
        self.dense_array: NDArray[Any] | None = array
        self._sparse: tuple[Entries, tuple[int, ...], np.dtype[Any]] | None = None
        self.sample_shape = sample_shape
        self.has_batch = has_batch
        self.lengths = lengths
        self.device = device
        self.read_only = read_only
        self.starts = starts

    # Making values

    @staticmethod
    def _checked(
        what: str, shape: Shape, data_type: str, read_only: bool, device: Device | None
    ) -> tuple[Shape, type[Any], Device]:
        shape = Shape(shape)
        if data_type not in DTYPES:
            raise CntkError(f'{what}: the data type must be "float" or "double", "{data_type}" came.')
        if read_only:
            raise CntkError(f"{what}: only values that can be written are supported, a read-only one was asked for.")
        if shape.has_unbound_dimension or shape.is_unknown:
            raise CntkError(f"{what}: the shape of a sample must be known, {shape} came.")
        return shape, DTYPES[data_type], device or CPU

    @staticmethod
    def _numbers(what: str, data: Numbers, dtype: type[Any]) -> NDArray[Any]:
        try:
            return np.array(data, dtype=dtype).reshape(-1)
        except (TypeError, ValueError) as error:
            raise CntkError(f"{what}: numbers were expected in the data: {error}") from None

    @classmethod
    def of(
        cls,
        shape: Shape,
        data: Numbers,
        data_type: str = "float",
        device: Device | None = None,
        read_only: bool = False,
    ) -> Value:
        """A value without dynamic axes: as many numbers as the shape has elements (`cntk:value`)."""
        shape, dtype, device = cls._checked("value", shape, data_type, read_only, device)
        numbers = cls._numbers("value", data, dtype)
        if numbers.size != shape.total_size:
            raise CntkError(
                f"value: {shape.total_size} numbers were expected for the shape {shape}, {numbers.size} came."
            )
        return cls(numbers.reshape(shape.numpy_shape), shape, device=device)

    @classmethod
    def batch(
        cls,
        shape: Shape,
        data: Numbers,
        data_type: str = "float",
        device: Device | None = None,
        read_only: bool = False,
    ) -> Value:
        """A batch: samples one after another (`cntk:batch`)."""
        shape, dtype, device = cls._checked("batch", shape, data_type, read_only, device)
        numbers = cls._numbers("batch", data, dtype)
        frames = cls._frames("batch", "batch data", numbers.size, shape)
        return cls(numbers.reshape(frames, *shape.numpy_shape), shape, True, device=device)

    @staticmethod
    def _frames(what: str, data_name: str, count: int, shape: Shape) -> int:
        size = shape.total_size
        if size == 0 or count % size:
            raise CntkError(
                f"{what}: The number of elements ({count}) in the vector containing {data_name} must be a multiple of "
                f"the size ({size}) of the sample shape '{shape}'."
            )
        if count == 0:
            raise CntkError(f"{what}: numbers were expected in the {data_name}, none came.")
        return count // size

    @classmethod
    def sequence(
        cls,
        shape: Shape,
        data: Numbers,
        start: bool = True,
        data_type: str = "float",
        device: Device | None = None,
        read_only: bool = False,
    ) -> Value:
        """One sequence whose steps are the samples (`cntk:sequence`)."""
        shape, dtype, device = cls._checked("sequence", shape, data_type, read_only, device)
        numbers = cls._numbers("sequence", data, dtype)
        steps = cls._frames("sequence", "sequence data", numbers.size, shape)
        return cls(
            numbers.reshape(steps, *shape.numpy_shape), shape, True, np.array([steps]), device, starts=(bool(start),)
        )

    @classmethod
    def batch_of_sequences(
        cls,
        shape: Shape,
        data: Sequence[Numbers],
        starts: Sequence[bool] = (),
        data_type: str = "float",
        device: Device | None = None,
        read_only: bool = False,
    ) -> Value:
        """Sequences, each a list of numbers (`cntk:batch-of-sequences`); without flags every one starts anew."""
        what = "batch-of-sequences"
        shape, dtype, device = cls._checked(what, shape, data_type, read_only, device)
        if not len(data):
            raise CntkError(f"{what}: at least one sequence was expected, none came.")
        if starts and len(starts) != len(data):
            raise CntkError(
                f"{what}: Value::Create:: The number of sequence start flags ({len(starts)}) does not match the number "
                f"of sequences ({len(data)})."
            )
        parts = [cls._numbers(what, part, dtype) for part in data]
        steps = [cls._frames(what, "sequence data", part.size, shape) for part in parts]
        array = np.concatenate(parts).reshape(sum(steps), *shape.numpy_shape)
        flags = tuple(bool(flag) for flag in starts) or (True,) * len(data)
        return cls(array, shape, True, np.array(steps), device, starts=flags)

    @classmethod
    def one_hot(
        cls,
        classes: int,
        indices: Sequence[int] | NDArray[Any],
        lengths: Sequence[int] | None = None,
        data_type: str = "float",
    ) -> Value:
        """A sparse value of vectors of `classes` elements, 1 at an index each and 0 elsewhere.

        Args:
            lengths: steps of each sequence; None for a batch.
        Source: CNTK's Value::CreateBatch and CreateBatchOfSequences with one-hot data.
        """
        shape, dtype, device = cls._checked("one-hot", Shape((classes,)), data_type, False, None)
        found = np.asarray(indices, np.intp).reshape(-1)
        if not len(found) or found.min() < 0 or found.max() >= classes:
            raise CntkError(f"one-hot: indices from 0 to {classes - 1} were expected.")
        steps = None if lengths is None else np.array(lengths, np.int64)
        if steps is not None and steps.sum() != len(found):
            raise CntkError(f"one-hot: {steps.sum()} indices were expected for the steps, {len(found)} came.")
        value = cls(np.empty(0, dtype), shape, True, steps, device)
        entries = Entries(np.arange(len(found), dtype=np.intp) * classes + found)
        value.dense_array, value._sparse = None, (entries, (len(found), classes), np.dtype(dtype))
        return value

    # Looking at values

    @property
    def array(self) -> NDArray[Any]:
        if self.dense_array is None:
            if self._sparse is not None:  # asked for as a whole: kept so
                (entries, shape, dtype), self._sparse = self._sparse, None
                self.dense_array = np.empty(shape, dtype)
                entries.fill(self.dense_array)
                return self.dense_array
            raise CntkError("The value has been erased: it has no data any more.")
        return self.dense_array

    @property
    def array_shape(self) -> tuple[int, ...]:
        """The shape of the array, which a sparse value need not make for it."""
        return self.array.shape if self._sparse is None else self._sparse[1]

    def give_entries(self, entries: Entries) -> None:
        """Sets the elements that are not 0."""
        if self._sparse is None:
            entries.take(self.array)
        else:
            entries.index, entries.values = self._sparse[0].index, self._sparse[0].values

    @property
    def layout_key(self) -> tuple[Any, ...]:
        """Equal for values with as many samples or the same steps."""
        if self.lengths is not None:
            return "steps", self.lengths.tobytes()
        return (self.array_shape[0],) if self.has_batch else ()

    @property
    def is_valid(self) -> bool:
        """False after `erase`."""
        return self.dense_array is not None or self._sparse is not None

    @property
    def data_type(self) -> str:
        return _DATA_TYPES[self.array.dtype if self._sparse is None else self._sparse[2]]

    @property
    def shape(self) -> Shape:
        """Dimensions of the sample, then steps (free if the sequences differ), then sequences or samples."""
        if self.lengths is not None:
            steps = int(self.lengths[0]) if (self.lengths == self.lengths[0]).all() else FREE
            return self.sample_shape.append((steps, len(self.lengths)))
        return self.sample_shape.append((self.array_shape[0],)) if self.has_batch else self.sample_shape

    def sequences(self) -> list[NDArray[Any]]:
        """One array for each sequence, for each sample without a sequence axis, one in all without a batch axis."""
        if not self.has_batch:
            return [self.array]
        if self.lengths is None:
            return list(self.array)
        return np.split(self.array, np.cumsum(self.lengths)[:-1])

    def to_arrays(self, variable: Variable | None = None) -> list[NDArray[Any]]:
        """Flat arrays, one for each sequence or sample (`cntk:value-to-array`).

        Args:
            variable: whose value this is; its shape and data type must fit.
        """
        if variable is None or self.has_batch or not variable.dynamic_axes:
            if variable is not None:
                self.check(variable)
            return [part.reshape(-1) for part in self.sequences()]
        return self.for_variable(variable).to_arrays()

    # Using values

    def check(self, variable: Variable) -> None:
        """Refuses a value that cannot be the variable's."""
        if variable.data_type not in (self.data_type, "unknown"):
            raise CntkError(
                f"The value's data type '{self.data_type.capitalize()}' does not match the data type "
                f"'{variable.data_type.capitalize()}' of the variable '{variable.as_string()}'."
            )
        shape = variable.shape
        if not shape.is_unknown and not _fits(self.sample_shape, shape):
            raise CntkError(
                f"The value's sample shape '{self.sample_shape}' does not match the shape '{shape}' of the variable "
                f"'{variable.as_string()}'."
            )

    def for_variable(self, variable: Variable) -> Value:
        """This value with the axes of a variable: trailing dimensions become steps and samples, one step a sequence."""
        axes = len(variable.dynamic_axes)
        value = self
        if not self.has_batch and axes:
            rank = variable.shape.rank
            extra = self.sample_shape[rank:]
            if len(extra) > axes or not _fits(Shape(self.sample_shape[:rank]), variable.shape):
                self.check(variable)
                raise CntkError(
                    f"The value of shape '{self.sample_shape}' does not fit the variable '{variable.as_string()}'."
                )
            sample = Shape(self.sample_shape[:rank])
            frames = int(np.prod(extra, dtype=np.int64))
            array = self.array.reshape(frames, *sample.numpy_shape)
            lengths = None
            if variable.has_sequence_axis and axes == 2:
                steps = extra[0] if extra else 1
                lengths = np.full(extra[1] if len(extra) == 2 else 1, steps)
            value = Value(array, sample, True, lengths, self.device)
        if not axes and value.has_batch and value.lengths is None:  # the batch may be the last dimension
            whole = value.sample_shape.append((len(value.array),))
            if whole.rank == variable.shape.rank and _fits(whole, variable.shape):
                value = Value(value.array, whole, False, None, value.device)
        value.check(variable)
        if variable.has_sequence_axis and value.lengths is None and axes:
            value = Value(value.array, value.sample_shape, True, np.ones(len(value.array), np.int64), value.device)
        elif not variable.has_sequence_axis and value.lengths is not None:
            if axes and (value.lengths != 1).any():
                raise CntkError(
                    f"The value has sequences of several steps, the variable '{variable.as_string()}' no sequence axis."
                )
            value = Value(value.array, value.sample_shape, True, None, value.device)
        if not axes and value.has_batch:
            if len(value.array) != 1:
                raise CntkError(
                    f"The value has {len(value.array)} samples, the variable '{variable.as_string()}' no batch axis."
                )
            value = Value(value.array[0], value.sample_shape, False, None, value.device)
        rank = variable.shape.rank
        if value.sample_shape.rank != rank and not variable.shape.is_unknown:  # they differ in trailing ones alone
            sample = Shape((*value.sample_shape, *(1,) * (rank - value.sample_shape.rank))[:rank])
            leading = value.array.shape[:1] if value.has_batch else ()
            array = value.array.reshape(*leading, *sample.numpy_shape)
            value = Value(array, sample, value.has_batch, value.lengths, value.device)
        return value

    # Copying and changing values

    def _with(self, array: NDArray[Any], read_only: bool) -> Value:
        return Value(array, self.sample_shape, self.has_batch, self.lengths, self.device, read_only, self.starts)

    def alias(self, read_only: bool = False) -> Value:
        """A value on the same data."""
        return self._with(self.array, read_only)

    def deep_clone(self, read_only: bool = False) -> Value:
        """A value on a copy of the data."""
        return self._with(self.array.copy(), read_only)

    def copy_from(self, source: Value) -> None:
        """Takes over the numbers of a value of the same shape and data type; all or nothing."""
        if self.read_only:
            raise CntkError("Value::CopyFrom: Cannot copy into a read-only value.")
        if source.shape != self.shape or source.data_type != self.data_type:
            raise CntkError(
                f"Value::CopyFrom: a value of shape '{self.shape}' and data type '{self.data_type}' was expected, "
                f"'{source.shape}' and '{source.data_type}' came."
            )
        np.copyto(self.array, source.array)

    def erase(self) -> None:
        """Gives the data up; the value is not valid any more."""
        self.dense_array = self._sparse = None


def _fits(actual: Shape, declared: Shape) -> bool:
    """Whether a sample shape is what was declared; free dimensions take any size, trailing ones may be missing."""
    rank = max(len(actual), len(declared))
    left = (*actual, *(1,) * (rank - len(actual)))
    right = (*declared, *(1,) * (rank - len(declared)))
    return all(b < 0 or a == b for a, b in zip(left, right, strict=True))
