import pytest

from deep import SigLIPDecoder


def test_a_preset_gives_what_is_left_to_it():
    given = SigLIPDecoder(batch_size=7, random_state=3).resolved()
    assert (given.batch_size, given.learning_rate, given.random_state) == (7, 5e-3, 3)
    assert SigLIPDecoder("thesis").resolved().kernels == (30, 20, 40)


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
