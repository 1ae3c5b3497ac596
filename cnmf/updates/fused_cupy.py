"""The updates of `cnmf.updates` on a GPU.

The matrix products are left to cuBLAS, batched over mixtures. Between them, one kernel reads the
spectrogram and its model once, and writes both parts of the derivative and the divergence. The
algebra around it is that of `cnmf.updates` itself. No step waits for the GPU.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from cnmf.updates.formula import extrapolate, update_activations, update_components

__all__ = ["compare", "extrapolate", "update_activations", "update_components", "workspace"]

# Threads in a block, and blocks for each mixture at most. Sums are taken in a fixed order, so that
# the same input gives the same bits.
N_THREADS, N_BLOCKS = 256, 512

# One entry of the comparison, as `cnmf.updates.formula.compare` has it. With the kernel below it is
# also valid C++: tests run both on the CPU.
FORMULA = r"""
template <typename T>
__device__ inline double compare_entry(T x, T y, T beta, T* falling, T* rising) {
    const T one = 1;
    if (beta == one) {
        const T r = x / y;
        *falling = r;
        return (x > 0 ? x * log(r) : 0) - x + y;
    }
    if (beta == 0) {
        const T r = x / y;
        *rising = one / y;
        *falling = r / y;
        return r - log(r) - one;
    }
    if (beta == 2) {
        *falling = x;
        *rising = y;
        return (x - y) * (x - y) / 2;
    }
    const T power = pow(y, beta - 2);
    *falling = x * power;
    *rising = y * power;
    return (pow(x, beta) - y * y * power) / (beta * (beta - one))
           - (x - y) * y * power / (beta - one);
}
"""

KERNEL = r"""
template <typename T>
__global__ void compare(const T* x, T* y, T* rising, double* sums, T beta, long long size) {
    __shared__ double shared[N_THREADS];
    const long long offset = blockIdx.y * size;
    double sum = 0;
    T unused;
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size;
         i += (long long)gridDim.x * blockDim.x) {
        T* up = beta == 1 ? &unused : rising + offset + i;
        sum += compare_entry<T>(x[offset + i], y[offset + i], beta, y + offset + i, up);
    }
    shared[threadIdx.x] = sum;
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    }
    if (threadIdx.x == 0) sums[blockIdx.y * gridDim.x + blockIdx.x] = shared[0];
}
"""

SOURCE = f"#define N_THREADS {N_THREADS}\n{FORMULA}{KERNEL}"


def workspace() -> AbstractContextManager[Any]:
    """Context manager around all steps of a factorisation; its value is the fused comparison."""
    return nullcontext(compare)


def compare(x: Any, y: Any, beta: float) -> tuple[Any, Any, Any]:
    """Compare a spectrogram with its model, as `cnmf.updates.formula.compare`; overwrites it."""
    import cupy

    x, y = cupy.ascontiguousarray(x), cupy.ascontiguousarray(y)
    *batch, n_frames, n_freqs = x.shape
    size, n_mixtures = n_frames * n_freqs, x.size // (n_frames * n_freqs)
    n_blocks = min(N_BLOCKS, -(-size // N_THREADS))
    rising = None if beta == 1 else cupy.empty_like(y)
    sums = cupy.empty((n_mixtures, n_blocks))
    arguments = x, y, y if rising is None else rising, sums, x.dtype.type(beta), size
    _kernel(x.dtype.name)((n_blocks, n_mixtures), (N_THREADS,), arguments)
    return y, rising, cupy.sum(sums, axis=1).reshape(batch)


@cache
def _kernel(dtype: str) -> Any:
    import cupy

    name = f"compare<{'float' if dtype == 'float32' else 'double'}>"
    module = cupy.RawModule(code=SOURCE, name_expressions=(name,), options=("-std=c++17",))
    return module.get_function(name)
