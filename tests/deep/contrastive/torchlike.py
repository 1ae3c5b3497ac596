"""Files as PyTorch writes them, opcode by opcode, so that a test may break one rule of them."""

import struct
import zipfile

import numpy as np

KINDS = {
    "f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "i8": "LongStorage",
    "i4": "IntStorage", "u1": "ByteStorage", "b1": "BoolStorage",
}  # fmt: skip


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if value < 2**31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def name(module, what):
    return f"c{module}\n{what}\n".encode()


def tuple_of(*parts):
    return b"(" + b"".join(parts) + b"t"


def numbers(values):
    return tuple_of(*(number(value) for value in values))


def ordered(items):
    pairs = b"".join(text(key) + value for key, value in items.items())
    return name("collections", "OrderedDict") + b")R(" + pairs + b"u"


def storage(key, kind, n, view=None):
    parts = [text("storage"), name("torch", kind), text(key), text("cpu"), number(n)]
    return tuple_of(*parts, *([] if view is None else [view])) + b"Q"


def tensor(stored, offset, shape, strides, more=b""):
    hooks = name("collections", "OrderedDict") + b")R"
    parts = [stored, number(offset), numbers(shape), numbers(strides), b"\x89", hooks]
    return (
        name("torch._utils", "_rebuild_tensor_v2")
        + tuple_of(*parts, *([more] if more else []))
        + b"R"
    )


def pickled(value, protocol=2):
    return bytes([0x80, protocol]) + value + b"."


def described(arrays, view=None):
    """Opcodes of the tensors of a state dict, and the numbers of their storages."""
    items, contents = {}, {}
    for i, (key, array) in enumerate(arrays.items()):
        kind = KINDS[array.dtype.str[1:]]
        strides = [s // array.itemsize for s in np.ascontiguousarray(array).strides]
        items[key] = tensor(
            storage(str(i), kind, array.size, view), 0, array.shape, strides[: array.ndim]
        )
        contents[str(i)] = np.ascontiguousarray(array).tobytes()
    return items, contents


def write_zip(path, tree, contents, extra=None, root="archive", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{root}/data.pkl", pickled(tree))
        for key, raw in contents.items():
            archive.writestr(f"{root}/data/{key}", raw)
        archive.writestr(f"{root}/version", b"3\n")
        for member, raw in (extra or {}).items():
            archive.writestr(member, raw)
    return path


def write_old(path, tree, contents, counts=None, sizes=None):
    system = b"}(" + text("little_endian") + b"\x88" + b"u"
    magic = b"\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
    keys = b"](" + b"".join(text(key) for key in contents) + b"e"
    head = [magic, number(1001), system, tree, keys]
    parts = [pickled(part) for part in head]
    for i, raw in enumerate(contents.values()):
        size = 4 if sizes is None else sizes[i]
        n = len(raw) // size if counts is None else counts[i]
        parts += [struct.pack("<Q", n), raw]
    path.write_bytes(b"".join(parts))
    return path


def write(path, arrays, container="zip", wrap=None):
    items, contents = described(arrays, None if container == "zip" else b"N")
    tree = ordered(items)
    if wrap is not None:
        tree = wrap(tree)
    if container == "zip":
        return write_zip(path, tree, contents)
    return write_old(path, tree, contents, sizes=[array.itemsize for array in arrays.values()])
