import jax
import jax.numpy as jnp
import pytest

from deep import SigLIPDecoder, Training
from deep.siglip.networks.thesis import ThesisNetwork
from deep.siglip.presets import KERNELS, PRESETS, THESIS_SPACE


def test_the_space_has_fifteen_lists_of_kernels_each_once():
    assert len(KERNELS) == len(set(KERNELS)) == 15
    assert THESIS_SPACE["kernels"]["choices"] == KERNELS
    assert PRESETS["thesis"]["kernels"] in KERNELS


@pytest.mark.parametrize("kernels", KERNELS)
def test_every_list_of_kernels_makes_a_network(kernels):
    """The reconstructor has them in reverse order, and all of them keep the length."""

    def outputs(key):
        network = ThesisNetwork(4, 2, 1, kernels=kernels, key=key)
        for stack, order in (("eeg_encoder", 1), ("sound_encoder", 1), ("reconstructor", -1)):
            blocks = getattr(network, stack).blocks
            assert [len(block.convolution.weight) for block in blocks] == list(kernels[::order])
        x = jnp.zeros((64, 8))
        for block in network.eeg_encoder.blocks:
            x = block.convolution(x)
        return x

    assert jax.eval_shape(outputs, jax.random.key(0)).shape == (64, 8)


def test_the_space_is_made_of_settings_that_the_decoder_has():
    parameters = SigLIPDecoder().get_params()
    for name, space in THESIS_SPACE.items():
        assert name in parameters
        assert set(space) in ({"choices"}, {"log_range"})
    for values in PRESETS.values():
        assert set(values) <= set(parameters)
    # Whatever a preset gives is left to it by default.
    assert all(parameters[name] is None for name in PRESETS["thesis"])


def test_settings_that_are_given_win_over_the_preset():
    resolved = SigLIPDecoder(
        "thesis", training=Training(learning_rate=0.5), random_state=3
    ).resolved()
    assert resolved.training.learning_rate == 0.5
    assert resolved.training.optimizer == "adamax"
    assert resolved.random_state == 3


def test_a_preset_gives_what_is_left_to_it():
    given = SigLIPDecoder(training=Training(batch_size=7), random_state=3).resolved()
    settings = given.training
    assert (settings.batch_size, settings.learning_rate, given.random_state) == (7, 5e-3, 3)
    assert SigLIPDecoder("thesis").resolved().kernels == (30, 20, 40)


def test_stacked_is_a_lasting_name_of_the_default():
    stacked, default = SigLIPDecoder("stacked", random_state=3), SigLIPDecoder(random_state=3)
    assert stacked.architecture is default.architecture
    settings = stacked.resolved().get_params(deep=False)
    expected = default.resolved().get_params(deep=False)
    assert settings.pop("training").get_params() == expected.pop("training").get_params()
    assert settings == expected | {"preset": "stacked"}


def test_channels_are_silenced_only_where_something_sees_them():
    with pytest.raises(ValueError, match=r"channel_dropout=0\.2 has nothing to act on"):
        SigLIPDecoder(channel_dropout=0.2).resolved()
    SigLIPDecoder(channel_dropout=0.2, eeg_gain=0.005).resolved()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "best"}, "preset must be one of"),
        ({"network": "deep"}, "network must be one of"),
        ({"overlap": 1.0}, "overlap must be at least 0"),
        ({"tmax": -0.1}, "tmax must not be negative"),
        ({"eeg_dropout": 1.0}, "eeg_dropout must be at least 0"),
    ],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        SigLIPDecoder(**options).resolved()
