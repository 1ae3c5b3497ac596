import equinox as eqx
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from deep.layers import Conv1d, Conv2d, DepthwiseConv1d
from tests.deep.gradients import check_gradient

KEY = jax.random.key(0)
apply = jax.jit(lambda layer, x: layer(x))


def formula(x, layer, padding):
    """Sum over inputs of cross-correlations, with zeros around."""
    weight, bias = np.asarray(layer.weight), np.asarray(layer.bias)
    n_axes = x.ndim - 1
    x = np.pad(x, [*padding, (0, 0)])
    y = np.stack(
        [
            sum(
                correlate(x[..., i], weight[..., i, o], mode="valid", method="direct")
                for i in range(x.shape[-1])
            )
            for o in range(len(bias))
        ],
        axis=-1,
    )
    return y[tuple(slice(None, None, s) for s in layer.stride[:n_axes])] + bias


def same(size):
    return ((size - 1) // 2, size - 1 - (size - 1) // 2)


@settings(max_examples=8)
@given(
    n_times=st.integers(5, 12), size=st.integers(1, 5), n_in=st.integers(1, 3),
    n_out=st.integers(1, 3), stride=st.integers(1, 2),
)  # fmt: skip
def test_convolution_over_time_is_the_formula(n_times, size, n_in, n_out, stride):
    layer = Conv1d(n_in, n_out, size, stride=stride, key=KEY)
    x = np.random.default_rng(0).normal(size=(n_times, n_in)).astype(np.float32)
    y = apply(layer, x)
    assert y.shape == (-(-n_times // stride), n_out)
    np.testing.assert_allclose(y, formula(x, layer, [same(size)]), atol=1e-5)


def test_convolution_over_time_and_frequency_is_the_formula(rng):
    x = rng.normal(size=(6, 7, 2)).astype(np.float32)
    layer = Conv2d(2, 3, (3, 4), stride=(1, 2), key=KEY)
    np.testing.assert_allclose(layer(x), formula(x, layer, [same(3), same(4)]), atol=1e-5)
    layer = Conv2d(2, 3, 3, padding=0, key=KEY)
    np.testing.assert_allclose(layer(x), formula(x, layer, [(0, 0), (0, 0)]), atol=1e-5)


@pytest.mark.parametrize(("size", "stride", "padding"), [(4, 1, None), (5, 1, None), (6, 2, 2)])
def test_it_is_torch_s(rng, size, stride, padding):
    torch = pytest.importorskip("torch")
    layer = Conv1d(3, 2, size, stride=stride, padding=padding, key=KEY)
    around = same(size) if padding is None else (padding, padding)
    x = rng.normal(size=(11, 3)).astype(np.float32)
    expected = torch.nn.functional.conv1d(
        torch.nn.functional.pad(torch.tensor(x.T[None]), around),
        torch.tensor(np.transpose(layer.weight, (2, 1, 0)).copy()),
        torch.tensor(np.asarray(layer.bias).copy()),
        stride=stride,
    )
    np.testing.assert_allclose(layer(x), expected[0].numpy().T, atol=1e-5)


def test_gradient_is_that_of_finite_differences(rng):
    x = rng.normal(size=(6, 5, 2))
    check_gradient(lambda t: t[0](t[1][0]), lambda: (Conv1d(2, 3, 4, key=KEY), x))
    check_gradient(lambda t: t[0](t[1]), lambda: (Conv2d(2, 3, (3, 2), key=KEY), x))


def test_initial_weights_are_uniform_and_of_the_size_of_the_fan_in():
    layer = Conv2d(4, 64, 5, key=KEY)
    bound = 1 / np.sqrt(4 * 25)
    weight = np.asarray(layer.weight)
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    assert Conv2d(4, 64, 5, use_bias=False, key=KEY).bias is None


@pytest.mark.parametrize(("size", "dilation"), [(3, 1), (3, 4), (4, 3)])
def test_dilated_kernels_take_samples_apart(rng, size, dilation):
    x = rng.normal(size=(30, 2)).astype(np.float32)
    layer = Conv1d(2, 3, size, dilation=dilation, key=jax.random.key(0))
    wide = np.zeros((dilation * (size - 1) + 1, 2, 3), np.float32)
    wide[::dilation] = layer.weight
    plain = Conv1d(2, 3, len(wide), key=jax.random.key(0))
    plain = eqx.tree_at(lambda m: (m.weight, m.bias), plain, (wide, layer.bias))
    assert layer(x).shape == (30, 3)
    np.testing.assert_allclose(layer(x), plain(x), atol=1e-5)


@pytest.mark.parametrize(("size", "dilation"), [(3, 1), (4, 2)])
def test_depthwise_is_a_convolution_of_each_feature(rng, size, dilation):
    x = rng.normal(size=(20, 3)).astype(np.float32)
    layer = DepthwiseConv1d(3, size, dilation, key=jax.random.key(0))
    y = layer(x)
    for k in range(3):
        one = Conv1d(1, 1, size, dilation=dilation, key=jax.random.key(0))
        weights = layer.weight[:, k].reshape(size, 1, 1), layer.bias[k : k + 1]
        one = eqx.tree_at(lambda m: (m.weight, m.bias), one, weights)
        np.testing.assert_allclose(y[:, k], one(x[:, k : k + 1])[:, 0], atol=1e-5)
