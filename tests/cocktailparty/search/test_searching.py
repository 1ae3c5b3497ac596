import numpy as np
import pytest

from cocktailparty.evaluation.comparing import compare
from cocktailparty.model_selection.leakage import LeakError
from cocktailparty.search import search, searching
from tests.cocktailparty.search.tiny import Skilled, by_skill, some_trials

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def trials():
    return some_trials()


def test_the_best_of_the_completed_trials_is_chosen(trials):
    result = search(Skilled(), trials, by_skill, n_trials=12, window=1, min_folds=5)
    table = result.table
    assert (table["state"] == "complete").all()
    assert result.score == table["score"].max()
    assert table["skill"][result.best_trial] == result.best_settings["skill"]
    # More skill, more windows right: the score is that of the sampled skill and of nothing else.
    order = np.argsort(table["skill"])
    assert (np.diff(table["score"][order]) >= 0).all()
    assert table["skill"].max() > 0.9


def test_score_is_that_of_a_comparison(trials):
    result = search(Skilled(), trials, by_skill, n_trials=3, cv="trial", window=2)
    decoder = Skilled(**result.best_settings)
    expected = compare({"": decoder}, trials, "trial", [2])["accuracy"].mean()
    assert result.score == pytest.approx(expected)
    assert result.n_folds == len(trials)


def test_worse_trials_are_stopped_early(trials):
    result = search(Skilled(), trials, by_skill, n_trials=15, window=1, min_folds=1)
    stopped = result.table[result.table["state"] == "stopped early"]
    assert len(stopped) >= 3
    assert set(stopped["n_folds"]) <= {1, 2, 4}
    complete = result.table[result.table["state"] == "complete"]
    assert complete["skill"].mean() > stopped["skill"].mean()
    assert len(stopped) + len(complete) == 15


def test_seed_decides_everything(trials):
    first, again, other = (
        search(Skilled(), trials, by_skill, n_trials=4, random_state=seed) for seed in (1, 1, 2)
    )
    assert list(first.table["skill"]) == list(again.table["skill"])
    assert set(first.table["skill"]).isdisjoint(other.table["skill"])


def test_spaces_of_distributions_and_makers_of_decoders(trials):
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    made = []

    def make(**parameters):
        made.append(parameters)
        return Skilled(parameters["skill"])

    space = {
        "skill": FloatDistribution(0.5, 1),
        "rate": FloatDistribution(1e-5, 1, log=True),
        "size": IntDistribution(2, 8, step=2),
        "kind": CategoricalDistribution(["a", "b"]),
    }
    result = search(make, trials, space, n_trials=5)
    assert set(result.best_settings) == set(space)
    assert {parameters["size"] for parameters in made} <= {2, 4, 6, 8}
    assert {parameters["kind"] for parameters in made} <= {"a", "b"}


def test_a_study_goes_on_where_it_stopped(trials, tmp_path):
    first = search(Skilled(), trials, by_skill, n_trials=2, out=tmp_path)
    more = search(Skilled(), trials, by_skill, n_trials=4, out=tmp_path)
    assert list(more.table["skill"][:2]) == list(first.table["skill"])
    assert more.table["skill"].is_unique
    assert len(more.table) == 4
    again = search(Skilled(), trials, by_skill, n_trials=4, out=tmp_path)
    assert len(again.table) == 4


