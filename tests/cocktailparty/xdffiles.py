"""A small writer of XDF files, chunk by chunk as LabRecorder writes them."""

import struct

import numpy as np

FORMATS = {"float32": "<f4", "double64": "<f8", "int16": "<i2", "int32": "<i4"}


def _length(n):
    return b"\x04" + struct.pack("<I", n)


def _chunk(tag, content):
    return _length(len(content) + 2) + struct.pack("<H", tag) + content


def stream(
    number, name, kind, rate, values, stamps, offsets=(), fmt="float32", units=None, labels=None
):
    """Chunks of one stream; offsets are (time of the sender, offset) pairs."""
    strings = fmt == "string"
    n_channels = 1 if strings else np.shape(values)[1]
    channels = "".join(
        f"<channel><label>{label}</label><unit>{unit}</unit></channel>"
        for label, unit in zip(
            labels or [f"E{i}" for i in range(n_channels)],
            units or ["microvolts"] * n_channels,
            strict=True,
        )
    )
    header = (
        f"<?xml version='1.0'?><info><name>{name}</name><type>{kind}</type>"
        f"<channel_count>{n_channels}</channel_count><nominal_srate>{rate}</nominal_srate>"
        f"<channel_format>{fmt}</channel_format><desc><channels>{channels}</channels></desc></info>"
    )
    prefix = struct.pack("<I", number)
    chunks = [_chunk(2, prefix + header.encode())]
    for first in range(0, len(stamps), 100):
        part = range(first, min(len(stamps), first + 100))
        content = prefix + _length(len(part))
        for i in part:
            content += b"\x08" + struct.pack("<d", stamps[i])
            if strings:
                text = values[i].encode()
                content += _length(len(text)) + text
            else:
                content += np.asarray(values[i], FORMATS[fmt]).tobytes()
        chunks.append(_chunk(3, content))
    chunks += [_chunk(4, prefix + struct.pack("<dd", *pair)) for pair in offsets]
    return b"".join(chunks)


def write_xdf(file, *streams):
    header = b"<?xml version='1.0'?><info><version>1.0</version></info>"
    file.write_bytes(b"XDF:" + _chunk(1, header) + b"".join(streams))
