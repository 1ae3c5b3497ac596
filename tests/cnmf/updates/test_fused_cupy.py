import shutil
import subprocess

import numpy as np
import pytest

from cnmf.solver import solve
from cnmf.updates import formula as updates
from cnmf.updates import fused_cupy as updates_cupy
from cocktailparty.backend import gpu_available, to_device, to_numpy

BETAS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc not present")
@pytest.mark.parametrize("dtype", ["float", "double"])
def test_the_kernel_compiles(tmp_path, dtype):
    source = tmp_path / "compare.cu"
    signature = f"const {dtype}*, {dtype}*, {dtype}*, double*, {dtype}, long long"
    source.write_text(
        f"{updates_cupy.SOURCE}\ntemplate __global__ void compare<{dtype}>({signature});\n"
    )
    command = ["nvcc", "-std=c++17", "--ptx", "-Werror", "all-warnings", "-o"]
    subprocess.run([*command, tmp_path / "compare.ptx", source], check=True, capture_output=True)
    assert ".entry" in (tmp_path / "compare.ptx").read_text()


def test_the_algebra_is_that_of_the_readable_updates():
    assert updates_cupy.update_activations is updates.update_activations
    assert updates_cupy.update_components is updates.update_components
    with updates_cupy.workspace() as workspace:
        assert workspace is updates_cupy.compare


@pytest.mark.skipif(not gpu_available(), reason="no CUDA GPU")
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-10), ("float32", 1e-4)])
@pytest.mark.parametrize("beta", BETAS)
def test_fifty_iterations_agree_with_the_cpu(problem, beta, dtype, rtol):
    p = problem(n_frames=300, n_freqs=100, n_components=6, beta=beta, dtype=dtype, positive=True)
    expected = solve(*p, 50, 0.0, updates=updates)
    moved = {
        name: to_device(value, "cuda") if isinstance(value, np.ndarray) else value
        for name, value in vars(p.objective).items()
    }
    arrays = [to_device(part, "cuda") for part in p[:3]]
    found = solve(*arrays, type(p.objective)(**moved), 50, 0.0)
    model = to_numpy(found.activations @ found.components)
    other = expected.activations @ expected.components
    np.testing.assert_allclose(model, other, rtol=0, atol=rtol * other.max())
    np.testing.assert_allclose(to_numpy(found.costs), expected.costs, rtol=max(rtol, 2e-4))
