"""The dictionaries that CNTK's `.model` files are made of, and their bytes. Source: cntk-semantics section 15.

A file is one dictionary in the wire format of Protocol Buffers. Every value says its type, so that no schema of a model
is needed. In Python a value is one of

| type in the file | in Python |
|---|---|
| bool, string | `bool`, `str` |
| int (32 bits, signed), size_t (64 bits) | `int`, `SizeT` |
| float, double | `numpy.float32`, `float` |
| shape, axis | `Shape`, `FileAxis` |
| vector, dictionary | `list`, `Dictionary` |
| array view | `numpy.ndarray` of the reversed shape |

The wire format is read here and not by a library, because the parameters of a model are most of its bytes: they go from
the file into an array, and back, as one block.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..shape import Shape

__all__ = ["Dictionary", "FileAxis", "SizeT", "message_fields", "read_dictionary", "write_dictionary"]

_VERSION = 2
"""The version CNTK 2.7 writes into each dictionary and value."""
_DEEPEST = 100
"""How deep dictionaries and vectors may be nested; CNTK's own files need less than ten."""


class SizeT(int):
    """An unsigned integer of 64 bits, which the format tells from an int."""

    __slots__ = ()


class FileAxis(NamedTuple):
    """An axis as the file has it: the index of a static one, the name of a dynamic one, whether it is ordered."""

    static_index: int
    name: str
    is_ordered: bool


class Dictionary(dict[str, Any]):
    """Values by key; the keys `version` and `type` are values like others."""

    __slots__ = ()


# Reading

_TRUNCATED = "CNTK model: the file is truncated or is not a CNTK v2 model."


def _foreign(detail: str) -> CntkError:
    return CntkError(f"CNTK model: the data is not a CNTK v2 model ({detail}).")


