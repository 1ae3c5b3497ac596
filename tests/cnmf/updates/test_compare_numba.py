import numpy as np
import pytest
from numba import njit

from cnmf.updates import formula as updates
from cnmf.updates.compare_numba import compare, log


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 2e-15), (np.float32, 4e-7)])
def test_logarithm(dtype, rtol):
    @njit
    def logs(x):
        return np.array([log(v) for v in x])

    x = np.exp(np.linspace(-80, 80, 20001)).astype(dtype)
    x = np.concatenate([x, np.linspace(0.5, 2, 20001, dtype=dtype)])
    exact = np.log(x.astype(np.longdouble))
    np.testing.assert_allclose(logs(x), exact, rtol=rtol, atol=1e-300)
    assert np.isfinite(logs(np.zeros(1, dtype))).all()
    assert log(2.0) == np.log(2.0)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0])
def test_the_compiled_comparison_is_the_readable_one(rng, beta, dtype, rtol):
    x, y = rng.uniform(0.1, 3, (2, 9, 35)).astype(dtype)
    if beta > 0:
        x[rng.random(x.shape) < 0.3] = 0
    falling, rising, value = updates.compare(x, y, beta)
    down, up = y.copy(), np.ones_like(y)
    np.testing.assert_allclose(compare(x, down, up, beta, True), value, rtol=rtol)
    for _ in range(2):
        np.testing.assert_allclose(down, falling, rtol=rtol)
        np.testing.assert_allclose(up, 1 if rising is None else rising, rtol=rtol)
        down, up = y.copy(), np.ones_like(y)
        compare(x, down, up, beta, False)
