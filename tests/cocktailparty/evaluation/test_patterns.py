import numpy as np
from sklearn.base import clone

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.patterns import mean_pattern, pattern_of
from cocktailparty.model_selection.splits import folds
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder

DECODER = AttentionDecoder(BackwardTRF(0, 0.2, 64))


def averaged(decoder, trials, cv):
    splits = folds(trials, cv)
    return mean_pattern(decoder, splits, clone(decoder).fit(splits[0].train)), splits


def test_one_model_a_listener_is_averaged() -> None:
    trials = simulate_two_talkers(n_subjects=2, n_trials=3, n_channels=4, random_state=0).trials
    pattern, splits = averaged(DECODER, trials, "trial")
    models = [
        pattern_of(clone(DECODER).fit(next(f for f in splits if f.test[0].subject == s).train))[0]
        for s in ("sub-01", "sub-02")
    ]
    np.testing.assert_allclose(pattern.mean, 1e6 * np.mean(models, axis=0))
    np.testing.assert_allclose(pattern.spread, 1e6 * np.std(models, axis=0, ddof=1))
    assert (pattern.origin, pattern.unit) == ("2 listeners", "µV")


def test_folds_are_averaged_where_one_listener_is_tested() -> None:
    trials = simulate_two_talkers(n_trials=10, n_channels=4, random_state=0).trials
    trials = [t.replace(provenance={"eeg_unit": "V"}) for t in trials]
    pattern, splits = averaged(DECODER, trials, "trial")
    first = pattern_of(clone(DECODER).fit(splits[0].train))[0]
    assert (pattern.origin, pattern.unit) == ("8 folds", "µV")
    assert np.corrcoef(first.ravel(), pattern.mean.ravel())[0, 1] > 0.9
    assert 0.5e6 < np.linalg.norm(pattern.mean) / np.linalg.norm(first) < 2e6


def test_listeners_with_other_channels_are_left_out() -> None:
    trials = simulate_two_talkers(n_subjects=2, n_trials=3, n_channels=4, random_state=0).trials
    trials = [
        t.replace(eeg=t.eeg[:, :3], channel_names=t.channel_names[:3])
        if t.subject == "sub-02"
        else t
        for t in trials
    ]
    splits = [f for s in ("sub-01", "sub-02") for f in folds([t for t in trials if t.subject == s])]
    pattern = mean_pattern(DECODER, splits, clone(DECODER).fit(splits[0].train))
    assert pattern.origin == "1 listener; 1 with other channels left out"
    assert pattern.spread is None


def test_components_have_one_sign() -> None:
    trials = simulate_two_talkers(n_trials=6, n_channels=8, snr=-15, random_state=0).trials
    decoder = CCADecoder(0, 0.2, 64)
    pattern, splits = averaged(decoder, trials, "trial")
    model = clone(decoder).fit(splits[0].train)
    assert pattern.spread.mean() < np.abs(pattern.mean).mean()
    assert np.corrcoef(pattern_of(model)[0].ravel(), pattern.mean.ravel())[0, 1] > 0.9


def test_a_decoder_without_a_pattern_has_none() -> None:
    assert mean_pattern(object(), [], object()) is None
