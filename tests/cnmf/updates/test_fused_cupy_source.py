"""The CUDA source without a GPU: compiled for devices by NVRTC, and run on the CPU as C++."""

import ctypes
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cnmf.updates import formula, fused_cupy

BETAS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]

# A CUDA thread is a thread, __syncthreads a barrier of all threads of a block, and memory that a
# block shares is static: blocks run one after the other.
EMULATION = r"""
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>
using std::log; using std::pow;
#define __device__
#define __global__
#define __shared__ static
struct Index { unsigned x, y; };
static thread_local Index threadIdx;
static Index blockIdx, blockDim, gridDim;
static std::barrier<>* together;
static void __syncthreads() { together->arrive_and_wait(); }
"""
LAUNCH = r"""
template <typename T>
static void launch(unsigned blocks, unsigned mixtures, unsigned threads, const T* x, T* y,
                   T* rising, double* sums, T beta, long long size) {
    gridDim = {blocks, mixtures};
    blockDim = {threads, 1};
    std::barrier<> all(threads);
    together = &all;
    for (unsigned m = 0; m < mixtures; m++)
        for (unsigned b = 0; b < blocks; b++) {
            blockIdx = {b, m};
            std::vector<std::thread> running;
            for (unsigned t = 0; t < threads; t++)
                running.emplace_back([=] {
                    threadIdx = {t, 0};
                    compare<T>(x, y, rising, sums, beta, size);
                });
            for (auto& one : running) one.join();
        }
}
extern "C" void run_float(unsigned b, unsigned m, unsigned t, const float* x, float* y, float* up,
                          double* sums, float beta, long long size) {
    launch<float>(b, m, t, x, y, up, sums, beta, size);
}
extern "C" void run_double(unsigned b, unsigned m, unsigned t, const double* x, double* y,
                           double* up, double* sums, double beta, long long size) {
    launch<double>(b, m, t, x, y, up, sums, beta, size);
}
"""


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ not present")
    folder = tmp_path_factory.mktemp("emulated")
    (folder / "kernel.cpp").write_text(EMULATION + fused_cupy.SOURCE + LAUNCH)
    command = [compiler, "-std=c++20", "-O1", "-pthread", "-shared", "-fPIC"]
    made = subprocess.run(
        [*command, "-o", folder / "kernel.so", folder / "kernel.cpp"],
        capture_output=True,
        text=True,
    )
    if "unrecognized command" in made.stderr or "barrier: No such" in made.stderr:
        pytest.skip("g++ is too old for C++20")
    assert made.returncode == 0, made.stderr
    return ctypes.CDLL(str(folder / "kernel.so"))


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-13), ("float32", 5e-6)])
@pytest.mark.parametrize("beta", BETAS)
def test_the_whole_kernel_is_the_formula(rng, emulated, beta, dtype, rtol):
    """Blocks of threads with barriers, more entries than threads, entries that fill no block."""
    x, y = rng.uniform(0.1, 3, (2, 2, 23, 31)).astype(dtype)
    if beta > 0:
        x[rng.random(x.shape) < 0.3] = 0
    n_blocks, size = 2, 23 * 31
    falling, rising, value = formula.compare(x, y, beta)
    down, up, sums = y.copy(), np.full_like(y, -1), np.full((2, n_blocks), np.nan)
    number = ctypes.c_float if dtype == "float32" else ctypes.c_double
    run = emulated.run_float if dtype == "float32" else emulated.run_double
    pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in (x, down, up, sums)]
    grid = n_blocks, 2, fused_cupy.N_THREADS
    run(*map(ctypes.c_uint, grid), *pointers, number(beta), ctypes.c_longlong(size))
    np.testing.assert_allclose(down, falling, rtol=rtol)
    np.testing.assert_allclose(up, -1 if rising is None else rising, rtol=rtol)
    np.testing.assert_allclose(sums.sum(axis=1), value, rtol=rtol * 10)


def nvrtc():
    """Load the compiler of CUDA from the wheel nvidia-cuda-nvrtc, or skip."""
    found = find_spec("nvidia")
    for folder in found.submodule_search_locations if found else ():
        for library in sorted(Path(folder).glob("*/lib/libnvrtc.so.*")):
            return ctypes.CDLL(str(library))
    pytest.skip("the wheel nvidia-cuda-nvrtc is not installed")


@pytest.mark.parametrize("architecture", [75, 80, 86, 90, 100])
def test_it_compiles_for_devices(architecture):
    library = nvrtc()
    program = ctypes.c_void_p()
    source = fused_cupy.SOURCE.encode()
    made = library.nvrtcCreateProgram(ctypes.byref(program), source, b"k.cu", 0, None, None)
    assert made == 0
    names = [b"compare<float>", b"compare<double>"]
    for name in names:
        assert library.nvrtcAddNameExpression(program, name) == 0
    options = [b"-std=c++17", f"--gpu-architecture=compute_{architecture}".encode()]
    result = library.nvrtcCompileProgram(program, 2, (ctypes.c_char_p * 2)(*options))
    length = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(length))
    log = ctypes.create_string_buffer(length.value)
    library.nvrtcGetProgramLog(program, log)
    assert result == 0, log.value.decode()
    for name in names:
        lowered = ctypes.c_char_p()
        assert library.nvrtcGetLoweredName(program, name, ctypes.byref(lowered)) == 0
    library.nvrtcGetPTXSize(program, ctypes.byref(length))
    code = ctypes.create_string_buffer(length.value)
    library.nvrtcGetPTX(program, code)
    assert code.value.count(b".entry") == 2
    assert f".target sm_{architecture}".encode() in code.value
    library.nvrtcDestroyProgram(ctypes.byref(program))
