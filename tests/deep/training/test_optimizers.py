import jax
import numpy as np
import optax
import pytest

from deep.training.optimizers import OPTIMIZERS, SCHEDULES, Optimizer

TORCH = {
    "adam": "Adam", "adamax": "Adamax", "adamw": "AdamW", "momentum": "SGD", "sgd": "SGD",
}  # fmt: skip


def descended(optimizer, gradients, x, n_steps=100):
    transformation = optimizer.build(n_steps)
    state, update = transformation.init(x), jax.jit(transformation.update)
    path = []
    for gradient in gradients:
        step, state = update(gradient, state, x)
        x = optax.apply_updates(x, step)
        path.append(x)
    return np.stack(path)


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("weight_decay", [0, 0.3])
def test_steps_are_those_of_torch(rng, name, weight_decay):
    torch = pytest.importorskip("torch")
    x = rng.normal(size=3).astype(np.float32)
    gradients = rng.normal(size=(5, 3)).astype(np.float32)
    weight = torch.nn.Parameter(torch.tensor(x))
    more = {"momentum": 0.9} if name == "momentum" else {}
    other = getattr(torch.optim, TORCH[name])([weight], lr=0.1, weight_decay=weight_decay, **more)
    expected = []
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        other.step()
        expected.append(weight.detach().numpy().copy())
    ours = descended(Optimizer(name, 0.1, weight_decay=weight_decay), gradients, x)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "gradient", "expected"),
    [
        ("sgd", 1, lambda x: x - 0.1 * (1 + 0.5 * x)),
        ("adamw", 0, lambda x: x - 0.1 * 0.5 * x),
        # Through the gradient: the first step has the size of the rate, whatever the weight.
        ("adam", 0, lambda x: x - 0.1 * np.sign(x)),
    ],
)
def test_weights_decay_through_the_gradient_or_beside_it(name, gradient, expected):
    x = np.float32([1, -2])
    path = descended(Optimizer(name, 0.1, weight_decay=0.5), np.full((1, 2), gradient), x)
    np.testing.assert_allclose(path[0], expected(x), rtol=1e-5)


def test_nadam_is_the_one_without_a_schedule_of_the_momentum(rng):
    """From the formula of Optax; that of Dozat and PyTorch begins with 1.06 times the rate."""
    gradients = rng.normal(size=(4, 3))
    x, m, v, expected = np.zeros(3), 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        ahead = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
        x = x - 0.1 * ahead / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        expected.append(x)
    path = descended(Optimizer("nadam", 0.1), gradients.astype(np.float32), np.zeros(3, np.float32))
    np.testing.assert_allclose(path, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.abs(path[0]), 0.1 * (1 + 9 / 19), rtol=1e-4)  # 1.47 times


def test_schedules_and_clipping_reach_the_steps():
    x, gradients = np.zeros(2, np.float32), np.tile(np.float32([3, 4]), (4, 1))
    path = descended(Optimizer("sgd", 0.1, "cosine", clip_norm=1.0), gradients, x, n_steps=3)
    rates = [0.1 * (1 + np.cos(np.pi * s / 3)) / 2 for s in range(4)]
    np.testing.assert_allclose(path, -np.cumsum(rates)[:, None] * [0.6, 0.8], atol=1e-6)
    path = descended(Optimizer("sgd", 0.1, clip_norm=6.0), gradients, x)
    np.testing.assert_allclose(path[-1], [-1.2, -1.6], rtol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1]),
        ("cosine", [1, (1 + np.cos(np.pi / 40)) / 2, 0.5, 0]),
        ("warmup-cosine", [0, 0.5, (1 + np.cos(np.pi * 0.45 / 0.95)) / 2, 0]),
        (lambda share: (1 + 10 * share) ** -0.75, [1, 1.25**-0.75, 6**-0.75, 11**-0.75]),
    ],
)
def test_learning_rates(schedule, factors):
    rates = [Optimizer(learning_rate=2.0, schedule=schedule).rate(s, 40) for s in (0, 1, 20, 40)]
    np.testing.assert_allclose(rates, 2 * np.array(factors), atol=1e-6)
    assert set(SCHEDULES) == {"constant", "cosine", "warmup-cosine"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_name_goes_downhill(name):
    x = np.float32([1, -2])
    path = descended(Optimizer(name, 0.01), np.tile(x, (3, 1)), x)
    assert (np.diff(np.abs([x, *path]), axis=0) < 0).all()


def test_a_function_takes_the_place_of_a_name():
    x, gradients = np.zeros(1, np.float32), np.ones((1, 1), np.float32)
    path = descended(Optimizer(lambda rate: optax.sgd(2 * rate), 0.1), gradients, x)
    assert path[0, 0] == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "adm"}, "optimizer must be one of .*'adam'.* or a function, got 'adm'"),
        ({"schedule": "cos"}, "schedule must be one of .*'cosine'.*got 'cos'"),
        ({"learning_rate": 0}, "learning_rate must be positive, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
        ({"weight_decay": -1}, "weight_decay must not be negative, got -1"),
        ({"clip_norm": 0.0}, r"clip_norm must be positive, got 0\.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Optimizer(**options)


def test_arrays_have_their_own_factor_of_the_rate():
    x = {"encoder": {"a": np.ones(2, np.float32)}, "last": np.ones(3, np.float32)}
    gradient = jax.tree.map(np.ones_like, x)
    for name in ("sgd", "adam", "adamw"):
        plain = Optimizer(name, 0.1, weight_decay=0.5).build(0)
        scaled = Optimizer(
            name, 0.1, weight_decay=0.5, factors=(("encoder.", 0.25), ("encoder", 9), ("no", 7))
        ).build(0)
        before, _ = plain.update(gradient, plain.init(x), x)
        after, _ = scaled.update(gradient, scaled.init(x), x)
        np.testing.assert_allclose(after["encoder"]["a"], 0.25 * before["encoder"]["a"], rtol=1e-6)
        np.testing.assert_array_equal(after["last"], before["last"])
    with pytest.raises(ValueError, match="the factor of 'encoder' must not be negative, got -1"):
        Optimizer(factors=(("encoder", -1),))