def _read_varint(data: memoryview, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift >= 70:
            raise _foreign("a number has more than 64 bits")
    raise CntkError(_TRUNCATED)


def message_fields(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """The fields of a message: number, wire type, and an integer or the bytes."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _read_varint(data, position, end)
        wire = tag & 7
        if wire == 0:
            value, position = _read_varint(data, position, end)
            yield tag >> 3, wire, value
            continue
        if wire == 2:
            size, position = _read_varint(data, position, end)
        elif wire == 5:
            size = 4
        elif wire == 1:
            size = 8
        else:
            raise _foreign(f"wire type {wire}")
        if size > end - position:
            raise CntkError(_TRUNCATED)
        yield tag >> 3, wire, data[position : position + size]
        position += size


def _expect(wire: int, expected: int) -> None:
    if wire != expected:
        raise _foreign(f"a field of wire type {wire} where {expected} was expected")


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _text(data: memoryview) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise _foreign("a string is not UTF-8") from None


def _read_shape(data: memoryview) -> Shape:
    dimensions: list[int] = []
    for number, wire, value in message_fields(data):
        if number != 1:
            continue
        if wire == 2:  # packed
            position = 0
            while position < len(value):
                dimension, position = _read_varint(value, position, len(value))
                dimensions.append(dimension)
        else:
            _expect(wire, 0)
            dimensions.append(value)
    return Shape(_signed(d, 64) for d in dimensions)


def _read_axis(data: memoryview) -> FileAxis:
    index, name, ordered = 0, "", False
    for number, wire, value in message_fields(data):
        if number == 1:
            _expect(wire, 0)
            index = _signed(value, 32)
        elif number == 2:
            _expect(wire, 2)
            name = _text(value)
        elif number == 3:
            _expect(wire, 0)
            ordered = value != 0
    return FileAxis(index, name, ordered)


_ARRAY_TYPES: dict[int, tuple[int, type[np.generic]]] = {1: (4, np.float32), 2: (5, np.float64)}
"""Data type of an array view: the field of its values, and their type."""


def _read_array(data: memoryview) -> NDArray[Any]:
    data_type = storage = 0
    shape = Shape()
    values: dict[int, memoryview] = {}
    for number, wire, value in message_fields(data):
        if number in (1, 2):
            _expect(wire, 0)
            data_type, storage = (value, storage) if number == 1 else (data_type, value)
        elif number == 3:
            _expect(wire, 2)
            shape = _read_shape(value)
        elif number in (4, 5):
            _expect(wire, 2)
            values[number] = value
    if data_type not in _ARRAY_TYPES:
        raise CntkError(f"CNTK model: an array of data type {data_type} was found; only float and double can be read.")
    if storage != 0:
        raise CntkError("CNTK model: a sparse array was found; only dense ones can be read.")
    field, scalar = _ARRAY_TYPES[data_type]
    dtype = np.dtype(scalar).newbyteorder("<")
    packed = _packed(values.get(field, memoryview(b"")), dtype.itemsize)
    if shape.has_unbound_dimension or any(d < 0 for d in shape):
        raise _foreign(f"an array of shape {shape}")
    if len(packed) != shape.total_size * dtype.itemsize:
        raise _foreign(f"{len(packed) // dtype.itemsize} numbers for an array of shape {shape}")
    return np.frombuffer(packed, dtype).astype(scalar).reshape(shape.numpy_shape)


def _packed(message: memoryview, size: int) -> memoryview | bytes:
    """The numbers of a message of repeated float or double, as one block."""
    blocks: list[memoryview] = []
    for number, wire, value in message_fields(message):
        if number == 1:
            if wire not in (2, 5 if size == 4 else 1):
                raise _foreign("numbers of another size than the data type of their array")
            blocks.append(value)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _read_vector(data: memoryview, depth: int) -> list[Any]:
    items = []
    for number, wire, value in message_fields(data):
        if number == 1:
            _expect(wire, 2)
            items.append(_read_value(value, depth))
    return items


def _read_dictionary(data: memoryview, depth: int) -> Dictionary:
    if depth > _DEEPEST:
        raise _foreign(f"more than {_DEEPEST} levels")
    found = Dictionary()
    for number, wire, entry in message_fields(data):
        if number != 2:
            continue
        _expect(wire, 2)
        key, content = "", memoryview(b"")
        for part, part_wire, value in message_fields(entry):
            _expect(part_wire, 2)
            if part == 1:
                key = _text(value)
            elif part == 2:
                content = value
        found[key] = _read_value(content, depth)
    return found


def _to_float(data: memoryview) -> np.float32:
    return np.frombuffer(data, "<f4")[0]  # type: ignore[no-any-return]


_READERS: dict[int, tuple[int, int, Callable[[Any, int], Any], Any]] = {
    1: (3, 0, lambda v, _: v != 0, False),
    2: (4, 0, lambda v, _: _signed(v, 32), 0),
    3: (5, 0, lambda v, _: SizeT(v), SizeT(0)),
    4: (6, 5, lambda v, _: _to_float(v), np.float32(0)),
    5: (7, 1, lambda v, _: struct.unpack("<d", v)[0], 0.0),
    6: (8, 2, lambda v, _: _text(v), ""),
    7: (9, 2, lambda v, _: _read_shape(v), Shape()),
    8: (10, 2, lambda v, _: _read_axis(v), FileAxis(0, "", False)),
    9: (11, 2, lambda v, depth: _read_vector(v, depth + 1), None),
    10: (12, 2, lambda v, depth: _read_dictionary(v, depth + 1), None),
    11: (13, 2, lambda v, _: _read_array(v), None),
}
"""By the type of a value: its field, the wire type of that, how it is read, and what its absence means."""


def _read_value(data: memoryview, depth: int) -> Any:
    if depth > _DEEPEST:
        raise _foreign(f"more than {_DEEPEST} levels")
    kind = 0
    contents: dict[int, tuple[int, Any]] = {}
    for number, wire, value in message_fields(data):
        if number == 2:
            _expect(wire, 0)
            kind = value
        else:
            contents[number] = (wire, value)
    if kind not in _READERS:
        raise _foreign(f"a value of type {kind}")
    field, expected, read, absent = _READERS[kind]
    if field not in contents:
        if absent is None:
            raise _foreign("a value without content")
        return absent
    wire, value = contents[field]
    _expect(wire, expected)
    return read(value, depth)


def read_dictionary(data: bytes | bytearray | memoryview) -> Dictionary:
    """The dictionary of a file; its arrays are copies.

    Raises:
        CntkError: the data is truncated, or no such dictionary.
    """
    return _read_dictionary(memoryview(data).cast("B"), 0)


# Writing


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class _Message:
    """A message that is being written: pieces that are joined once, at the end."""

    __slots__ = ("pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[bytes | memoryview] = []
        self.size = 0

    def raw(self, piece: bytes | memoryview) -> None:
        self.pieces.append(piece)
        self.size += len(piece)

    def number(self, field: int, value: int) -> None:
        self.raw(bytes((field << 3,)) + _varint(value))

    def block(self, field: int, content: bytes | memoryview) -> None:
        self.raw(bytes((field << 3 | 2,)) + _varint(len(content)))
        self.raw(content)

    def message(self, field: int, content: _Message) -> None:
        self.raw(bytes((field << 3 | 2,)) + _varint(content.size))
        self.pieces += content.pieces
        self.size += content.size


def _shape_message(shape: Shape) -> _Message:
    message = _Message()
    if shape:
        message.block(1, b"".join(map(_varint, shape)))
    return message


def _axis_message(axis: FileAxis) -> _Message:
    message = _Message()
    if axis.static_index:
        message.number(1, axis.static_index)
    if axis.name:
        message.block(2, axis.name.encode())
    if axis.is_ordered:
        message.number(3, 1)
    return message


def _array_message(array: NDArray[Any]) -> _Message:
    data_type = next((key for key, (_, scalar) in _ARRAY_TYPES.items() if array.dtype == scalar), None)
    if data_type is None:
        raise CntkError(f"CNTK model: an array of type {array.dtype} cannot be written, only float and double.")
    field, scalar = _ARRAY_TYPES[data_type]
    message, values = _Message(), _Message()
    message.number(1, data_type)
    message.message(3, _shape_message(Shape(array.shape[::-1])))
    if array.size:
        little = np.ascontiguousarray(array, np.dtype(scalar).newbyteorder("<"))
        values.block(1, little.reshape(-1).view(np.uint8).data)
    message.message(field, values)
    return message


def _dictionary_message(dictionary: Dictionary) -> _Message:
    message = _Message()
    message.number(1, _VERSION)
    for key, value in dictionary.items():
        entry = _Message()
        entry.block(1, key.encode())
        entry.message(2, _value_message(value))
        message.message(2, entry)
    return message


def _vector_message(items: list[Any]) -> _Message:
    message = _Message()
    for item in items:
        message.message(1, _value_message(item))
    return message


_WRITERS: dict[type, tuple[int, Callable[[_Message, Any], None]]] = {
    bool: (1, lambda m, v: m.number(3, int(v))),
    int: (2, lambda m, v: m.number(4, v)),
    SizeT: (3, lambda m, v: m.number(5, v)),
    np.float32: (4, lambda m, v: m.raw(b"\x35" + struct.pack("<f", v))),
    float: (5, lambda m, v: m.raw(b"\x39" + struct.pack("<d", v))),
    str: (6, lambda m, v: m.block(8, v.encode())),
    Shape: (7, lambda m, v: m.message(9, _shape_message(v))),
    FileAxis: (8, lambda m, v: m.message(10, _axis_message(v))),
    list: (9, lambda m, v: m.message(11, _vector_message(v))),
    Dictionary: (10, lambda m, v: m.message(12, _dictionary_message(v))),
    np.ndarray: (11, lambda m, v: m.message(13, _array_message(v))),
}
"""By the Python type of a value: its type in the file, and what writes its content."""


def _value_message(value: Any) -> _Message:
    kind, write = _WRITERS[type(value)]
    message = _Message()
    message.number(1, _VERSION)
    message.number(2, kind)
    write(message, value)
    return message


def write_dictionary(dictionary: Dictionary) -> bytes:
    """The bytes of a dictionary."""
    return b"".join(_dictionary_message(dictionary).pieces)
