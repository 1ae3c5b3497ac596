import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cocktailparty.search import search
from cocktailparty.search.figure import draw_search
from tests.cocktailparty.search.tiny import Skilled, by_skill, some_trials


def space(trial):
    trial.suggest_categorical("kind", ["3-5-9", "$50"])
    trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    return by_skill(trial)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("search")
    found = search(Skilled(), some_trials(), space, n_trials=10, window=1, holdout="story", out=out)
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
    assert "guessing reaches" in text


def test_figure_shows_course_and_influence(result):
    figure = draw_search(result[0], Figure())
    history, bars, *parameters = figure.axes
    best = history.get_lines()[2].get_ydata()
    assert (np.diff(best) >= 0).all()
    assert best[-1] == pytest.approx(100 * result[0].score)
    widths = [bar.get_width() for bar in bars.patches]
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert names[int(np.argmax(widths))] == "skill"
    assert {ax.get_xlabel() for ax in parameters} == {"kind", "rate", "skill"}
    scales = {ax.get_xlabel(): ax.get_xscale() for ax in parameters}
    assert scales == {"kind": "linear", "rate": "log", "skill": "linear"}


def test_few_trials_have_a_figure_as_well():
    result = search(Skilled(), some_trials(), by_skill, n_trials=1)
    figure = draw_search(result, Figure())
    assert "too few completed trials" in figure.axes[1].texts[0].get_text()
    assert "Nothing was held out" in result.verdict()[-1]
