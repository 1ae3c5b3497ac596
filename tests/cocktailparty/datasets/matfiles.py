"""MATLAB files as MATLAB writes them where SciPy cannot: version 7.3, and doubles in few bytes."""

import io
import struct

import numpy as np
import pytest
from scipy.io import savemat


def save73(file, **variables):
    """Write a MATLAB 7.3 file of the values that `scipy.io.savemat` takes."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(file, "w", userblock_size=512) as content:
        for name, value in variables.items():
            _write(h5py, content, name, value)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024"
    with open(file, "r+b") as stream:
        stream.write(header.ljust(116) + bytes(8) + struct.pack("<H", 0x0200) + b"IM")


def save_compactly(file, **variables):
    """Write int16 arrays as MATLAB writes doubles that fit into 16 bits."""
    stream = io.BytesIO()
    savemat(stream, variables)
    content = bytearray(stream.getvalue())
    flags = struct.pack("<II", 6, 8)  # the element before the byte that holds the class
    position = content.find(flags)
    while position >= 0:
        if content[position + 8] == 10:  # int16
            content[position + 8] = 6  # double
        position = content.find(flags, position + 1)
    file.write_bytes(content)


def _write(h5py, parent, name, value):
    if isinstance(value, dict):
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        _name_fields(h5py, group, value)
        for field, content in value.items():
            _write(h5py, group, field, content)
        return
    value = np.asarray(value)
    if value.dtype.names:
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        _name_fields(h5py, group, value.dtype.names)
        for field in value.dtype.names:
            group[field] = _references(h5py, parent, value[field])
        return
    if value.dtype.kind == "U":
        codes = np.frombuffer(str(value).encode("utf-16-le"), "<u2")
        stored, kind = np.atleast_2d(codes), "char"
    elif value.dtype == object:
        stored, kind = _references(h5py, parent, np.atleast_2d(value)), "cell"
    else:
        names = {"bool": "logical", "float64": "double", "float32": "single"}
        stored, kind = np.atleast_2d(value), names.get(value.dtype.name, value.dtype.name)
        stored = stored.astype(np.uint8) if kind == "logical" else stored
    if stored.size == 0:
        parent[name] = np.array(stored.shape, np.uint64)  # what is stored is the shape
        parent[name].attrs["MATLAB_empty"] = np.uint8(1)
    elif kind == "cell":
        parent[name] = stored
    else:
        parent[name] = stored.T
    parent[name].attrs["MATLAB_class"] = np.bytes_(kind)


def _references(h5py, parent, values):
    """Store values in the group of the file for that; references in HDF5's order of axes."""
    store = parent.file.require_group("#refs#")
    references = np.empty(values.shape, h5py.ref_dtype)
    for index in np.ndindex(values.shape):
        name = f"v{len(store)}"
        _write(h5py, store, name, values[index])
        references[index] = store[name].ref
    return references.T


def _name_fields(h5py, group, fields):
    names = np.empty(len(list(fields)), object)
    for i, field in enumerate(fields):
        names[i] = np.array(list(field), "S1")
    kind = h5py.vlen_dtype(np.dtype("S1"))
    group.attrs.create("MATLAB_fields", names, dtype=kind)
