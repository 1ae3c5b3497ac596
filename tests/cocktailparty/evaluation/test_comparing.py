import json
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold

from cocktailparty import datasets
from cocktailparty.decoding.base import AttentionDecoderMixin, ReconstructionMixin
from cocktailparty.evaluation.comparing import (
    SharedStimulusWarning,
    compare,
    lag_reach,
)
from cocktailparty.metrics import chance_level
from cocktailparty.model_selection.leakage import LeakError
from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF, CCADecoder

RIDGE = AttentionDecoder(BackwardTRF(0.0, 0.3, 64, alpha=1e-2, alpha_convention="relative"))
COLUMNS = [
    "decoder", "subject", "fold", "window", "accuracy", "n_correct", "n_windows",
    "r_attended", "r_unattended", "n_undecidable", "n_stimuli", "chance", "task", "trials",
]  # fmt: skip


@pytest.fixture(scope="module")
def trials():
    return datasets.simulate_two_talkers(
        n_subjects=2, n_trials=8, duration=40.0, n_channels=8, snr=-20, random_state=5
    ).trials


def test_the_table_says_what_the_decoder_does(trials):
    table = compare({"ridge": RIDGE}, trials, cv="trial", windows=(5, 20))
    assert list(table.columns) == COLUMNS
    assert len(table) == 16 * 2
    own = [t for t in trials if t.subject == trials[0].subject]
    for fold, held_out in enumerate(own):
        fitted = AttentionDecoder(RIDGE.regressor).fit([t for t in own if t is not held_out])
        for i, window in enumerate((5.0, 20.0)):
            row = table.iloc[2 * fold + i]
            scores = fitted.window_scores(held_out, window)
            correct = scores.argmax(axis=1) == held_out.attended
            assert (row.decoder, row.subject, row.window) == ("ridge", held_out.subject, window)
            assert held_out.name in row.fold
            assert (row.n_correct, row.n_windows) == (correct.sum(), len(correct))
            assert row.accuracy == correct.mean()
            assert row.r_attended == pytest.approx(scores[:, held_out.attended].mean())
            assert row.r_unattended == pytest.approx(scores[:, 1 - held_out.attended].mean())
            assert row.chance == chance_level(len(correct))


def test_folds_that_were_counted_by_another_rule_are_computed_again(trials, tmp_path):
    own = [t for t in trials if t.subject == trials[0].subject]
    table = compare({"ridge": RIDGE}, own, "trial", [5], cache=tmp_path)
    for file in tmp_path.iterdir():
        kept = json.loads(file.read_text())["content"]
        for rows in kept.values():
            for row in rows:
                del row["n_undecidable"]
                row["n_correct"] = 0
        file.write_text(json.dumps(kept))
    again = compare({"ridge": RIDGE}, own, "trial", [5], cache=tmp_path)
    pd.testing.assert_frame_equal(again, table)


def test_simulated_listeners_are_decoded(trials):
    table = compare({"ridge": RIDGE}, trials, cv="story", windows=[20])
    accuracy = table.n_correct.sum() / table.n_windows.sum()
    assert accuracy > chance_level(table.n_windows.sum())
    assert table.r_attended.mean() > table.r_unattended.mean()


