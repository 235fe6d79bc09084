"""Read a pickle as data: it gives plain values and arrays of numbers, and runs nothing.

`pickle.Unpickler` is not used: even with a restricted `find_class` it hashes what a file nests as
a key and fills a table of the size that a file names. Here each opcode that is not in the tables
below ends the reading. The opcodes are described in Python's `pickletools`.
"""

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# Largest pickle in bytes; a JPEG segment holds less.
MAX_PICKLE_BYTES = 2**16
# Opcodes that change nothing.
_IGNORED = frozenset({"PROTO", "FRAME"})
# Opcodes whose argument is the value.
_VALUES = frozenset(
    "BININT BININT1 BININT2 LONG1 BINFLOAT SHORT_BINUNICODE BINUNICODE BINUNICODE8 "
    "SHORT_BINBYTES BINBYTES BINBYTES8".split()
)
# Opcodes of a constant.
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
# The names that NumPy's pickles contain. Their modules have an underscore from NumPy 2 on.
_NAMES = frozenset(
    {
        "numpy ndarray",
        "numpy dtype",
        "numpy.core.multiarray _reconstruct",
        "numpy.core.multiarray scalar",
        "numpy.core.numeric _frombuffer",
    }
)
# NumPy's codes of the types of numbers that are read, and its byte orders.
_TYPE_CODE = re.compile(r"f[248]|[iu][1248]|b1")
_BYTE_ORDERS = ("<", ">", "|")
# Most axes of an array.
_MAX_AXES = 8


class PickleRefused(Exception):
    """The pickle is damaged, or holds something else than plain values and arrays."""


@dataclass(frozen=True, slots=True)
class _Name:
    """One of NumPy's names; it stands for nothing outside this module."""

    name: str
    """Module and name, separated by a space; modules as NumPy 1 names them."""


@dataclass(slots=True)
class _Dtype:
    """The type of an array's numbers."""

    code: str
    """Kind and bytes of a number, such as "f4"."""
    order: str = "<"
    """Byte order: "<", ">", or "|" for single bytes."""


@dataclass(slots=True)
class PickledArray:
    """An array of numbers."""

    values: np.ndarray | None = None
    """The numbers; None if the pickle ends before it gives them."""


def read_plain_pickle(data: bytes) -> object:
    """Read a pickle of protocol 3 to 5 that holds plain values and arrays of numbers.

    Args:
        data: The pickle.

    Returns:
        Its value: dictionaries with strings as keys, lists, tuples, strings, bytes, numbers,
        booleans, None, and `PickledArray`. A list or dictionary may contain itself.

    Raises:
        PickleRefused: The pickle is too large or damaged, or holds anything else.
    """
    if len(data) > MAX_PICKLE_BYTES:
        raise PickleRefused(f"it has {len(data)} bytes, more than {MAX_PICKLE_BYTES}")
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                return machine.pop()
            machine.run(opcode.name, argument)
    # Arguments that cannot be decoded, and numbers that are too large for NumPy.
    except (ValueError, OverflowError) as error:
        raise PickleRefused(f"it is damaged ({str(error)[:80]})") from error
    raise PickleRefused("it has no end")


