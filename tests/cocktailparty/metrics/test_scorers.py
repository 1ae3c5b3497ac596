import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.metrics import attention_roc_auc
from linear_aad import AttentionDecoder, BackwardTRF
from linear_aad.lasso import LassoTRF

RIDGE = AttentionDecoder(BackwardTRF(0, 0.2, 64, alpha=1e-2, alpha_convention="relative"))


@pytest.fixture(scope="module")
def trials():
    return simulate_two_talkers(
        n_trials=12, n_channels=4, duration=10, snr=-25, random_state=0
    ).trials


def test_the_area_is_that_of_the_differences_of_the_scores(trials):
    attended = np.array([trial.attended for trial in trials])
    cv = StratifiedKFold(2)
    found = cross_val_score(RIDGE, trials, attended, cv=cv, scoring=attention_roc_auc)
    for area, (train, test) in zip(found, cv.split(trials, attended), strict=True):
        decoder = AttentionDecoder(RIDGE.regressor).fit([trials[i] for i in train])
        scores = decoder.decision_function([trials[i] for i in test])
        assert area == roc_auc_score(attended[test], scores[:, 1] - scores[:, 0])
    search = GridSearchCV(
        RIDGE, {"regressor__alpha": [1e-2, 1e2]}, cv=cv, scoring=attention_roc_auc
    ).fit(trials, attended)
    assert search.cv_results_["mean_test_score"][0] == found.mean()


def test_what_says_nothing_gets_one_half(trials):
    silent = AttentionDecoder(LassoTRF(0, 0.2, 64, alpha=1.0)).fit(trials)
    assert attention_roc_auc(silent, trials) == 0.5


def test_swapped_stimuli_with_swapped_labels_leave_the_area(trials):
    decoder = AttentionDecoder(RIDGE.regressor).fit(trials[:4])
    swapped = [t.replace(stimuli=t.stimuli[::-1], attended=1 - t.attended) for t in trials]
    area = attention_roc_auc(decoder, trials)
    assert 0.5 < area == pytest.approx(attention_roc_auc(decoder, swapped))


def test_trials_without_an_area_are_refused(trials):
    decoder = AttentionDecoder(RIDGE.regressor).fit(trials)
    one = [trial for trial in trials if trial.attended == 0]
    with pytest.raises(ValueError, match=r"attended is \[0\] in all trials"):
        attention_roc_auc(decoder, one)
    alone = [t.replace(stimuli=t.stimuli[:1], attended=0) for t in trials]
    with pytest.raises(ValueError, match=r"trials \[0, 1, .* have not two stimuli"):
        attention_roc_auc(decoder, alone)