def test_a_killed_search_loses_nothing(trials, tmp_path, monkeypatch):
    computed = []

    def score(shared, job):
        if len(computed) == 8:
            raise KeyboardInterrupt
        computed.append((job[0].skill, job[1]))
        return honest(shared, job)

    honest = searching.score_fold
    monkeypatch.setattr(searching, "score_fold", score)
    settings = {"n_trials": 4, "min_folds": 5, "out": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        search(Skilled(), trials, by_skill, **settings)
    monkeypatch.setattr(
        searching, "score_fold", lambda s, j: (computed.append((j[0].skill, j[1])), honest(s, j))[1]
    )
    result = search(Skilled(), trials, by_skill, **settings)
    assert list(result.table["state"]) == ["complete"] * 4
    # No fold twice, though the search was killed in the middle of its second trial.
    assert len(computed) == len(set(computed)) == 4 * 5
    whole = search(Skilled(), trials, by_skill, n_trials=4, min_folds=5)
    np.testing.assert_array_equal(result.table["score"][:2], whole.table["score"][:2])


def test_processes_that_die_lose_nothing(trials, tmp_path):
    decoder = Skilled(dies_at=str(tmp_path / "died"))
    result = search(decoder, trials, by_skill, n_trials=5, n_jobs=2)
    assert (tmp_path / "died").exists()
    assert set(result.table["state"]) <= {"complete", "stopped early"}
    assert len(result.table) == 5
    alone = search(Skilled(), trials, by_skill, n_trials=1)
    assert result.table["skill"][0] == alone.table["skill"][0]


def test_held_out_trials_are_never_seen_by_the_search(monkeypatch):
    trials, seen = some_trials(2), []

    def score(shared, job):
        seen.extend(t.story for fold in shared[0] for t in (*fold.train, *fold.test))
        return honest(shared, job)

    honest = searching.score_fold
    monkeypatch.setattr(searching, "score_fold", score)
    result = search(Skilled(), trials, by_skill, n_trials=3, holdout="story:story-2")
    assert set(seen) == {"story-1", "story-3", "story-4", "story-5"}
    assert result.held_out.n_windows == 2 * 2 * 4
    assert result.held_out.n_looks == 1


def test_held_out_trials_are_scored_once_for_a_choice(trials, tmp_path, monkeypatch):
    settings = {"holdout": "story", "window": 1, "out": tmp_path, "min_folds": 1}
    first = search(Skilled(), trials, by_skill, n_trials=1, **settings)
    with monkeypatch.context() as patch:
        patch.setattr(searching, "score_held_out", None)
        again = search(Skilled(), trials, by_skill, n_trials=1, **settings)
    assert again.held_out == first.held_out
    more = search(Skilled(), trials, by_skill, n_trials=6, **settings)
    assert more.best_trial > 0
    assert more.held_out.n_looks == 2
    assert "2 choices of parameters" in more.verdict()[-1]


def test_failures_are_replaced_and_recorded(trials):
    def space(trial):
        skill = trial.suggest_float("skill", 0, 1)
        return {"skill": skill, "fails": trial.number in (1, 3)}

    result = search(Skilled(), trials, space, n_trials=4)
    assert list(result.table["trial"][result.table["state"] == "failed"]) == [1, 3]
    assert len(result.table) == 6
    assert "no such luck" in result.table["error"][1]


def test_a_decoder_that_always_fails_ends_the_search(trials):
    with pytest.raises(ValueError, match=r"3 trials .* failed in a row.*no such luck"):
        search(Skilled(fails=True), trials, by_skill, n_trials=9)


def test_a_leak_is_refused(trials):
    same = [trial.replace(stimuli=trials[0].stimuli) for trial in trials]
    with pytest.raises(LeakError):
        search(Skilled(), same, by_skill, n_trials=1)
    with pytest.raises(LeakError):
        search(Skilled(), [*trials[:9], same[9]], by_skill, holdout="story")


def test_lags_that_cross_the_gap_fail(trials):
    def space(trial):
        return {"tmax": trial.suggest_float("tmax", 1.5, 1.8)}

    with pytest.raises(ValueError, match="test data would reach into training"):
        search(Skilled(), trials, space, cv="time", gap=1, n_trials=3)


def test_another_search_is_not_mixed_in(trials, tmp_path):
    search(Skilled(), trials, by_skill, n_trials=1, out=tmp_path)
    changes = [{"window": 2}, {"cv": "trial"}, {"holdout": "story"}]
    for change in changes:
        with pytest.raises(ValueError, match="holds another search"):
            search(Skilled(), trials, by_skill, n_trials=1, out=tmp_path, **change)
    with pytest.raises(ValueError, match="holds another search"):
        search(Skilled(tmax=0.2), trials, by_skill, n_trials=1, out=tmp_path)
    search(Skilled(), trials, by_skill, n_trials=1, out=tmp_path, name="other", window=2)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n_trials": 0}, ValueError, "n_trials must be at least 1, got 0"),
        ({"min_folds": 0}, ValueError, "min_folds must be at least 1, got 0"),
        ({"window": 60}, ValueError, "no decision window fits"),
        ({"cv": "psychic"}, ValueError, "cv must be one of"),
        ({"holdout": "moon"}, ValueError, "holdout must be story, subject"),
        ({"holdout": "story:moon"}, ValueError, "there is no such story, known are"),
        ({"holdout": "subject"}, ValueError, "leaves no trial for the search"),
        ({"space": {"skill": 3}}, TypeError, r"space\['skill'\] must be an Optuna distribution"),
        ({"space": lambda trial: {"speed": 1}}, ValueError, "Invalid parameter 'speed'"),
        ({"storage": "nonsense://x"}, OSError, "the study cannot be kept in 'nonsense://x'"),
        ({"storage": "sqlite:////no/such/folder/s.db"}, OSError, "the study cannot be kept in"),
        (
            {"dask": "tcp://127.0.0.1:9"},
            OSError,
            "no Dask scheduler answers at 'tcp://127.0.0.1:9'",
        ),
    ],
)
def test_bad_requests_are_named(trials, monkeypatch, changes, error, message):
    monkeypatch.setattr(searching, "score_fold", None)
    monkeypatch.setattr("cocktailparty.search.jobs.PATIENCE", 0.5)
    arguments = {"space": by_skill, "n_trials": 2, **changes}
    with pytest.raises(error, match=message):
        search(Skilled(), trials, **arguments)
