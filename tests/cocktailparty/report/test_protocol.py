import json

import pytest
from sklearn.model_selection import KFold

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.model_selection.splits import folds
from cocktailparty.report.protocol import protocol_of
from cocktailparty.versions import versions
from linear_aad import AdaptiveDecoder, AttentionDecoder, BackwardTRF

RIDGE = AttentionDecoder(BackwardTRF(0.0, 0.2, 64, alpha=[1e-2, 1.0]))


@pytest.fixture(scope="module")
def trials():
    return simulate_two_talkers(
        2, n_trials=4, duration=10, n_channels=2, n_stories=2, random_state=0
    ).trials


@pytest.mark.parametrize(("cv", "what"), [("story", "stories"), ("trial", "trials")])
def test_nothing_that_is_left_out_is_on_both_sides(trials, cv, what):
    split = protocol_of({}, folds(trials, cv), cv)["split"]
    assert split["cv"] == cv
    tested = []
    for fold in split["folds"]:
        # Each subject has decoders of its own.
        (subject,) = fold["train"]["subjects"]
        assert fold["test"]["subjects"] == [subject]
        assert not set(fold["train"][what]) & set(fold["test"][what])
        assert fold["train"]["seconds"] + fold["test"]["seconds"] == 40
        tested += fold["test"]["trials"]
    assert sorted(tested) == sorted(trial.label for trial in trials)


def test_pieces_of_a_trial_count_once(trials):
    part = protocol_of({}, folds(trials[:1], "time", n_splits=2, gap=1.0), "time")["split"]["folds"]
    assert [len(fold["test"]["trials"]) for fold in part] == [1, 1]
    assert part[0]["train"]["trials"] == part[0]["test"]["trials"]
    assert part[0]["test"]["seconds"] == 5


def test_decoders_have_all_their_parameters_and_those_with_a_seed_tell_it(trials):
    decoders = {"ridge": RIDGE, "adaptive": AdaptiveDecoder(RIDGE, random_state=3)}
    protocol = protocol_of(decoders, [], KFold(3), random_state=5)
    assert protocol["decoders"]["ridge"]["class"] == "linear_aad.attention.AttentionDecoder"
    parameters = protocol["decoders"]["ridge"]["parameters"]
    assert parameters["regressor__tmin"] == 0
    assert parameters["regressor__alpha"] == [1e-2, 1]
    assert protocol["seeds"] == {"comparison": 5, "ridge": None, "adaptive": 3}
    assert protocol["split"]["cv"].startswith("KFold(n_splits=3")
    # Objects are told in words, so that the whole is JSON.
    assert json.loads(json.dumps(protocol)) == protocol


def test_texts_and_versions():
    protocol = protocol_of({}, [], "trial", data="One.", preprocessing=["a", "b"], command="c")
    assert protocol["data"] == ["One."]
    assert protocol["preprocessing"] == ["a", "b"]
    assert protocol["command"] == "c"
    assert protocol["versions"] == versions()
