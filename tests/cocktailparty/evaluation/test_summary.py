import numpy as np
import pandas as pd
import pytest

from cocktailparty.evaluation.permutation import permutation_test
from cocktailparty.evaluation.summary import pool, summarise
from cocktailparty.metrics import chance_level, itr, mesd
from tests.cocktailparty.tested import table


def rows(*counts: tuple, n_stimuli: int = 2) -> pd.DataFrame:
    names = ["decoder", "subject", "fold", "window", "n_windows", "n_correct"]
    return pd.DataFrame(counts, columns=names).assign(n_stimuli=n_stimuli)


def test_pooling_weights_folds_by_their_windows() -> None:
    table = rows(("d", "S1", "a", 5.0, 10, 10), ("d", "S1", "b", 5.0, 30, 15))
    pooled = pool(table, ["decoder", "subject", "window"])
    assert pooled["accuracy"].tolist() == [25 / 40]


def test_pooling_keeps_the_order_of_decoders_and_sorts_windows() -> None:
    table = rows(
        ("z", "S1", "a", 10.0, 4, 2), ("z", "S1", "a", 2.0, 4, 2), ("a", "S1", "a", 5.0, 4, 2)
    )
    pooled = pool(table, ["decoder", "window"])
    assert list(zip(pooled["decoder"], pooled["window"], strict=True)) == [
        ("z", 2.0),
        ("z", 10.0),
        ("a", 5.0),
    ]


def test_rows_without_windows_decide_nothing() -> None:
    table = rows(
        ("d", "S1", "a", 5.0, 4, 3), ("d", "S1", "b", 5.0, 0, 0), ("d", "S1", "b", 9.0, 0, 0)
    )
    assert pool(table, ["decoder", "window"])["window"].tolist() == [5.0]
    with pytest.raises(ValueError, match="holds no decision"):
        pool(table.iloc[1:], ["decoder"])


def test_missing_columns_are_named() -> None:
    with pytest.raises(ValueError, match=r"\['subject', 'n_correct'\]"):
        pool(
            pd.DataFrame({"decoder": ["d"], "n_windows": [1], "n_stimuli": [2]}),
            ["decoder", "subject"],
        )


def test_summary_against_direct_computation(comparison: pd.DataFrame) -> None:
    summary = summarise(comparison)
    assert len(summary) == 6
    for row in summary.to_dict("records"):
        own = comparison[
            (comparison["decoder"] == row["decoder"]) & (comparison["window"] == row["window"])
        ]
        n, k = own["n_windows"].sum(), own["n_correct"].sum()
        by_subject = [
            part["n_correct"].sum() / part["n_windows"].sum() for _, part in own.groupby("subject")
        ]
        assert (row["n_windows"], row["n_correct"], row["n_subjects"]) == (n, k, 3)
        assert row["accuracy"] == pytest.approx(k / n)
        assert row["accuracy_mean"] == pytest.approx(np.mean(by_subject))
        assert row["accuracy_sd"] == pytest.approx(np.std(by_subject, ddof=1))
        assert row["itr"] == itr(k / n, row["window"])
    test = permutation_test(
        comparison, list(zip(summary["decoder"], summary["window"], strict=True))
    )
    for name in ("p", "p_corrected", "chance"):
        np.testing.assert_array_equal(summary[name], getattr(test, name))
    for _, own in summary.groupby("decoder"):
        assert own["mesd"].nunique() == 1
        assert own["mesd"].iloc[0] == mesd(own["window"], own["accuracy"]).mesd


def test_summary_of_one_subject_has_no_spread() -> None:
    summary = summarise(rows(("d", "S1", "a", 5.0, 40, 30)))
    assert np.isnan(summary["accuracy_sd"].iloc[0])
    assert summary["accuracy_mean"].iloc[0] == 0.75


@pytest.mark.parametrize(("n_correct", "n_stimuli"), [(20, 2), (12, 2), (35, 3)])
def test_mesd_is_missing_where_no_device_works(n_correct: int, n_stimuli: int) -> None:
    summary = summarise(rows(("d", "S1", "a", 5.0, 40, n_correct), n_stimuli=n_stimuli))
    assert np.isnan(summary["mesd"].iloc[0])


def test_nothing_about_devices_is_said_where_one_sound_played() -> None:
    table = rows(("d", "S1", "a", 5.0, 40, 38)).assign(task="match-mismatch")
    assert summarise(table.assign(task="attention"))[["itr", "mesd"]].notna().all(axis=None)
    assert summarise(table)[["itr", "mesd"]].isna().all(axis=None)
    both = pd.concat([table, table.assign(task="attention", subject="S2")])
    assert summarise(both)[["itr", "mesd"]].isna().all(axis=None)
    assert summarise(both)["task"].tolist() == ["mixed"]


def test_windows_left_out_are_counted_even_where_nothing_is_decided() -> None:
    table = rows(
        ("d", "S1", "a", 5.0, 4, 3), ("d", "S1", "b", 5.0, 0, 0), ("d", "S1", "b", 9.0, 0, 0)
    ).assign(n_undecidable=[2, 6, 1])
    summary = summarise(table)
    assert summary["window"].tolist() == [5.0]
    assert (summary["n_windows"].iloc[0], summary["n_undecidable"].iloc[0]) == (4, 8)
    assert summarise(table.drop(columns="n_undecidable"))["n_undecidable"].tolist() == [0]
    with pytest.raises(ValueError, match="in all windows all stimuli are silent"):
        summarise(table.iloc[1:])


def test_more_stimuli_lower_the_level() -> None:
    two, three = (
        summarise(table(("d", 5.0, 60, 30), n_trials=12, n_stimuli=n))["chance"].iloc[0]
        for n in (2, 3)
    )
    assert three < two
    without_trials = rows(("d", "S1", "a", 5.0, 40, 20), n_stimuli=3)
    assert summarise(without_trials)["chance"].tolist() == [chance_level(40, 3)]
    assert summarise(without_trials)[["p", "p_corrected"]].isna().all(axis=None)


def test_a_window_counts_once_however_often_it_is_tested() -> None:
    """Twice as many rows of the same stretches, of which half the second ones went wrong."""
    first = table(("d", 5.0, 40, 40), subjects=("S1",))
    second = table(("d", 5.0, 40, 20), subjects=("S1",)).assign(fold="again", n_undecidable=0)
    both = pd.concat([first.assign(n_undecidable=0), second])
    summary = summarise(both)
    assert summary[["n_windows", "n_correct", "accuracy"]].values.tolist() == [[40, 30, 0.75]]
    assert summary["n_undecidable"].tolist() == [0]
    by_fold = pool(both, ["decoder", "window", "fold"])
    assert by_fold["n_windows"].tolist() == [40, 40]
    some = second.assign(trials=[second["trials"].iloc[0][:4]], n_windows=20, n_correct=12)
    # Four trials were tested twice, with 20 and 12 right; the others once, with 20 right.
    counted = summarise(pd.concat([first, some]))[["n_windows", "n_correct"]]
    assert counted.values.tolist() == [[40, 36]]


def test_shares_that_add_up_to_a_whole_number_are_one() -> None:
    """Thirds and sevenths of repeated stretches leave a rounding error at one half."""
    thirds = rows(
        *(("d", "S1", f, 5.0, 2, x) for f, x in zip("abcd", [0.1, 0.2, 0.7, 3], strict=True))
    )
    summary = summarise(thirds)
    assert summary["n_correct"].tolist() == [4.0]
    assert summary["accuracy"].tolist() == [0.5]
    assert np.isnan(summary["mesd"].iloc[0])
