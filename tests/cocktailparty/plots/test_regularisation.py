import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cocktailparty import plots


@pytest.fixture
def ax() -> Axes:
    return Figure(layout="constrained").subplots()


def test_lines_are_trials_and_their_mean(rng: np.random.Generator, ax: Axes) -> None:
    alphas = np.array([1e2, 1e-3, 1.0, 10.0])
    scores = rng.random((4, 5)) + np.array([[0.0], [0.1], [2.0], [1.0]])
    assert plots.regularisation_path(scores, alphas, ax=ax) is ax
    *thin, bold, mark = ax.lines
    assert len(thin) == 5
    order = [1, 2, 3, 0]
    for line, trial in zip([*thin, bold], [*scores.T, scores.mean(axis=1)], strict=True):
        np.testing.assert_array_equal(line.get_xdata(), alphas[order])
        np.testing.assert_allclose(line.get_ydata(), trial[order])
    assert mark.get_xydata().tolist() == [[1.0, pytest.approx(scores[2].mean())]]
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shown[0] == "mean of 5 trials"
    assert shown[2] == f"best mean: r = {scores[2].mean():.2g} at alpha = 1"
    assert ax.get_xscale() == "log"


def test_of_equals_the_first_is_marked_as_models_choose_it(ax: Axes) -> None:
    plots.regularisation_path(np.ones((2, 3)), [5.0, 0.1], ax=ax)
    assert ax.lines[-1].get_xdata() == [5.0]


@pytest.mark.parametrize(
    ("shape", "alphas", "message"),
    [
        ((3, 4), [1, 2], r"shape \(3, 4\) and alphas \(2,\)"),
        ((3,), [1, 2, 3], r"shape \(3,\) and alphas \(3,\)"),
        ((2, 4), [0, 1], r"must be positive for a logarithmic axis, got \[0, 1\]"),
    ],
)
def test_what_cannot_be_drawn_is_named(ax: Axes, shape: tuple, alphas: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plots.regularisation_path(np.ones(shape), alphas, ax=ax)
    assert not ax.lines
