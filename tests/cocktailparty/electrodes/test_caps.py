import numpy as np
import pytest

from cocktailparty.electrodes.caps import on_cap
from cocktailparty.electrodes.montages import locate, places_of
from cocktailparty.trial import Trial


def trial(names, rng) -> Trial:
    return Trial(rng.normal(size=(64, len(names))), None, 64, channel_names=names)


def test_a_cap_without_some_of_its_channels_keeps_its_places(rng) -> None:
    # By their names alone, these would be channels of several caps.
    names = ["A1", "A3", "B7", "D32"]
    with pytest.raises(ValueError, match="several BioSemi caps"):
        places_of([trial(names, rng)])
    placed = on_cap(trial(names, rng), "biosemi128")
    np.testing.assert_array_equal(placed.channel_positions, locate(names, "biosemi128").positions)
    assert placed.provenance["positions"] == "the montage 'biosemi128', the cap of the data set"


def test_external_channels_have_no_place(rng) -> None:
    placed = on_cap(trial(["Cz", "EXG1"], rng), "biosemi64")
    assert np.isnan(placed.channel_positions).any(axis=1).tolist() == [False, True]
    alone = trial(["EXG1", "EXG2"], rng)
    assert on_cap(alone, "biosemi64") is alone
