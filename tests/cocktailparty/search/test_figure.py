import numpy as np
import pytest
from matplotlib.figure import Figure

from cocktailparty.search.figure import draw_search
from cocktailparty.search.holdout import HeldOut
from cocktailparty.search.results import SearchResult, table_of
from cocktailparty.search.studies import quiet_optuna


def result(scores, stopped=(), held_out=None, seed=0):
    """Return the result of a search in which `skill` alone decides the score."""
    rng = np.random.default_rng(seed)
    with quiet_optuna() as optuna:
        among = optuna.distributions
        space = {
            "kind": among.CategoricalDistribution(["3-5-9", "$50"]),
            "rate": among.FloatDistribution(1e-5, 1e-1, log=True),
            "skill": among.FloatDistribution(0, 1),
        }
        study = optuna.create_study(direction="maximize")
        for i, score in enumerate(scores):
            drawn = {
                "kind": ["3-5-9", "$50"][i % 2],
                "rate": float(10 ** rng.uniform(-5, -1)),
                "skill": score,
            }
            state = optuna.trial.TrialState[("COMPLETE", "PRUNED")[i in stopped]]
            trial = optuna.trial.create_trial(
                state=state, value=score, params=drawn, distributions=space,
                user_attrs={"accuracies": [score]},
            )  # fmt: skip
            study.add_trial(trial)
    table = table_of(study)
    complete = [i for i in range(len(scores)) if i not in stopped]
    best = max(complete, key=lambda i: scores[i])
    parameters = study.trials[best].params
    return SearchResult(parameters, parameters, best, scores[best], 1, 5.0, table, held_out, study)


SCORES = [0.6, 0.5, 0.8, 0.55, 0.7, 0.9, 0.52, 0.85]


def points(ax, label):
    (line,) = (line for line in ax.get_lines() if line.get_label().startswith(label))
    return np.column_stack(line.get_data())


def test_the_course_of_the_search():
    history = draw_search(result(SCORES, stopped=(1, 6)), Figure()).axes[0]
    np.testing.assert_allclose(points(history, "stopped early"), [[1, 50], [6, 52]])
    assert points(history, "complete")[:, 0].tolist() == [0, 2, 3, 4, 5, 7]
    # What was stopped never was the best.
    steps = points(history, "best so far")
    np.testing.assert_allclose(steps[:, 1], [60, 80, 80, 80, 90, 90, 90])
    assert steps[-1, 0] == 7
    assert history.get_ylabel() == "accuracy at 5 s (%)"


def test_what_was_held_out_is_drawn_with_its_interval():
    held_out = HeldOut(
        "story:z",
        window=5.0,
        accuracy=0.7,
        n_correct=14,
        n_windows=20,
        chance=0.7,
        interval=(0.46, 0.88),
    )
    history = draw_search(result(SCORES, held_out=held_out), Figure()).axes[0]
    (container,) = history.containers
    (segment,) = container.lines[2][0].get_segments()
    np.testing.assert_allclose(segment[:, 1], [46, 88])
    assert container.lines[0].get_ydata() == pytest.approx([70])
    # Beside the trials, not on one of them.
    assert segment[0, 0] > 7


def test_the_parameter_that_decides_is_the_most_important():
    scores = np.random.default_rng(1).permutation(np.linspace(0.5, 0.9, 40)).tolist()
    figure = draw_search(result(scores), Figure())
    _, bars, *parameters = figure.axes
    widths = [bar.get_width() for bar in bars.patches]
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert names[int(np.argmax(widths))] == "skill"
    assert parameters[0].get_xlabel() == "skill"
    scales = {ax.get_xlabel(): ax.get_xscale() for ax in parameters}
    assert scales == {"kind": "linear", "rate": "log", "skill": "linear"}


def test_scores_stand_over_the_values_of_a_parameter():
    found = result(SCORES)
    axes = {ax.get_xlabel(): ax for ax in draw_search(found, Figure()).axes[2:]}
    np.testing.assert_allclose(
        points(axes["skill"], "complete"), np.column_stack([SCORES, 100 * np.array(SCORES)])
    )
    # Kinds in alphabetical order, with signs that matplotlib would take for formulas.
    assert [t.get_text() for t in axes["kind"].get_xticklabels()] == [r"\$50", "3-5-9"]
    assert points(axes["kind"], "complete")[:, 0].tolist() == [1, 0] * 4
    circle = axes["skill"].get_lines()[-1]
    assert circle.get_xdata().tolist() == [0.9]


@pytest.mark.parametrize("scores", [[0.6], [0.5, 0.6, 0.7], [0.6] * 6])
def test_too_few_or_equal_trials_rank_nothing(scores):
    figure = draw_search(result(scores), Figure())
    assert "too few completed trials" in figure.axes[1].texts[0].get_text()
    assert len(figure.axes) == 5


def test_a_new_figure_is_made():
    from matplotlib import pyplot as plt

    figure = draw_search(result(SCORES))
    assert figure.number in plt.get_fignums()
    plt.close(figure)
