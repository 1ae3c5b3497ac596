import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import LeaveOneOut

from cocktailparty import datasets, evaluation
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.evaluation.shift_test import circular_shift_test
from cocktailparty.report.comparison import compare_and_report
from linear_aad import AttentionDecoder, BackwardTRF

RIDGE = AttentionDecoder(BackwardTRF(0.0, 0.2, 64, alpha=1e-2, alpha_convention="relative"))


@pytest.fixture(scope="module")
def trials():
    return datasets.simulate_two_talkers(
        n_trials=4, duration=20.0, n_channels=8, n_stories=4, snr=-20, random_state=5
    ).trials


class Guess(AttentionDecoderMixin, BaseEstimator):
    """Decoder without a reconstruction or a pattern."""

    def fit(self, trials, attended=None):
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        n_windows = int(trial.duration / window)
        return np.random.default_rng(0).random((n_windows, trial.n_stimuli))


def test_table_and_report_belong_together(trials, tmp_path):
    decoders = {"ridge": RIDGE, "guess": Guess()}
    result = compare_and_report(
        decoders, trials, tmp_path, windows=[5, 10, 40], data="Four trials.", command="make it"
    )
    direct = evaluation.compare(decoders, trials, "story", [5, 10])
    pd.testing.assert_frame_equal(result.table, direct)
    written = pd.read_csv(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(written, direct.drop(columns="trials"))
    assert result.report == tmp_path / "report.html"
    html = result.report.read_text()
    for part in ("Four trials.", "make it", "One story at a time", "Windows of 40 s do not fit"):
        assert part in html
    # Every parameter is told, defaults too; the guesser has neither pattern nor reconstruction.
    assert "tmin=0.0" in html
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {
        "accuracy.png", "scores.png", "pattern-1-ridge.png", "reconstruction-1-ridge.png",
    }  # fmt: skip
    assert not hasattr(RIDGE, "regressor_")


def test_shifts_are_reported_for_each_decoder(trials, tmp_path, undrawn):
    decoders = {"a": RIDGE, "b": Guess()}
    result = compare_and_report(
        decoders, trials, tmp_path, windows=[10], n_shifts=4, random_state=0
    )
    assert [note[:2] for note in result.notes] == ["a:", "b:"]
    assert "under 4 circular shifts with new training: p = 0.2." in result.notes[0]
    # a guesser scores the same wherever the stimuli are
    assert "p = 1." in result.notes[1]


def test_the_report_is_there_before_the_shifts_and_after_each(trials, tmp_path, monkeypatch):
    told, seen = [], []

    def write(out, table, *, notes, **settings):
        told.append(notes)
        return tmp_path / "report.html"

    def stopped(decoder, *arguments, **settings):
        seen.append(json.loads((tmp_path / "report.json").read_text())["notes"])
        if len(seen) == 2:
            raise KeyboardInterrupt
        return circular_shift_test(decoder, *arguments, **settings)

    monkeypatch.setattr("cocktailparty.report.comparison.write_report", write)
    decoders = {"a": RIDGE, "b": Guess()}
    settings = {"windows": [10], "n_shifts": 4, "random_state": 0}
    with monkeypatch.context() as patch:
        patch.setattr("cocktailparty.report.comparison.circular_shift_test", stopped)
        with pytest.raises(KeyboardInterrupt):
            compare_and_report(decoders, trials, tmp_path, **settings)
    assert told == seen
    assert all("has not ended" in note for note in seen[0])
    assert "p = 0.2" in seen[1][0]
    assert "b: the test under 4 circular shifts has not ended" in seen[1][1]
    # What was tested before is read from the folder.
    monkeypatch.setattr(BackwardTRF, "fit_many", None)
    result = compare_and_report(decoders, trials, tmp_path, **settings)
    assert result.notes == told[-1] == json.loads((tmp_path / "report.json").read_text())["notes"]
    assert result.notes[0] == seen[1][0]
    assert "p = 1." in result.notes[1]


def test_trials_too_short_for_shifts_are_refused_before_any_work(trials, tmp_path, monkeypatch):
    monkeypatch.setattr("cocktailparty.report.comparison.compare_planned", None)
    with pytest.raises(ValueError, match="too short to be shifted"):
        compare_and_report({"a": RIDGE}, trials, tmp_path, n_shifts=9, gap=11.0)


def test_rests_are_left_out_with_a_note(trials, tmp_path, undrawn):
    rests = []
    for trial in trials:
        stimuli = trial.stimuli.copy()
        stimuli[:, 5 * 64 : 16 * 64] = 0
        rests.append(trial.replace(stimuli=stimuli))
    result = compare_and_report({"guess": Guess()}, rests, tmp_path, windows=[5, 10])
    counts = result.table.groupby("window")[["n_windows", "n_undecidable"]].sum()
    assert counts.to_numpy().tolist() == [[8, 8], [8, 0]]
    (note,) = result.notes
    assert note.startswith("All sounds are silent in 8 of 16 windows of 5 s: nothing can be")
    assert note in result.report.read_text()
    assert [row["n_undecidable"] for row in result.protocol["summary"]] == [8, 0]
    assert pd.read_csv(tmp_path / "summary.csv")["n_undecidable"].tolist() == [8, 0]


def test_own_splitters_are_named(trials, tmp_path, undrawn):
    result = compare_and_report({"r": RIDGE}, trials, tmp_path, cv=LeaveOneOut(), windows=[10])
    assert len(result.table) == 4
    assert "Trials were split by LeaveOneOut()." in result.report.read_text()


def test_nothing_is_called_attention_where_one_sound_played(trials, tmp_path, undrawn):
    alone = [t.replace(stimuli=t.stimuli[:1], attended=0) for t in trials]
    result = compare_and_report({"ridge": RIDGE}, alone, tmp_path, windows=[5])
    html = result.report.read_text()
    assert "<title>Match-mismatch decoding</title>" in html
    assert "the sound that played was chosen" in html
    assert "Scores of the sound that played and the same sound from another time" in html
    (note,) = result.notes
    told = html.replace(note, "").replace("How fast attention", "")
    assert "attended stimulus" not in told
    (row,) = result.protocol["summary"]
    assert row["task"] == "match-mismatch"
    assert row["itr"] is None
    assert row["mesd"] is None


def test_nothing_is_trained_for_the_report_alone(trials, tmp_path, monkeypatch, undrawn):
    """Every decoder is trained once a fold, and not at all where the folds are finished."""
    trained = []
    fit = AttentionDecoder.fit

    def counted(self, trials, *arguments, **settings):
        trained.append(len(trials))
        return fit(self, trials, *arguments, **settings)

    monkeypatch.setattr(AttentionDecoder, "fit", counted)
    result = compare_and_report({"ridge": RIDGE}, trials, tmp_path, windows=[10])
    assert trained == [3] * 4
    again = compare_and_report({"ridge": RIDGE}, trials, tmp_path, windows=[10])
    assert trained == [3] * 4
    pd.testing.assert_frame_equal(result.table, again.table)
    pd.testing.assert_frame_equal(result.summary, evaluation.summarise(again.table))
    assert result.protocol["split"]["n_splits"] == 5
    assert result.protocol["split"]["gap"] == 2.0
