"""Products of small matrices in vector registers, for tiles that are in the cache already.

BLAS copies its operands before it multiplies, which does not pay for a tile, and wheels of NumPy
multiply with half of the width of new processors.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

# Bytes of a vector, and the number of rows of a block by its number of columns, in vectors: its
# sums, one vector of factors for each column, and one more fill the registers.
VECTOR, BLOCKS = 32, {1: 8, 2: 6, 3: 4}
if binding.get_host_cpu_features().get("avx512f"):
    VECTOR, BLOCKS = 64, {1: 16, 2: 12, 3: 8}

# Whole blocks of any kind.
ROWS = math.lcm(*BLOCKS.values())


def padded(n: int, dtype: Any) -> int:
    """Round a number of columns up to whole vectors."""
    lanes = VECTOR // np.dtype(dtype).itemsize
    return -(-n // lanes) * lanes


def aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """Make zeros that begin where a vector may: others would straddle two cache lines.

    The last axis is padded to whole vectors, the one before to whole blocks.
    """
    shape = (*shape[:-2], -(-shape[-2] // ROWS) * ROWS, padded(shape[-1], dtype))
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + VECTOR, np.uint8)
    start = -memory.ctypes.data % VECTOR
    return memory[start : start + size].view(dtype).reshape(shape)


def _block(columns: int, rows: int) -> Callable[..., None]:
    """Make the product of this many rows with this many vectors of columns."""

    @intrinsic
    def multiply_block(typing_context, left, right, out, row, column, add):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            b, integer = builder, context.get_value_type(types.intp)
            kind, size = context.get_value_type(out.dtype), out.dtype.bitwidth // 8
            lanes = VECTOR // size
            vector, fast = ir.VectorType(kind, lanes), ("contract",)
            pairs = zip(signature.args[:3], arguments[:3], strict=True)
            arrays = [context.make_array(type_)(context, b, value) for type_, value in pairs]
            strides = [cgutils.unpack_tuple(b, array.strides, 2) for array in arrays]
            n_rows, depth = cgutils.unpack_tuple(b, arrays[0].shape, 2)
            row, column, add = arguments[3:]
            shift = b.mul(column, integer(size))

            def at(base, *offsets, type_):  # type: ignore[no-untyped-def]
                place = b.bitcast(base, cgutils.voidptr_t)
                for offset in offsets:
                    place = b.gep(place, [offset])
                return b.bitcast(place, type_.as_pointer())

            undefined = ir.Constant(vector, ir.Undefined)
            first = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
            factors, places, sums = [], [], []
            for r in range(rows):
                # Rows past the end repeat the last one; nobody reads their sums.
                i, last = b.add(row, integer(r)), b.sub(n_rows, integer(1))
                inside = b.select(b.icmp_signed("<", i, last), i, last)
                factors.append(at(arrays[0].data, b.mul(inside, strides[0][0]), type_=kind))
                base = at(arrays[2].data, b.mul(i, strides[2][0]), shift, type_=vector)
                for c in range(columns):
                    places.append(b.gep(base, [integer(c)]))
                    sums.append(cgutils.alloca_once(b, vector))
                    b.store(ir.Constant(vector, None), sums[-1])
            with b.if_then(add):
                for total, place in zip(sums, places, strict=True):
                    b.store(b.load(place, align=size), total)
            with cgutils.for_range(b, depth) as loop:
                offset = b.mul(loop.index, strides[1][0])
                base = at(arrays[1].data, shift, offset, type_=vector)
                others = [b.load(b.gep(base, [integer(c)]), align=size) for c in range(columns)]
                offset = b.mul(loop.index, strides[0][1])
                for r in range(rows):
                    factor = b.load(at(factors[r], offset, type_=kind))
                    factor = b.insert_element(undefined, factor, ir.IntType(32)(0))
                    factor = b.shuffle_vector(factor, undefined, first)
                    for c in range(columns):
                        total = sums[r * columns + c]
                        product = b.fmul(factor, others[c], flags=fast)
                        b.store(b.fadd(b.load(total), product, flags=fast), total)
            for total, place in zip(sums, places, strict=True):
                b.store(b.load(total), place, align=size)
            return context.get_dummy_value()

        integers = types.intp, types.intp, types.boolean
        return types.void(left, right, out, *integers), generate

    return multiply_block


_one, _two, _three = (_block(columns, BLOCKS[columns]) for columns in (1, 2, 3))
_ONE, _TWO, _THREE = (BLOCKS[columns] for columns in (1, 2, 3))


@njit(error_model="numpy", nogil=True, cache=True)
def multiply(left, right, out, add):  # type: ignore[no-untyped-def]
    """Multiply `left` (n, m), in any order, by `right` (m, p), into `out` (at least n, p).

    The rows of `right` are contiguous and of whole vectors (`padded`), `out` comes from `aligned`,
    and rows of it past n, up to a whole block, are overwritten. With `add`, the product is added to
    what is there. Raises ValueError if the shapes do not fit.
    """
    lanes = VECTOR // out.itemsize
    n_rows = -(-left.shape[0] // ROWS) * ROWS
    if left.shape[1] != right.shape[0] or right.shape[1] % lanes != 0:
        raise ValueError("left and right do not fit together, or right has no whole vectors")
    if out.shape[0] < n_rows or out.shape[1] != right.shape[1]:
        raise ValueError("out does not have the shape of the product, in whole blocks")
    column = 0
    while column < right.shape[1]:
        columns = (right.shape[1] - column) // lanes
        # A block of one column is slow: four are two pairs.
        if columns == 1:
            for row in range(0, left.shape[0], _ONE):
                _one(left, right, out, row, column, add)
            column += lanes
        elif columns == 2 or columns == 4:
            for row in range(0, left.shape[0], _TWO):
                _two(left, right, out, row, column, add)
            column += 2 * lanes
        else:
            for row in range(0, left.shape[0], _THREE):
                _three(left, right, out, row, column, add)
            column += 3 * lanes
