"""Reader of weights that were saved with PyTorch, without it and without running anything."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np

from deep.contrastive.torch_archive import Archive
from deep.contrastive.torch_parts import Foreign, Storage, Tensor
from deep.contrastive.torch_pickle import Pickle

_KINDS = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?", "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
    "BFloat16Storage": "bf16", "uint16": "u2", "uint32": "u4", "uint64": "u8",
}  # fmt: skip
_MAGIC, _OLD_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# Tensors may share numbers, but a file must not expand far beyond its size.
_SLACK = 2**26
# Where state dicts are in checkpoints, most common name first.
_PLACES = ("model", "state_dict", "model_state_dict", "model_state", "net", "weights")


def read_torch(path: str | Path, key: str | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of a state dict that ``torch.save`` wrote.

    Both containers are read: that of PyTorch before 1.6, as PANNs has it, and the zip archive.
    Nothing that a file names is imported or called, and a file that says more than it holds is
    refused before memory is taken. bfloat16 becomes float32, which holds the same numbers.

    Parameters
    ----------
    path : path
        File, such as ``Cnn6_mAP=0.343.pth``.
    key : str, optional
        Which entry of a checkpoint is the state dict; None to find it by itself.

    Returns
    -------
    arrays : dict of str to ndarray
        In the order of the file. Those that shared numbers there are copies.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, is no state dict of dense tensors, or breaks a rule; says which.
    """
    path = Path(path)
    with path.open("rb") as file:
        if not file.read(1):
            raise ValueError(f"{path} is empty")
        # It is unmapped when nothing refers to it any more.
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return _read(memoryview(data), str(path), key)


def _read(data: memoryview, where: str, key: str | None) -> dict[str, np.ndarray]:
    if bytes(data[:4]) == b"PK\x03\x04":
        tree, stored, little = _from_archive(data, where)
    else:
        tree, stored, little = _from_old(data, where)
    tensors = _state_dict(tree, key, where)
    return _arrays(tensors, stored, little, where)


def _from_archive(data: memoryview, where: str) -> tuple[Any, dict[str, memoryview], bool]:
    archive = Archive(data, where)
    roots = {name.partition("/")[0] for name in archive.members}
    if len(roots) != 1:
        raise ValueError(f"{where} is no archive of PyTorch: it has the folders {sorted(roots)}")
    root = roots.pop()
    inside = {name[len(root) + 1 :] for name in archive.members}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise ValueError(
            f"{where} is a TorchScript archive, which holds a program: save the state dict of the "
            "model instead, with torch.save(model.state_dict(), path)"
        )
    tree, _ = Pickle(archive.read(f"{root}/data.pkl"), where).load()
    order = bytes(archive.read(f"{root}/byteorder")) if "byteorder" in inside else b"little"
    if order not in (b"little", b"big"):
        raise ValueError(f"{where} is damaged: its byte order is {order[:20]!r}")
    begin = f"{root}/data/"
    names = [name for name in archive.members if name.startswith(begin)]
    return tree, _Members(archive, begin, names), order == b"little"


class _Members(dict[str, memoryview]):
    """Storages of an archive, checked when they are needed."""

    def __init__(self, archive: Archive, begin: str, names: list[str]) -> None:
        super().__init__((name[len(begin) :], memoryview(b"")) for name in names)
        self._archive, self._begin = archive, begin

    def __getitem__(self, key: str) -> memoryview:
        return self._archive.read(self._begin + key)


def _from_old(data: memoryview, where: str) -> tuple[Any, dict[str, memoryview], bool]:
    reader = Pickle(data, where)
    try:
        magic, at = reader.load()
    except ValueError as error:
        raise ValueError(f"{where} was not saved with torch.save: {error}") from None
    if magic != _MAGIC:
        raise ValueError(f"{where} was not saved with torch.save: it begins with another number")
    protocol, at = reader.load(at)
    if protocol != _OLD_PROTOCOL:
        raise ValueError(f"{where} is of an unknown protocol")
    system, at = reader.load(at)
    little = not isinstance(system, dict) or system.get("little_endian") is not False
    tree, at = reader.load(at)
    keys, at = reader.load(at)
    sizes = {storage.key: storage for storage in _storages(tree)}
    stored: dict[str, memoryview] = {}
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"{where} is damaged: it has no list of storages")
    for key in keys:
        if at + 8 > len(data):
            raise ValueError(f"{where} is cut off: storage {key!r} is missing")
        count = int.from_bytes(data[at : at + 8], "little")
        at += 8
        if key not in sizes or key in stored:
            raise ValueError(f"{where} is damaged: storage {key!r} is unknown or twice there")
        n_bytes = count * _element(sizes[key].kind, where).itemsize
        if n_bytes > len(data) - at:
            raise ValueError(
                f"{where} is cut off: storage {key!r} should have {n_bytes} bytes, "
                f"{len(data) - at} are left"
            )
        stored[key] = data[at : at + n_bytes]
        at += n_bytes
    return tree, stored, little


def _storages(tree: Any) -> list[Storage]:
    """All storages of a tree, however deep, without recursion."""
    storages, waiting, seen = [], [tree], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            storages.append(value.storage)
        elif isinstance(value, Storage):
            storages.append(value)
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value.values() if isinstance(value, dict) else value)
    return storages


