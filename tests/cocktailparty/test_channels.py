import numpy as np
import pytest

from cocktailparty.channels import choose_channels
from cocktailparty.preprocessing import preprocess
from cocktailparty.suspicions import RecordingWarning
from cocktailparty.trial import Trial

NAMES = ["Fz", "Cz", "M1", "M2"]


@pytest.fixture
def trial(rng):
    return Trial(
        rng.normal(size=(100, 4)),
        None,
        64,
        channel_names=NAMES,
        channel_positions=0.05 * rng.normal(size=(4, 3)),
        provenance={"reference": "Cz"},
    )


def test_channels_are_picked_in_the_wanted_order(trial):
    (picked,) = choose_channels([trial], ["M2", "Fz"])
    np.testing.assert_array_equal(picked.eeg, trial.eeg[:, [3, 0]])
    np.testing.assert_array_equal(picked.channel_positions, trial.channel_positions[[3, 0]])
    assert picked.channel_names == ("M2", "Fz")
    assert picked.provenance["reference"] == "Cz"


def test_references(trial):
    (average,) = choose_channels([trial], ["Fz", "Cz", "M1"], "average")
    np.testing.assert_allclose(average.eeg.mean(axis=1), 0, atol=1e-15)
    assert average.provenance["reference"] == "average"
    (mastoids,) = choose_channels([trial], reference=["M1", "M2"])
    expected = trial.eeg[:, :2] - trial.eeg[:, 2:].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(mastoids.eeg, expected)
    assert mastoids.channel_names == ("Fz", "Cz")
    assert mastoids.provenance["reference"] == "mean of M1, M2"


def test_a_reference_needs_no_names(rng):
    (average,) = choose_channels([Trial(rng.normal(size=(9, 2)), None, 64)], reference="average")
    np.testing.assert_allclose(average.eeg.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"picks": "mag"}, "hold EEG only"),
        ({"picks": ["Oz"]}, r"\['Oz'\] are not in the trials"),
        ({"reference": ["Oz"]}, r"\['Oz'\] are not in the trials"),
        ({"picks": ["M1"], "reference": ["M1"]}, "leaves no channel"),
        ({"reference": "rest"}, "must be 'average'"),
    ],
)
def test_what_cannot_be_chosen_is_refused(trial, arguments, message):
    with pytest.raises(ValueError, match=message):
        choose_channels([trial], **arguments)


def test_names_that_are_not_known_are_said_to_be(rng):
    with pytest.raises(ValueError, match="do not know the names"):
        choose_channels([Trial(rng.normal(size=(9, 2)), None, 64)], ["Fz"])


def test_a_channel_that_is_far_too_large_is_told_before_the_average_spreads_it(rng):
    eeg = rng.normal(size=(1280, 5))
    eeg[:, 3] *= 1000
    trial = Trial(eeg, None, 64)
    with pytest.warns(
        RecordingWarning, match=r"channel\(s\) \['3'\] are more than 20 times"
    ) as caught:
        first, _ = choose_channels([trial, trial], reference="average")
    assert len(caught) == 1
    assert len(first.provenance["warnings"]) == 1
    # Without it, the channels are alike.
    assert "warnings" not in preprocess([trial.replace(eeg=eeg[:, :3])])[0].provenance
