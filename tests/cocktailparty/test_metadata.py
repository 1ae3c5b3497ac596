import numpy as np
import pytest
from sklearn.model_selection import PredefinedSplit

from cocktailparty import Trial
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.comparing import compare
from cocktailparty.evaluation.folds import evaluate_fold
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.evaluation.summary import pool
from cocktailparty.evaluation.tested_trials import trial_rows
from cocktailparty.metadata import typed_columns
from cocktailparty.model_selection.splits import folds
from linear_aad import AttentionDecoder, BackwardTRF

RIDGE = AttentionDecoder(BackwardTRF(tmax=0.1, alpha=0.01, alpha_convention="relative"))


@pytest.fixture
def trials():
    found = simulate_two_talkers(n_trials=4, n_channels=2, random_state=0).trials
    known = [{"snr": -3.0, "fold": "a"}, {"snr": 0.0}, {"snr": -3.0}, {"snr": 0.0, "task": "x"}]
    return [t.replace(metadata=m) for t, m in zip(found, known, strict=True)]


def texts(column):
    """Cells of a column; nothing is None or NaN, by the version of pandas."""
    return [cell if isinstance(cell, str) else "" for cell in column]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1", "2.5", ""], [1.0, 2.5, None]),
        (["1e-3", "0"], [1e-3, 0.0]),
        (["007", "12"], ["007", "12"]),
        (["1", "two"], ["1", "two"]),
        (["1_000", "2"], ["1_000", "2"]),
        (["nan", "1"], ["nan", "1"]),
        (["1e999", "1"], ["1e999", "1"]),
        (["left", ""], ["left", None]),
        (["", ""], [None, None]),
    ],
)
def test_cells_are_numbers_where_a_column_holds_nothing_else(cells, values):
    found = [row["x"] for row in typed_columns([{"x": cell} for cell in cells])]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_trials_keep_it_whatever_is_done_to_them(trials):
    assert trials[0].crop(1, 5).metadata == {"snr": -3.0, "fold": "a"}
    assert trials[0].replace(subject="S").metadata == trials[0].metadata
    numbers = trials[0].replace(metadata={"n": np.int64(3), "x": np.float32(0.5)}).metadata
    assert numbers == {"n": 3, "x": 0.5}
    assert [type(value) for value in numbers.values()] == [int, float]


@pytest.mark.parametrize("metadata", [["snr"], {3: "x"}, {"snr": [1, 2]}, {"": 1}])
def test_other_metadata_are_refused(metadata):
    eeg = np.random.default_rng(0).normal(size=(64, 2))
    with pytest.raises(ValueError, match=r"trial 't': metadata must (be a mapping|have names)"):
        Trial(eeg, None, 64, name="t", metadata=metadata)


def test_tables_have_it_as_columns(trials):
    table = compare({"r": RIDGE}, trials, cv="trial", windows=[10, 20])
    assert table.groupby("fold", sort=False)["snr"].first().tolist() == [-3.0, 0.0, -3.0, 0.0]
    # Columns of the table itself are not overwritten.
    assert texts(table["metadata_fold"]) == ["a", "a"] + [""] * 6
    assert texts(table["metadata_task"]) == [""] * 6 + ["x", "x"]
    assert set(table["task"]) == {"attention"}
    tested = trial_rows(table)
    assert tested["snr"].tolist() == [-3.0, -3.0, 0.0, 0.0] * 2
    assert "metadata" not in tested
    by_snr = pool(table, ["decoder", "window", "snr"])
    assert by_snr["n_windows"].tolist() == [12, 12, 6, 6]


def test_rows_whose_trials_differ_have_none_but_their_trials_do(trials):
    halves = PredefinedSplit([1, 0, 1, 0])
    table = compare({"r": RIDGE}, trials, cv=halves, windows=[10])
    assert table["snr"].tolist() == [0.0, -3.0]
    assert texts(table["metadata_fold"]) == ["", ""]
    assert texts(trial_rows(table)["metadata_fold"]) == ["", "", "a", ""]


def test_without_metadata_nothing_is_added(trials):
    plain = [trial.replace(metadata={}) for trial in trials]
    table = compare({"r": RIDGE}, plain, cv="trial", windows=[10])
    fold = folds(plain, "trial")[0]
    (rows,) = evaluate_fold(RIDGE, fold, [10.0]).values()
    assert set(table.columns) == {"decoder", "subject", "fold", *rows[0]}
    assert "metadata" not in table["trials"].iloc[0][0]


def test_finished_folds_do_not_depend_on_it(trials, tmp_path):
    plain = [trial.replace(metadata={}) for trial in trials]
    store = FoldStore(tmp_path)
    one, other = (folds(those, "trial")[0] for those in (trials, plain))
    assert store.key(RIDGE, one, [10.0]) == store.key(RIDGE, other, [10.0])
    attended = [trial.replace(attended=1 - trial.attended) for trial in trials]
    assert store.key(RIDGE, folds(attended, "trial")[0], [10.0]) != store.key(RIDGE, one, [10.0])
