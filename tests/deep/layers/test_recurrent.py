import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deep.layers import BidirectionalLSTM
from tests.deep.gradients import check_gradient

KEY = jax.random.key(0)
made = jax.jit(BidirectionalLSTM, static_argnums=(0, 1, 2))
apply = jax.jit(lambda layer, *inputs: layer(*inputs))


@pytest.fixture(scope="module")
def layer():
    return made(3, 4, key=KEY)


@pytest.fixture
def x(rng):
    return rng.normal(size=(6, 3)).astype(np.float32)


def test_it_is_equinox_s_cell_in_both_directions(layer, x):
    cell = eqx.nn.LSTMCell(3, 4, key=KEY)
    halves = []
    for d, order in enumerate((range(6), range(5, -1, -1))):
        one = eqx.tree_at(
            lambda c: (c.weight_ih, c.weight_hh, c.bias),
            cell,
            (layer.inputs[d].T, layer.recurrent[d].T, layer.bias[d]),
        )
        one = eqx.filter_jit(one)
        memory, outputs = (jnp.zeros(4), jnp.zeros(4)), {}
        for t in order:
            memory = one(x[t], memory)
            outputs[t] = memory[0]
        halves.append(np.stack([outputs[t] for t in range(6)]))
    np.testing.assert_allclose(apply(layer, x), np.concatenate(halves, axis=1), atol=1e-6)


def test_it_is_torch_s(layer, x):
    torch = pytest.importorskip("torch")
    other = torch.nn.LSTM(3, 4, bidirectional=True, batch_first=True)
    with torch.no_grad():
        for d, end in enumerate(("l0", "l0_reverse")):
            for name, ours in (
                ("weight_ih", layer.inputs[d].T),
                ("weight_hh", layer.recurrent[d].T),
                ("bias_ih", layer.bias[d]),
                ("bias_hh", 0 * layer.bias[d]),
            ):
                getattr(other, f"{name}_{end}").copy_(torch.tensor(np.array(ours)))
        expected = other(torch.tensor(x[None]))[0][0].numpy()
    np.testing.assert_allclose(apply(layer, x), expected, atol=1e-6)


def test_padding_changes_nothing_and_gets_no_gradient(layer, x):
    padded = np.concatenate([x, np.full((3, 3), 7, np.float32)])
    mask = np.arange(9) < 6

    def total(layer, x, mask):
        return jnp.square(layer(x, mask)[:6]).sum()

    gradient = jax.jit(jax.grad(total, argnums=(0, 1)))
    np.testing.assert_allclose(apply(layer, padded, mask)[:6], apply(layer, x), atol=1e-6)
    (expected, _), (found, of_inputs) = (
        gradient(layer, inputs, m) for inputs, m in ((x, np.ones(6, bool)), (padded, mask))
    )
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert not np.asarray(of_inputs[6:]).any()


def test_gates_can_be_of_another_kind(x):
    def hard(z):
        return jnp.clip(0.2 * z + 0.5, 0, 1)

    layer = made(3, 4, hard, key=KEY)
    z = x[0] @ np.asarray(layer.inputs[0]) + np.asarray(layer.bias[0])
    i, _, g, o = np.split(z, 4)
    expected = hard(o) * np.tanh(hard(i) * np.tanh(g))
    np.testing.assert_allclose(apply(layer, x)[0, :4], expected, atol=1e-6)


def test_initial_weights(layer):
    for gate in np.split(np.asarray(layer.recurrent[1]), 4, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(4), atol=1e-5)
    assert layer.bias.reshape(2, 4, 4)[:, 1].tolist() == [[1] * 4] * 2
    assert layer.bias.sum() == 8
    wide = np.asarray(made(40, 50, key=KEY).inputs)
    assert wide.std() == pytest.approx(np.sqrt(2 / 90), rel=0.03)
    shapes = jax.eval_shape(lambda key: BidirectionalLSTM(129, 30, key=key), KEY)
    assert sum(a.size for a in jax.tree.leaves(shapes)) == 38400


def test_gradient_is_that_of_finite_differences(rng):
    x = rng.normal(size=(4, 2))
    check_gradient(lambda t: t[0](t[1]), lambda: (BidirectionalLSTM(2, 2, key=KEY), x))
