"""Compiled comparison of a spectrogram with its model, in vector instructions."""

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic, overload

# Sums may be reordered to run in vector registers, products and sums contracted.
FAST = {"reassoc", "contract", "nsz"}


# Bits of sqrt(1/2) and the number of bits of the mantissa, by type of float.
HALVES = {types.float32: (0x3F3504F3, 23), types.float64: (0x3FE6A09E667F3BCD, 52)}


@intrinsic
def _split(typing_context, x):  # type: ignore[no-untyped-def]
    """Split x = 2**e m into e and m, m between sqrt(1/2) and sqrt(2).

    In integers as wide as the float: those of Numba are of 64 bits after any operation, and half as
    many fit into a vector.
    """
    half, n_bits = HALVES[x]

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.IntType(x.bitwidth)
        bits = builder.bitcast(arguments[0], kind)
        e = builder.ashr(builder.sub(bits, kind(half)), kind(n_bits))
        m = builder.sub(bits, builder.shl(e, kind(n_bits)))
        number = context.get_value_type(x)
        parts = builder.sitofp(e, number), builder.bitcast(m, number)
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(x, 2)(x), generate


def log(x: float) -> float:
    """Logarithm that compiles into vector instructions, as the usual one does not.

    With x = 2**e m and m between sqrt(1/2) and sqrt(2), log x = e log 2 + 2 artanh((m-1) / (m+1)),
    whose series converges fast. Of 0 it gives some finite number, which the divergences multiply by
    0.
    """
    return float(np.log(x))


@overload(log, jit_options={"fastmath": FAST, "error_model": "numpy"})
def _log(x):  # type: ignore[no-untyped-def]
    def single(x):  # type: ignore[no-untyped-def]
        e, m = _split(x)
        s = (m - np.float32(1)) / (m + np.float32(1))
        z = s * s
        p = np.float32(2 / 9)
        p = p * z + np.float32(2 / 7)
        p = p * z + np.float32(2 / 5)
        p = p * z + np.float32(2 / 3)
        p = p * z + np.float32(2)
        return e * np.float32(0.6931471805599453) + s * p

    def double(x):  # type: ignore[no-untyped-def]
        e, m = _split(x)
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        p = 2 / 21
        p = p * z + 2 / 19
        p = p * z + 2 / 17
        p = p * z + 2 / 15
        p = p * z + 2 / 13
        p = p * z + 2 / 11
        p = p * z + 2 / 9
        p = p * z + 2 / 7
        p = p * z + 2 / 5
        p = p * z + 2 / 3
        p = p * z + 2.0
        return e * 0.6931471805599453 + s * p

    return single if x == types.float32 else double


@njit(fastmath=FAST, error_model="numpy", nogil=True, cache=True)
def compare(x, y, rising, beta, valued):  # type: ignore[no-untyped-def]
    """Compare a spectrogram with its model, in place; see `cnmf.updates.formula.compare`.

    `x`, `y` and `rising` have the shape (n_frames, n_freqs). The model `y` is replaced by the part
    of the derivative that makes the divergence fall, and `rising` filled with the other one, except
    for beta 1, where that is 1 throughout. The divergence is computed only if `valued`: for beta 0
    and 1 it costs more than all the rest.
    """
    value = 0.0
    one, b = x.dtype.type(1), x.dtype.type(beta)
    c, d = one / (b * (b - one)), one / (b - one)
    for i in range(x.shape[0]):
        row = x.dtype.type(0)
        if beta == 1 and not valued:
            for f in range(x.shape[1]):
                y[i, f] = x[i, f] / y[i, f]
        elif beta == 1:
            for f in range(x.shape[1]):
                u, v = x[i, f], y[i, f]
                r = u / v
                y[i, f] = r
                row += u * log(r) - u + v
        elif beta == 2:
            for f in range(x.shape[1]):
                u, v = x[i, f], y[i, f]
                y[i, f] = u
                rising[i, f] = v
                row += (u - v) * (u - v)
        elif beta == 0:
            for f in range(x.shape[1]):
                u, v = x[i, f], y[i, f]
                inverse = one / v
                r = u * inverse
                y[i, f] = r * inverse
                rising[i, f] = inverse
                if valued:
                    row += r - log(r) - one
        else:
            for f in range(x.shape[1]):
                u, v = x[i, f], y[i, f]
                if beta == 3:
                    power, part = v, u * u * u
                elif beta == 1.5:
                    power, part = one / np.sqrt(v), u * np.sqrt(u)
                elif beta == 0.5:
                    power, part = one / np.sqrt(v) / v, np.sqrt(u)
                else:
                    power, part = v ** (b - 2), u**b
                y[i, f] = u * power
                rising[i, f] = v * power
                row += (part - v * v * power) * c - (u - v) * v * power * d
        value += row
    return value / 2 if beta == 2 else value
