"""A reader of pickles that makes numbers, texts, containers and descriptions of tensors only.

Python's own unpickler calls what a file names and trusts lengths, memo indices and nesting. This
one interprets the opcodes itself: nothing is imported or called, a length is checked before it is
used, and an unknown name becomes an inert `Foreign`.
"""

import struct
from dataclasses import dataclass
from typing import Any

from deep.contrastive.torch_parts import Foreign, Storage, Tensor

#: Largest number of operations of a pickle; a list of the weights of a large network has thousands.
MOST_OPERATIONS = 500_000
# Longer texts cannot be names of arrays; they are skipped unread.
_LONGEST_TEXT = 2**12
# Bytes of all others together, each of which may take four in memory.
_MOST_TEXT = 2**24
_MARK = object()


@dataclass(frozen=True)
class _Global:
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Pickle:
    """Pickles in a buffer of bytes, which is called `where` in errors."""

    def __init__(self, data: Any, where: str) -> None:
        self._data, self._where = memoryview(data).cast("B"), where
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._n_text = 0

    def load(self, start: int = 0) -> tuple[Any, int]:
        """Read the pickle that begins at a byte: its value, and the first byte after it.

        Raises `ValueError` if it is damaged, breaks a rule, or is too large.
        """
        self._at, self._stack, self._memo, self._n_text = start, [], {}, 0
        for _ in range(MOST_OPERATIONS):
            code = self._take(1)[0]
            if code == 0x2E:  # STOP
                if len(self._stack) != 1:
                    raise self._error("it does not end with one value")
                return self._pop(), self._at
            handler = _HANDLERS.get(code)
            if handler is None:
                raise self._error(f"opcode {code:#04x} is not used by weight files")
            handler(self)
        raise self._error(f"it has more than {MOST_OPERATIONS} operations")

    def _error(self, why: str) -> ValueError:
        return ValueError(f"{self._where} is no file of weights that can be read safely: {why}")

    def _take(self, n: int) -> memoryview:
        if n > len(self._data) - self._at:
            raise self._error(f"it ends early, {n} bytes are missing at byte {self._at}")
        self._at += n
        return self._data[self._at - n : self._at]

    def _number(self, layout: str) -> Any:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _line(self) -> str:
        # Text opcodes end with a newline; names and numbers are short.
        line = bytes(self._data[self._at : self._at + 256])
        end = line.find(b"\n")
        if end < 0:
            raise self._error(f"a line of text is too long at byte {self._at}")
        self._at += end + 1
        return line[:end].decode("utf-8", "replace")

    def _text(self, n: int, encoding: str = "utf-8") -> Any:
        raw = self._take(n)
        if n > _LONGEST_TEXT:
            return Foreign("long text")
        self._n_text += n
        if self._n_text > _MOST_TEXT:
            raise self._error(f"it has more than {_MOST_TEXT} bytes of text")
        try:
            return bytes(raw).decode(encoding)
        except UnicodeDecodeError as error:
            raise self._error(f"a text is damaged: {error}") from None

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack:
            raise self._error("it takes a value where there is none")
        value = self._stack.pop()
        if value is _MARK:
            raise self._error("a mark stands where a value is expected")
        return value

    def _top(self) -> Any:
        value = self._pop()
        self._push(value)
        return value

    def _since_mark(self) -> list[Any]:
        for i in range(len(self._stack) - 1, -1, -1):
            if self._stack[i] is _MARK:
                values = self._stack[i + 1 :]
                del self._stack[i:]
                return values
        raise self._error("a mark is missing")

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise self._error(f"it refers to memo {index}, which is not there")
        self._push(self._memo[index])

    def _put(self, index: int) -> None:
        self._memo[index] = self._top()

    def _set_items(self, pairs: list[Any]) -> None:
        target = self._top()
        if len(pairs) % 2:
            raise self._error("a key has no value")
        if isinstance(target, Foreign):
            return
        if not isinstance(target, dict):
            raise self._error("keys are set on what is no dict")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # Numbers of many bits could be made to collide, which takes forever.
            plain = isinstance(key, str) or (isinstance(key, int) and abs(key) < 2**53)
            if not (plain or key is None or isinstance(key, Foreign)):
                raise self._error(f"a key is a {type(key).__name__} that no weight file has")
            target[key] = value

    def _extend(self, values: list[Any]) -> None:
        target = self._top()
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, Foreign):
            raise self._error("values are added to what is no list")

    def _find(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise self._error("a global has no name")
        self._push(_Global(module, name))

    def _persistent(self) -> None:
        value = self._pop()
        if not (isinstance(value, tuple) and len(value) in (5, 6) and value[0] == "storage"):
            raise self._error("a reference is not that of a storage")
        _, kind, key, _, n = value[:5]
        view = value[5] if len(value) == 6 else None
        if not isinstance(kind, _Global) or not kind.module.startswith("torch"):
            raise self._error(f"a storage is of an unknown {type(kind).__name__}")
        key = str(key) if type(key) is int else key
        first = 0
        if isinstance(view, tuple) and len(view) == 3:
            first, n = view[1], view[2]
        elif view is not None:
            raise self._error("the view into a storage is malformed")
        if not (isinstance(key, str) and _is_count(n) and _is_count(first)):
            raise self._error("a storage has no name or no size")
        self._push(Storage(key, kind.name, n, first))

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(arguments, tuple):
            raise self._error("arguments are no tuple")
        if not isinstance(function, _Global):
            self._push(Foreign(getattr(function, "name", type(function).__name__)))
            return
        maker = _MAKERS.get(str(function))
        self._push(Foreign(str(function)) if maker is None else maker(self, arguments))

    def _tensor(self, arguments: tuple[Any, ...]) -> Tensor:
        if len(arguments) < 4:
            raise self._error("a tensor is incomplete")
        storage, offset, shape, strides = arguments[:4]
        flags = arguments[6] if len(arguments) > 6 else None
        if not isinstance(storage, Storage) or not _is_count(offset):
            raise self._error("a tensor has no storage")
        for what in (shape, strides):
            if not (isinstance(what, tuple) and len(what) <= 64 and all(map(_is_count, what))):
                raise self._error("a tensor has no shape, or steps backwards")
        if len(shape) != len(strides):
            raise self._error("the shape of a tensor and its strides differ in length")
        marks = flags if isinstance(flags, dict) else {}
        turned = bool(marks.get("neg")), bool(marks.get("conj"))
        return Tensor(storage, offset, shape, strides, "", *turned)

    def _typed_tensor(self, arguments: tuple[Any, ...]) -> Tensor:
        """Of `_rebuild_tensor_v3`: storage in bytes, and the type of the elements."""
        if len(arguments) < 7 or not isinstance(arguments[6], _Global):
            raise self._error("a tensor has no type")
        plain = self._tensor(arguments[:4])
        kind = arguments[6].name
        return Tensor(plain.storage, plain.offset, plain.shape, plain.strides, kind)

    def _parameter(self, arguments: tuple[Any, ...]) -> Any:
        if not arguments:
            raise self._error("a parameter is empty")
        return arguments[0]

    def _ordered(self, arguments: tuple[Any, ...]) -> dict[Any, Any]:
        if arguments:
            raise self._error("an OrderedDict is made of something")
        return {}

    def _build(self) -> None:
        # State of an object, such as the version numbers of an OrderedDict: nothing is changed.
        self._pop()
        self._top()

    def _new_object(self) -> None:
        arguments, function = self._pop(), self._pop()
        if isinstance(function, _Global) and str(function) == "collections.OrderedDict":
            self._push({})
        else:
            self._push(Foreign(str(function) if isinstance(function, _Global) else "an object"))
        del arguments


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _long(self: Pickle, n: int) -> None:
    if not 0 <= n <= 64:
        raise self._error(f"a number has {n} bytes")
    self._push(int.from_bytes(self._take(n), "little", signed=True))


def _tuple(self: Pickle, n: int) -> None:
    values = [self._pop() for _ in range(n)]
    self._push(tuple(reversed(values)))


def _decimal(self: Pickle) -> None:
    text = self._line()
    digits = text.rstrip("L").removeprefix("-")
    if text in ("00", "01"):
        self._push(text == "01")
    elif digits.isascii() and digits.isdigit():
        self._push(int(text.rstrip("L")))
    else:
        raise self._error(f"{text!r} is no number")


def _index(self: Pickle) -> int:
    text = self._line()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise self._error(f"{text!r} is no memo index")
    return int(text)


def _text_line(self: Pickle) -> None:
    self._push(self._line())


def _bytes(self: Pickle, n: int) -> None:
    self._take(n)
    self._push(Foreign("bytes"))


def _pop_mark(self: Pickle) -> None:
    self._since_mark()


def _dict(self: Pickle) -> None:
    pairs = self._since_mark()
    self._push({})
    self._set_items(pairs)


def _pair(self: Pickle) -> None:
    value, key = self._pop(), self._pop()
    self._set_items([key, value])


def _append(self: Pickle) -> None:
    value = self._pop()
    self._extend([value])


def _stack_global(self: Pickle) -> None:
    name, module = self._pop(), self._pop()
    self._find(module, name)


def _line_global(self: Pickle) -> None:
    module = self._line()
    self._find(module, self._line())


def _old_text(self: Pickle, n: int) -> None:
    # Strings of Python 2, which wrote the names of arrays with it.
    self._push(self._text(n, "latin-1"))


def _protocol(self: Pickle) -> None:
    version = self._take(1)[0]
    if version > 5:
        raise self._error(f"it is of pickle protocol {version}")


# Opcodes by number, see pickletools of the standard library.
_HANDLERS: dict[int, Any] = {
    0x80: _protocol,
    0x95: lambda p: p._take(8),  # FRAME: its length is not needed
    0x28: lambda p: p._push(_MARK),
    0x30: Pickle._pop,
    0x31: _pop_mark,
    0x32: lambda p: p._push(p._top()),  # DUP
    0x4E: lambda p: p._push(None),
    0x88: lambda p: p._push(True),
    0x89: lambda p: p._push(False),
    0x49: _decimal,
    0x4C: _decimal,
    0x4A: lambda p: p._push(p._number("<i")),
    0x4B: lambda p: p._push(p._number("<B")),
    0x4D: lambda p: p._push(p._number("<H")),
    0x8A: lambda p: _long(p, p._number("<B")),
    0x8B: lambda p: _long(p, p._number("<i")),
    0x47: lambda p: p._push(p._number(">d")),
    0x56: _text_line,
    0x58: lambda p: p._push(p._text(p._number("<I"))),
    0x8C: lambda p: p._push(p._text(p._number("<B"))),
    0x8D: lambda p: p._push(p._text(p._number("<Q"))),
    0x54: lambda p: _old_text(p, p._number("<I")),
    0x55: lambda p: _old_text(p, p._number("<B")),
    0x42: lambda p: _bytes(p, p._number("<I")),
    0x43: lambda p: _bytes(p, p._number("<B")),
    0x8E: lambda p: _bytes(p, p._number("<Q")),
    0x5D: lambda p: p._push([]),
    0x7D: lambda p: p._push({}),
    0x29: lambda p: p._push(()),
    0x85: lambda p: _tuple(p, 1),
    0x86: lambda p: _tuple(p, 2),
    0x87: lambda p: _tuple(p, 3),
    0x74: lambda p: p._push(tuple(p._since_mark())),
    0x6C: lambda p: p._push(list(p._since_mark())),
    0x64: _dict,
    0x61: _append,
    0x65: lambda p: p._extend(p._since_mark()),
    0x73: _pair,
    0x75: lambda p: p._set_items(p._since_mark()),
    0x67: lambda p: p._get(_index(p)),
    0x68: lambda p: p._get(p._number("<B")),
    0x6A: lambda p: p._get(p._number("<I")),
    0x70: lambda p: p._put(_index(p)),
    0x71: lambda p: p._put(p._number("<B")),
    0x72: lambda p: p._put(p._number("<I")),
    0x94: lambda p: p._put(len(p._memo)),
    0x63: _line_global,
    0x93: _stack_global,
    0x51: Pickle._persistent,
    0x52: Pickle._reduce,
    0x62: Pickle._build,
    0x81: Pickle._new_object,
}

_MAKERS: dict[str, Any] = {
    "collections.OrderedDict": Pickle._ordered,
    "torch._utils._rebuild_tensor": Pickle._tensor,
    "torch._utils._rebuild_tensor_v2": Pickle._tensor,
    "torch._utils._rebuild_tensor_v3": Pickle._typed_tensor,
    "torch._utils._rebuild_parameter": Pickle._parameter,
    "torch._utils._rebuild_parameter_with_state": Pickle._parameter,
}
