import numpy as np
import pytest

from deep.layers.pooling import average_pool, mean_and_max


@pytest.mark.parametrize("shape", [(6, 4, 3), (7, 5, 2), (2, 3, 1)])
def test_averages_are_those_of_full_blocks(rng, shape):
    x = rng.normal(size=shape).astype(np.float32)
    n, m = shape[0] // 2, shape[1] // 2
    expected = [
        [x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean((0, 1)) for j in range(m)] for i in range(n)
    ]
    np.testing.assert_allclose(average_pool(x, (2, 2)), expected, atol=1e-6)
    assert average_pool(x, (1, 1)) is x


def test_mean_and_largest_over_times_of_means_over_frequencies(rng):
    x = rng.normal(size=(5, 4, 3)).astype(np.float32)
    means = x.mean(1)
    np.testing.assert_allclose(mean_and_max(x), means.mean(0) + means.max(0), atol=1e-6)
