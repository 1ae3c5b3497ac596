import equinox as eqx
import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from deep.audio.log_mel import mel_filters
from deep.contrastive.panns import front_of
from deep.contrastive.weights import _places as places
from deep.contrastive.weights import published_layout, rate_of, read_weights, with_weights
from tests.deep.contrastive.test_panns import tiny
from tests.deep.contrastive.torchlike import text, write


@pytest.fixture
def model():
    return tiny(n_tags=5)


@pytest.fixture
def arrays(model, rng):
    """Weights of a tiny network in the layout of the published files."""
    return {
        name: rng.normal(size=shape).astype(np.float32)
        for name, (shape, _) in places(model[0]).items()
    }


def test_the_layout_is_that_of_the_files():
    layout = published_layout("cnn10")
    assert layout["conv_block4.conv2.weight"] == (512, 512, 3, 3)
    assert layout["bn0.running_var"] == (64,)
    assert layout["fc_audioset.weight"] == (527, 512)
    assert len(layout) == 4 + 4 * (2 + 8) + 4
    assert "conv_block1.bn2.weight" not in published_layout("cnn6")
    assert len(published_layout("cnn14")) == 4 + 6 * (2 + 8) + 4
    with pytest.raises(ValueError, match="backbone must be one of"):
        published_layout("cnn7")


@pytest.mark.parametrize("container", ["zip", "old", "safetensors"])
def test_weights_come_from_every_kind_of_file(tmp_path, model, arrays, container):
    extra = {"bn0.num_batches_tracked": np.array(9), "logmel_extractor.melW": np.zeros((513, 64))}
    path = tmp_path / ("w.safetensors" if container == "safetensors" else "w.pth")
    if container == "safetensors":
        save_file(arrays, path)
    else:
        wrap = lambda tree: b"}" + text("model") + tree + b"s"  # noqa: E731
        write(path, arrays | extra, container, wrap)
    found = read_weights(path)
    new, state = with_weights(*model, found, "cnn6", "w.pth")
    kernel = arrays["conv_block2.conv1.weight"]  # (outputs, inputs, times, bands)
    assert np.array_equal(new.blocks[1].convolutions[0].weight, kernel.transpose(2, 3, 1, 0))
    assert np.array_equal(new.dense.weight, arrays["fc1.weight"].T)
    assert np.array_equal(new.tags.bias, arrays["fc_audioset.bias"])
    mean, variance = state.get(new.blocks[3].norms[0].index)
    assert np.array_equal(mean, arrays["conv_block4.bn1.running_mean"])
    assert np.array_equal(variance, arrays["conv_block4.bn1.running_var"])
    # All of it is new: nothing of the network keeps its first numbers.
    for old, now in zip(jax.tree.leaves(model[0]), jax.tree.leaves(new), strict=True):
        if eqx.is_array(old):
            assert not np.array_equal(old, now)


def test_one_convolution_is_that_of_the_file(model, arrays, rng):
    """Time and frequency are not turned: a hand-written correlation says the same."""
    new, _ = with_weights(*model, arrays, "cnn6", "w.pth")
    x = rng.normal(size=(6, 7)).astype(np.float32)
    ours = np.asarray(new.blocks[0].convolutions[0](x[..., None]))
    kernel = arrays["conv_block1.conv1.weight"][2, 0]
    padded = np.pad(x, 2)
    theirs = [[(padded[i : i + 5, j : j + 5] * kernel).sum() for j in range(7)] for i in range(6)]
    np.testing.assert_allclose(ours[..., 2], theirs, atol=1e-4)


def test_weights_of_another_network_are_refused_by_name(model, arrays):
    del arrays["fc1.bias"]
    arrays["conv_block1.conv2.weight"] = np.zeros((4, 4, 3, 3))
    arrays["bn0.weight"] = np.zeros(64)
    message = (
        r"w.pth does not hold the weights of cnn6: missing fc1.bias, unknown "
        r"conv_block1.conv2.weight, of another shape bn0.weight \(64,\) and not \(16,\)"
    )
    with pytest.raises(ValueError, match=message):
        with_weights(*model, arrays, "cnn6", "w.pth")


def test_the_rate_is_that_of_the_mel_filters():
    assert rate_of({}, "w") == 32000
    for sfreq in (32000, 16000):
        front = front_of(sfreq, published=True)
        filters = mel_filters(*(front[k] for k in ("sfreq", "n_fft", "n_mels", "f_min", "f_max")))
        assert rate_of({"logmel_extractor.melW": filters}, "w") == sfreq
    with pytest.raises(ValueError, match=r"w has mel filters of shape \(513, 64\) that are not"):
        rate_of({"logmel_extractor.melW": np.zeros((513, 64))}, "w")


def test_files_that_are_no_weights(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_weights(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="cannot be read into NumPy as safetensors"):
        read_weights(path)