class _Machine:
    """The stack, its marks and the memo of a pickle that is being read."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, opcode: str, argument: Any) -> None:
        """Run one opcode."""
        if opcode in _VALUES:
            self._stack.append(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _OPCODES:
            _OPCODES[opcode](self, argument)
        elif opcode not in _IGNORED:
            raise PickleRefused(f"it has the opcode {opcode}, which is not read")

    def pop(self) -> Any:
        """Remove the last value and return it."""
        value = self._top()
        self._stack.pop()
        return value

    def _top(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise PickleRefused("it takes a value that it does not have")
        return self._stack[-1]

    def new_bytes(self, argument: Any) -> None:
        self._stack.append(bytes(argument))

    def put(self, argument: Any) -> None:
        self._memo[argument] = self._top()

    def get(self, argument: Any) -> None:
        if argument not in self._memo:
            raise PickleRefused("it refers to a value that it does not have")
        self._stack.append(self._memo[argument])

    def short_tuple(self, length: int) -> None:
        items = [self.pop() for _ in range(length)]
        self._stack.append(tuple(reversed(items)))

    def mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def _pop_to_mark(self) -> list[Any]:
        if not self._marks:
            raise PickleRefused("it refers to a mark that it does not have")
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def new_list(self, _: Any) -> None:
        self._stack.append([])

    def new_dict(self, _: Any) -> None:
        self._stack.append({})

    def new_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._top()

    def append(self, _: Any) -> None:
        self._extend([self.pop()])

    def appends(self, _: Any) -> None:
        self._extend(self._pop_to_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, list):
            raise PickleRefused("it appends to something else than a list")
        target.extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self._update([key, value])

    def set_items(self, _: Any) -> None:
        self._update(self._pop_to_mark())

    def _update(self, items: list[Any]) -> None:
        target, keys = self._top(), items[::2]
        if not isinstance(target, dict) or len(items) % 2:
            raise PickleRefused("it sets items of something else than a dictionary")
        # Hashing a nested key may take any time.
        if not all(isinstance(key, str) for key in keys):
            raise PickleRefused("it has a dictionary whose keys are not strings")
        target.update(zip(keys, items[1::2], strict=True))

    def name(self, argument: str) -> None:
        name = argument.replace("numpy._core.", "numpy.core.", 1)
        if name not in _NAMES:
            shown = argument.replace(" ", ".", 1)[:80]
            raise PickleRefused(f"it names {shown!r}, and no code of a file is run")
        self._stack.append(_Name(name))

    def stack_name(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise PickleRefused("it has a name that is not a string")
        self.name(f"{module} {name}")

    def reduce(self, _: Any) -> None:
        arguments, called = self.pop(), self.pop()
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise PickleRefused("it calls something else than NumPy's functions")
        self._stack.append(_new_value(called.name, arguments))

    def build(self, _: Any) -> None:
        state, target = self.pop(), self._top()
        match target, state:
            case _Dtype(), (int(), str(order), *_) if order in _BYTE_ORDERS:
                target.order = order
            case PickledArray(values=None), (1, shape, _Dtype() as dtype, bool(fortran), data):
                target.values = _array(data, dtype, shape, fortran=fortran)
            case _:
                raise PickleRefused("it sets the state of something else than an array")


# The other opcodes.
_OPCODES: dict[str, Callable[[_Machine, Any], None]] = {
    "BYTEARRAY8": _Machine.new_bytes,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "TUPLE1": lambda machine, _: machine.short_tuple(1),
    "TUPLE2": lambda machine, _: machine.short_tuple(2),
    "TUPLE3": lambda machine, _: machine.short_tuple(3),
    "MARK": _Machine.mark,
    "EMPTY_LIST": _Machine.new_list,
    "EMPTY_DICT": _Machine.new_dict,
    "TUPLE": _Machine.new_tuple,
    "MEMOIZE": _Machine.memoize,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}


def _new_value(name: str, arguments: tuple[Any, ...]) -> object:
    """Return what a call of one of NumPy's names gives."""
    match name, arguments:
        case "numpy dtype", (str(code), *_) if _TYPE_CODE.fullmatch(code):
            return _Dtype(code)
        case "numpy.core.multiarray _reconstruct", (_Name(name="numpy ndarray"), (0,), bytes()):
            return PickledArray()
        case "numpy.core.multiarray scalar", (_Dtype() as dtype, bytes(data)):
            return _array(data, dtype, (), fortran=False).item()
        case "numpy.core.numeric _frombuffer", (data, _Dtype() as dtype, shape, "C" | "F" as order):
            return PickledArray(_array(data, dtype, shape, fortran=order == "F"))
    raise PickleRefused("it has an array of something else than numbers")


def _array(data: object, dtype: _Dtype, shape: object, *, fortran: bool) -> np.ndarray:
    """Return an array of exactly the bytes that exist."""
    if (
        not isinstance(data, bytes)
        or not isinstance(shape, tuple)
        or len(shape) > _MAX_AXES
        or not all(isinstance(side, int) and side >= 0 for side in shape)
    ):
        raise PickleRefused("it has an array that is not as NumPy writes it")
    kind = np.dtype(dtype.order + dtype.code)
    if math.prod(shape) * kind.itemsize != len(data):
        raise PickleRefused("it has an array whose size is not that of its bytes")
    return np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C")
