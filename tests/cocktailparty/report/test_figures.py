import numpy as np
import pandas as pd
import pytest

from cocktailparty import Trial
from cocktailparty.evaluation.patterns import Pattern
from cocktailparty.evaluation.subjects import subject_rows
from cocktailparty.evaluation.summary import summarise
from cocktailparty.report.figures import pictures


@pytest.fixture
def table():
    rows = [
        {"decoder": name, "subject": "S1", "fold": str(fold), "window": window}
        for name in ("Ridge (late)", "silent")
        for fold in range(3)
        for window in (5.0, 10.0)
    ]
    scores = {"accuracy": 0.75, "n_windows": 8, "n_correct": 6, "n_stimuli": 2, "chance": 0.9}
    table = pd.DataFrame(rows).assign(**scores, r_attended=0.1, r_unattended=0.05)
    # Scores of one decoder are not finite: it has no panel.
    table.loc[table["decoder"] == "silent", "r_attended"] = np.inf
    return table


def trial(rng, names):
    stimuli = rng.random((2, 2560, 1))
    eeg = rng.normal(size=(2560, len(names)))
    return Trial(eeg, stimuli, 64, 1, subject="S1", name="t", channel_names=names)


def test_each_part_that_there_is_has_a_picture(table, rng):
    placed = trial(rng, ("Fz", "Cz", "Pz", "Oz", "T7", "T8"))
    lags = np.arange(5) / 64
    pattern = Pattern(rng.normal(size=(6, 5)), rng.random((6, 5)), lags, "µV", "3 folds")
    found = {
        picture.name: picture
        for picture in pictures(
            table,
            summarise(table),
            [placed],
            {"Ridge (late)": None, "silent": object()},
            {"Ridge (late)": pattern},
            placed,
            {"Ridge (late)": rng.random((2560, 1))},
            subject_rows(table),
        )
    }
    names = ["accuracy", "scores", "pattern-1-ridge-late", "reconstruction-1-ridge-late"]
    assert list(found) == names  # nothing of a decoder without weights
    assert len(found["scores"].figure.axes) == 1
    assert "mean over 3 folds" in found["pattern-1-ridge-late"].caption
    assert "one standard deviation" in found["pattern-1-ridge-late"].caption
    assert "Positions: " in found["pattern-1-ridge-late"].caption
    assert "middle 10 s of the held-out trial S1/t" in found["reconstruction-1-ridge-late"].caption


def test_channels_without_a_place_have_no_topography(table, rng):
    odd = trial(rng, ("X1", "X2", "X3"))
    pattern = Pattern(rng.normal(size=(3, 5)), None, np.arange(5) / 64, "µV", "1 fold")
    drawn = list(
        pictures(
            table,
            summarise(table),
            [odd],
            {"ridge": None},
            {"ridge": pattern},
            None,
            {},
            subject_rows(table),
        )
    )
    assert [picture.name for picture in drawn] == ["accuracy", "scores", "pattern-1-ridge"]
    assert "No topographies: " in drawn[-1].caption
    assert "standard deviation" not in drawn[-1].caption
