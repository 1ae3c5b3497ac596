"""EDF, BDF and GDF files whose channels have rates of their own, as recorders write them."""

import numpy as np

_TALS = 60  # bytes that a record has for annotations, in 16- or 24-bit samples


def write_edf(file, signals, rates, names, record=1.0, bdf=False, kind="", times=None, notes=()):
    """Write signals in microvolts, one array and one rate a channel.

    `kind` "EDF+C" or "EDF+D" (BDF likewise) adds the channel of annotations, with the `times` of
    the records, and `notes`, pairs of a moment in seconds and a text.
    """
    names = list(names)
    per_record = [round(rate * record) for rate in rates]
    n_records = len(signals[0]) // per_record[0]
    top = 2**23 - 1 if bdf else 2**15 - 1
    gain = 1 / 32 if bdf else 0.1
    digital = [np.round(np.asarray(s) / gain).astype("<i4") for s in signals]
    digital = [x.reshape(n_records, n) for x, n in zip(digital, per_record, strict=True)]
    n_signals = len(names)
    if kind:
        names.append("BDF Annotations" if bdf else "EDF Annotations")
        per_record.append(_TALS // (3 if bdf else 2))
    n, others = len(names), [""] * (len(names) - n_signals)
    ends = [f"{-top * gain:.7g}", f"{top * gain:.7g}"]
    fields = [
        (8, ["\xffBIOSEMI" if bdf else "0"]),
        (80, ["X X X X"]),
        (80, ["Startdate 01-JAN-2020 X X X"]),
        (8, ["01.01.20"]),
        (8, ["00.00.00"]),
        (8, [256 * (n + 1)]),
        (44, [kind or ("24BIT" if bdf else "")]),
        (8, [n_records]),
        (8, [f"{record:g}"]),
        (4, [n]),
        (16, names),
        (80, [""] * n),
        (8, ["uV"] * n_signals + others),
        (8, [ends[0]] * n_signals + ["-1"] * len(others)),
        (8, [ends[1]] * n_signals + ["1"] * len(others)),
        (8, [-top] * n),
        (8, [top] * n),
        (80, [""] * n),
        (8, per_record),
        (32, [""] * n),
    ]
    header = "".join(str(value).ljust(width) for width, values in fields for value in values)
    times = np.arange(n_records) * record if times is None else times
    with open(file, "wb") as stream:
        stream.write(header.encode("latin-1"))
        for i in range(n_records):
            for x in digital:
                lowest = 3 if bdf else 2
                stream.write(x[i].view(np.uint8).reshape(-1, 4)[:, :lowest].tobytes())
            if kind:
                tals = f"+{times[i]:.10g}\x14\x14\x00"
                mine = notes if i == 0 else ()
                tals += "".join(f"+{onset:.10g}\x14{text}\x14\x00" for onset, text in mine)
                assert len(tals) <= _TALS
                stream.write(tals.encode().ljust(_TALS, b"\0"))


def write_gdf(file, signals, rates, names, gains=None, events=()):
    """Write signals in microvolts to GDF 1.25, records of one second, one gain a channel.

    `events` are pairs of a sample, from 0 on, and a code.
    """
    n, n_records = len(names), len(signals[0]) // rates[0]
    gains = np.full(n, 0.1) if gains is None else np.asarray(gains)
    top = 2**15 - 1
    numbers = [
        (-top * gains).astype("<f8"),
        (top * gains).astype("<f8"),
        np.full(n, -top, "<i8"),
        np.full(n, top, "<i8"),
    ]
    digital = [
        np.round(np.asarray(x) / gain).astype("<i2") for x, gain in zip(signals, gains, strict=True)
    ]
    records = [x.reshape(n_records, rate) for x, rate in zip(digital, rates, strict=True)]
    with open(file, "wb") as stream:
        stream.write(b"GDF 1.25" + b"X X".ljust(80) + b"X".ljust(80) + b"2020010100000000")
        stream.write(np.array([256 * (n + 1)], "<i8").tobytes() + bytes(24 + 20))
        stream.write(np.array([n_records], "<i8").tobytes())
        stream.write(np.array([1, 1, n], "<u4").tobytes())
        stream.write(b"".join(name.encode().ljust(16, b"\0") for name in names))
        stream.write(bytes(80 * n) + b"uV".ljust(8, b"\0") * n)
        stream.write(b"".join(x.tobytes() for x in numbers) + bytes(80 * n))
        stream.write(np.asarray(rates, "<i4").tobytes() + np.full(n, 3, "<i4").tobytes())
        stream.write(bytes(32 * n))
        for i in range(n_records):
            stream.write(b"".join(x[i].tobytes() for x in records))
        stream.write(bytes([1, 0, 0, 0]) + np.array([len(events)], "<u4").tobytes())
        stream.write(np.array([sample + 1 for sample, _ in events], "<u4").tobytes())
        stream.write(np.array([code for _, code in events], "<u2").tobytes())