@pytest.mark.parametrize("n_trials", [10, pytest.param(24, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cv", ["trial", "story", "subject", "time", KFold(4)], ids=str)
def test_shuffled_labels_are_at_chance_for_every_splitter(cv, n_trials):
    trials = datasets.simulate_two_talkers(
        n_subjects=4, n_trials=n_trials, duration=40.0, n_channels=4, snr=-20, random_state=12
    ).trials
    labels = np.random.default_rng(11).integers(2, size=len(trials))
    shuffled = [t.replace(attended=int(k)) for t, k in zip(trials, labels, strict=True)]
    # One decision a test trial: windows of a trial share its label and are not independent.
    window = 20 if cv == "time" else 40
    table = compare({"ridge": RIDGE}, shuffled, cv=cv, windows=[window], n_splits=2)
    n, k = table.n_windows.sum(), table.n_correct.sum()
    assert n == len(trials) * (2 if cv == "time" else 1)
    low, high = binom.ppf([0.025, 0.975], n, 0.5)
    assert low <= k <= high


def test_three_stimuli_and_any_label(trials, rng):
    three = [
        t.replace(
            stimuli=np.concatenate([rng.random((1, t.n_times, 1)), t.stimuli]),
            attended=t.attended + 1,
        )
        for t in trials[:6]
    ]
    table = compare({"ridge": RIDGE}, three, cv="trial", windows=[20])
    assert set(table.n_stimuli) == {3}
    assert table.chance.iloc[0] == chance_level(2, 3)
    assert table.n_correct.sum() / table.n_windows.sum() > 0.5


def test_single_talker_trials_are_tested_by_match_mismatch(trials):
    single = [t.replace(stimuli=t.stimuli[[t.attended]], attended=0) for t in trials[:8]]
    table = compare({"ridge": RIDGE}, single, cv="trial", windows=[5, 10, 20, 30])
    assert set(table.window) == {5.0, 10.0, 20.0}  # at most half of 40 s
    assert set(table.n_stimuli) == {2}
    assert table.r_attended.mean() > table.r_unattended.mean() + 0.03
    with pytest.raises(ValueError, match=r"no decision window fits: the longest .* 20 s"):
        compare({"ridge": RIDGE}, single, cv="trial", windows=[21])


def test_shared_stimuli_are_refused_or_reported(trials):
    twice = [*trials[:3], trials[0].replace(name="again")]
    with pytest.raises(LeakError, match="also plays in training"):
        compare({"ridge": RIDGE}, twice, cv="trial", windows=[20])
    with pytest.warns(SharedStimulusWarning, match="also plays in training"):
        compare({"ridge": RIDGE}, twice, cv="trial", windows=[20], allow_shared_stimuli=True)


class Counting(ReconstructionMixin, BaseEstimator):
    """Decoder that is interrupted when its time has come."""

    fits = 0
    stop_after = None

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, trials, attended=None):
        if Counting.fits == Counting.stop_after:
            raise KeyboardInterrupt
        Counting.fits += 1
        return self

    def reconstruct(self, trials):
        return [
            np.random.default_rng([self.seed, t.n_times]).random((t.n_times, 1)) for t in trials
        ]


def test_an_interrupted_comparison_goes_on_where_it_stopped(trials, tmp_path, monkeypatch):
    decoders = {"a": Counting(1), "b": Counting(2)}
    settings = {"cv": "story", "windows": [10, 20]}
    monkeypatch.setattr(Counting, "fits", 0)
    whole = compare(decoders, trials, **settings)
    n_folds = Counting.fits
    monkeypatch.setattr(Counting, "fits", 0)
    monkeypatch.setattr(Counting, "stop_after", 5)
    with pytest.raises(KeyboardInterrupt):
        compare(decoders, trials, **settings, cache=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 5
    monkeypatch.setattr(Counting, "stop_after", None)
    resumed = compare(decoders, trials, **settings, cache=tmp_path)
    assert Counting.fits == n_folds
    pd.testing.assert_frame_equal(resumed, whole)
    again = compare(decoders, trials, **settings, cache=tmp_path)
    assert Counting.fits == n_folds
    pd.testing.assert_frame_equal(again, whole)


def test_workers_give_the_same_table(trials):
    settings = {"cv": "story", "windows": [10]}
    alone = compare({"ridge": RIDGE}, trials[:8], **settings)
    together = compare({"ridge": RIDGE}, trials[:8], **settings, n_jobs=2)
    pd.testing.assert_frame_equal(alone, together)


def test_lags_of_both_signals_add_up():
    assert lag_reach(RIDGE) == 0.3
    assert lag_reach(CCADecoder(tmin=-0.1, tmax=0.25, stimulus_tmax=0.5)) == 0.75
    assert lag_reach(Counting()) == 0


BAD = {
    "no decoders": (lambda t: ({}, t), {}, "at least one name"),
    "a bare regressor": (
        lambda t: ({"trf": BackwardTRF()}, t),
        {},
        "decoder 'trf' .* has no window_sweep.*AttentionDecoder",
    ),
    "no trials": (lambda t: ({"r": RIDGE}, []), {}, "no trials were given"),
    "no labels": (
        lambda t: ({"r": RIDGE}, [t[0], t[1].replace(attended=None)]),
        {},
        r"trials \[1\] have no attended label",
    ),
    "no windows": (lambda t: ({"r": RIDGE}, t), {"windows": []}, "windows must be positive"),
    "negative window": (lambda t: ({"r": RIDGE}, t), {"windows": [-1]}, "windows must be pos"),
    "window too long": (lambda t: ({"r": RIDGE}, t), {"windows": [41]}, "no decision window fits"),
    "lags cross the gap": (
        lambda t: ({"r": RIDGE}, t),
        {"cv": "time", "gap": 0.2},
        "gap=0.2 s is shorter than the lags of decoder 'r', which reach 0.3 s",
    ),
    "rate of the decoder": (
        lambda t: ({"r": AttentionDecoder(BackwardTRF(sfreq=128))}, t),
        {},
        "sampled at 64 Hz but the decoder was made for sfreq=128",
    ),
}


def test_an_error_in_a_fold_names_decoder_and_fold(trials):
    """One decoder may need more trials than the others that it is compared with."""
    tracker = AttentionTracker(RIDGE, cv=KFold(3))
    message = r"^decoder 'hmm', fold '.*/trial-01': cv=KFold\(n_splits=3.* cannot split 2 trials"
    with pytest.raises(ValueError, match=message):
        compare({"ridge": RIDGE, "hmm": tracker}, trials[:3], cv="trial", windows=[5])


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_named_before_any_work(trials, case, monkeypatch):
    arguments, settings, message = BAD[case]
    decoders, chosen = arguments(trials)
    if case != "rate of the decoder":
        monkeypatch.setattr("cocktailparty.evaluation.comparing.fit_and_score", None)
    with pytest.raises(ValueError, match=message):
        compare(decoders, chosen, **settings)


def test_stretches_of_one_sound_are_units_and_those_of_two_are_not(trials):
    own = [t for t in trials if t.subject == trials[0].subject][:2]
    single = [t.replace(stimuli=t.stimuli[:1], attended=0) for t in own]
    counted = []
    for chosen in (single, own):
        table = compare({"ridge": RIDGE}, chosen, "time", [2], n_splits=2)
        counted.append({record["unit"] for row in table["trials"] for record in row})
    assert [len(units) for units in counted] == [4, 2]


class Picky(AttentionDecoderMixin, BaseEstimator):
    """Needs some training trials, or one rate; and remembers what it met."""

    met: ClassVar[list[tuple[str, int]]] = []

    def __init__(self, name="", least=0, sfreq=None):
        self.name = name
        self.least = least
        self.sfreq = sfreq

    def fit(self, trials, attended=None):
        self.met.append((self.name, len(trials)))
        if len(trials) < self.least:
            raise ValueError(f"{self.least} training trials are needed")
        if self.sfreq not in (None, trials[0].sfreq):
            raise ValueError(f"trained at {trials[0].sfreq:g} Hz")
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        return np.zeros((int(trial.duration / window), trial.n_stimuli))


def test_what_a_decoder_lacks_is_known_before_the_others_have_worked(trials):
    """The listener with the fewest trials, and the one with another rate, come last."""
    many = [t for t in trials if t.subject == trials[0].subject]
    few = [t.replace(subject="few") for t in trials if t.subject != trials[0].subject][:4]
    Picky.met.clear()
    decoders = {"easy": Picky("easy"), "picky": Picky("picky", least=5)}
    with pytest.raises(ValueError, match=r"decoder 'picky', fold 'few/.*': 5 training trials"):
        compare(decoders, [*many, *few], "trial", [5])
    assert Picky.met == [("easy", 3), ("picky", 3)]

    other = [
        t.replace(subject="slow", sfreq=32, eeg=t.eeg[::2], stimuli=t.stimuli[:, ::2]) for t in many
    ]
    Picky.met.clear()
    decoders = {"easy": Picky("easy"), "picky": Picky("picky", sfreq=64)}
    with pytest.raises(ValueError, match=r"decoder 'picky', fold 'slow/.*': trained at 32 Hz"):
        compare(decoders, [*many, *other], "trial", [5])
    assert len(Picky.met) == 4  # a fold of each rate


def test_the_order_of_work_leaves_the_table_as_it_was(trials):
    order = [*trials[:8], *(t.replace(subject="few") for t in trials[8:11])]
    table = compare({"a": Picky(), "b": Picky()}, order, "trial", [5])
    assert table["decoder"].tolist() == ["a"] * 11 + ["b"] * 11
    assert table["subject"].tolist() == ([order[0].subject] * 8 + ["few"] * 3) * 2
