import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cocktailparty.metrics import si_sdr as reference_si_sdr
from deep.asam.network import Selected
from deep.asam.task import SelectionTask, si_sdr

RNG = np.random.default_rng(0)


class Fixed(eqx.Module):
    """Answers what it is told to, whatever it hears."""

    waveforms: jax.Array
    odds: jax.Array
    talkers: jax.Array

    def voice(self, cue, n_valid):
        return cue[:2] / jnp.linalg.norm(cue[:2])

    def magnitude(self, x):
        return jnp.abs(x.reshape(-1, 4))

    def __call__(self, mixture, voices):
        presence = jnp.full((len(voices), 3), self.odds)
        return Selected(self.waveforms, presence, jnp.full((len(voices), 4, 4), 0.5))


def batch(there=((1, 1),)):
    source = RNG.normal(size=(1, 2, 16)).astype(np.float32)
    return {
        "mixture": source.sum(1), "source": source, "cue": np.eye(2, dtype=np.float32)[None],
        "n_cue": np.full((1, 2), 2), "talker": np.array([[0, 1]]), "there": np.array(there),
    }  # fmt: skip


@eqx.filter_jit
def computed(task, model, data):
    loss, (_, metrics) = task(model, None, data, None)
    return loss, metrics


def loss_of(task, waveforms, data, odds=0.0):
    model = Fixed(jnp.asarray(waveforms), jnp.float32(odds), jnp.asarray(np.eye(2, dtype="f")))
    loss, metrics = computed(task, model, data)
    return float(loss), {name: float(value) for name, value in metrics.items()}


ONLY_RATIO = SelectionTask(speaker_weight=0.0, presence_weight=0.0)


def test_si_sdr_is_that_of_the_metrics():
    with jax.enable_x64(True):
        for gain in (1.0, -3.0):
            x, noise = RNG.normal(size=(2, 500))
            y = gain * (x + 0.9 * noise)
            # The metrics do not take the error of 30 dB less into account, which is left out here.
            expected = reference_si_sdr(x, y)
            found = float(si_sdr(jnp.asarray(x), jnp.asarray(y)))
            bounded = -10 * np.log10(10 ** (-expected / 10) + 1e-3)
            assert found == pytest.approx(bounded, abs=1e-6)


def test_every_talker_counts_under_its_own_cue():
    data = batch()
    source = data["source"][0]
    right, metrics = loss_of(ONLY_RATIO, source, data)
    swapped, _ = loss_of(ONLY_RATIO, source[::-1], data)
    assert right == pytest.approx(-30, abs=0.01)
    assert swapped > -10
    assert metrics["gain"] == pytest.approx(
        30 - np.mean([reference_si_sdr(s, data["mixture"][0]) for s in source]), abs=0.1
    )


def test_silence_is_wanted_of_who_is_silent():
    data = batch([[1, 0]])
    source = data["source"][0].copy()
    data["source"][0, 1] = 0
    loud, _ = loss_of(ONLY_RATIO, source, data)
    soft, _ = loss_of(ONLY_RATIO, source * [[1], [1e-3]], data)
    assert soft == pytest.approx(-30, abs=0.1)
    assert loud - soft > 10


def test_an_empty_place_counts_nothing():
    data = batch([[1, -1]])
    source = data["source"][0]
    task = SelectionTask()
    one, metrics = loss_of(task, source, data)
    other, same = loss_of(task, np.stack([source[0], 9 * source[0]]), data)
    assert one == other
    assert metrics == same


def test_presence_and_voices_are_learnt():
    data = batch([[1, 0]])
    task = SelectionTask(speaker_weight=0.0)
    ratio, _ = loss_of(ONLY_RATIO, data["source"][0], data)
    for odds in (0.0, 3.0):
        loss, metrics = loss_of(task, data["source"][0], data, odds)
        expected = (np.log1p(np.exp(-odds)) + np.log1p(np.exp(odds))) / 2
        assert metrics["presence"] == pytest.approx(expected, rel=1e-5)
        assert loss == pytest.approx(ratio + expected, rel=1e-5)
    # Of three who are there and one who is not, each side is half.
    data = {name: np.concatenate([x, x]) for name, x in data.items()}
    data["there"] = np.array([[1, 1], [1, 0]])
    _, metrics = loss_of(task, data["source"][0], data, 3.0)
    assert metrics["presence"] == pytest.approx(expected, rel=1e-5)
    data = batch([[1, 0]])
    ratio, _ = loss_of(ONLY_RATIO, data["source"][0], data)
    named = SelectionTask(presence_weight=0.0)
    loss, metrics = loss_of(named, data["source"][0], data)
    assert metrics["voices"] == 1
    assert loss == pytest.approx(ratio + np.log1p(np.exp(-15)), rel=1e-5)
    data["talker"] = np.array([[0, -1]])
    assert loss_of(named, data["source"][0], data)[1]["voices"] == 1


def test_padding_adds_nothing_to_the_error_of_magnitudes():
    task = SelectionTask("magnitude", speaker_weight=0.0, presence_weight=0.0)
    data = batch()
    loss, _ = loss_of(task, data["source"][0], data)
    frames = data["source"].reshape(1, 2, 4, 4)
    mixture = np.abs(data["mixture"].reshape(1, 1, 4, 4))
    assert loss == pytest.approx(np.square(0.5 * mixture - np.abs(frames)).mean(), rel=1e-5)
    data["mixture"][:, 8:], data["source"][:, :, 8:] = 0, 0
    loss, _ = loss_of(task, data["source"][0], data)
    assert loss == pytest.approx(
        np.square(0.5 * mixture - np.abs(frames))[:, :, :2].mean(), rel=1e-5
    )