def _state_dict(tree: Any, key: str | None, where: str) -> dict[str, Tensor]:
    if isinstance(tree, Foreign):
        raise ValueError(
            f"{where} holds a {tree.name}, which is not made here: save the state dict of the "
            "model instead, with torch.save(model.state_dict(), path)"
        )
    if not isinstance(tree, dict):
        raise ValueError(f"{where} holds a {type(tree).__name__}, expected a state dict")
    names = [str(name)[:60] for name in tree]
    if key is not None:
        if key not in tree:
            raise ValueError(f"{where} has no entry {key!r}, but {names[:20]}")
        return _tensors(tree[key], where, f"entry {key!r}")
    if any(isinstance(value, Tensor) for value in tree.values()):
        return _tensors(tree, where, "the file")
    holders = [
        name for name, value in tree.items()
        if isinstance(value, dict) and any(isinstance(x, Tensor) for x in value.values())
    ]  # fmt: skip
    place = next((name for name in _PLACES if name in holders), None)
    if place is None and len(holders) == 1:
        place = holders[0]
    if place is not None:
        return _tensors(tree[place], where, f"entry {place!r}")
    foreign = sorted({value.name[:60] for value in tree.values() if isinstance(value, Foreign)})
    more = f", and {foreign}, which are not made here" if foreign else ""
    raise ValueError(
        f"{where} has no state dict, or several: its entries are {names[:20]}{more}; name one "
        "with key"
    )


def _tensors(tree: Any, where: str, what: str) -> dict[str, Tensor]:
    if not isinstance(tree, dict):
        kind = tree.name if isinstance(tree, Foreign) else type(tree).__name__
        raise ValueError(f"{where}: {what} is a {kind}, expected a state dict")
    tensors = {}
    for name, value in tree.items():
        if isinstance(value, Tensor):
            tensors[str(name)] = value
        elif isinstance(value, Foreign):
            raise ValueError(
                f"{where}: {name!r} is made by {value.name}, which is not on the list of what a "
                "file may use; dense tensors are"
            )
    return tensors


def _element(kind: str, where: str) -> np.dtype:
    """Type of the numbers in the file; two bytes for bfloat16."""
    if kind not in _KINDS:
        known = ", ".join(sorted(set(_KINDS.values())))
        raise ValueError(
            f"{where} has numbers of type {kind}, which NumPy does not have; these are read: "
            f"{known}"
        )
    return np.dtype("u2" if _KINDS[kind] == "bf16" else _KINDS[kind])


def _arrays(
    tensors: dict[str, Tensor], stored: dict[str, memoryview], little: bool, where: str
) -> dict[str, np.ndarray]:
    """Check all sizes, and only then make arrays."""
    views = {}
    for name, tensor in tensors.items():
        storage = tensor.storage
        kind = _element(tensor.kind or storage.kind, where)
        if storage.key not in stored:
            raise ValueError(f"{where}: the numbers of {name!r} are missing")
        reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
        n = int(np.prod(tensor.shape, dtype=object)) if tensor.shape else 1
        last = storage.first + tensor.offset + reach
        n_stored = storage.n // (kind.itemsize if tensor.kind else 1)
        if n and (tensor.offset + reach >= n_stored or last < 0):
            raise ValueError(f"{where}: {name!r} reaches past the end of its storage")
        views[name] = (tensor, kind, n, last + 1 if n else 0)
    contents = {key: stored[key] for key in {tensor.storage.key for tensor in tensors.values()}}
    total = 0
    for name, (tensor, kind, n, end) in views.items():
        content = contents[tensor.storage.key]
        if end * kind.itemsize > len(content):
            raise ValueError(
                f"{where}: the storage of {name!r} holds {len(content)} bytes, it should have "
                f"{end * kind.itemsize} at least"
            )
        total += (
            n * kind.itemsize * (2 if _KINDS[tensor.kind or tensor.storage.kind] == "bf16" else 1)
        )
    most = 2 * sum(map(len, contents.values())) + _SLACK
    if total > most:
        raise ValueError(
            f"{where} would become {total} bytes of arrays, from {most} at most: a tensor repeats "
            "its numbers"
        )
    return {
        name: _array(tensor, kind, contents[tensor.storage.key], little)
        for name, (tensor, kind, _, _) in views.items()
    }


def _array(tensor: Tensor, kind: np.dtype, content: memoryview, little: bool) -> np.ndarray:
    n = len(content) // kind.itemsize
    flat = np.frombuffer(content, kind.newbyteorder("<" if little else ">"), n)
    flat = flat[tensor.storage.first + tensor.offset :]
    if 0 in tensor.shape:
        array = np.empty(tensor.shape, kind)
    else:
        pairs = zip(tensor.shape, tensor.strides, strict=True)
        strides = [s * kind.itemsize if n > 1 else 0 for n, s in pairs]
        array = np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False)
        array = np.array(array, dtype=kind, order="C")  # a copy in the order of this machine
    if _is_bfloat(tensor):
        array = (array.astype(np.uint32) << 16).view(np.float32)
    if tensor.conjugated:
        array = np.conj(array)
    return -array if tensor.negative and kind.kind != "b" else array


def _is_bfloat(tensor: Tensor) -> bool:
    return _KINDS[tensor.kind or tensor.storage.kind] == "bf16"
