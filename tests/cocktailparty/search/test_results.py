import json

import pandas as pd
import pytest

from cocktailparty.search import search
from tests.cocktailparty.search.tiny import Skilled, by_skill, some_trials


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("search")
    found = search(
        Skilled(), some_trials(), by_skill, n_trials=3, window=1, holdout="story", out=out
    )
    return found, out


def test_files_hold_what_was_found(result):
    result, out = result
    assert {path.name for path in out.iterdir()} == {
        "study.db",
        "trials.csv",
        "best.json",
        "search.png",
    }
    table = pd.read_csv(out / "trials.csv").drop(columns="error")
    expected = result.table.drop(columns="error")
    pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-12)
    best = json.loads((out / "best.json").read_text())
    assert best["settings"] == {"skill": result.best_settings["skill"]}
    assert best["held_out"]["accuracy"] == result.held_out.accuracy
    assert "optimistic" in best["search_score_is"]


def test_verdict_says_which_score_is_fair(result):
    text = " ".join(result[0].verdict())
    assert "do not report it" in text
    assert "95 % interval" in text
    assert "If windows were independent (those of one trial are not)" in text


def test_without_a_holdout_there_is_no_fair_score():
    result = search(Skilled(), some_trials(), by_skill, n_trials=1)
    assert "Nothing was held out" in result.verdict()[-1]
