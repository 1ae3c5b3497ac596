import logging
import sys
import warnings

import numpy as np
import pytest

from cocktailparty.model_selection.splits import Fold, folds
from cocktailparty.search.studies import fingerprint_of, open_study, quiet_optuna, suggest
from tests.cocktailparty.search.tiny import Skilled, by_skill, skilled, some_trials


@pytest.fixture
def optuna():
    with quiet_optuna() as library:
        yield library


def opened(optuna, storage=None, fingerprint="one", seed=0, name="s"):
    with open_study(optuna, storage, name, fingerprint, seed=seed, min_folds=2) as (study, _):
        return study


def draws(study, n=3):
    """Draw skills and complete the trials, as a search does."""
    drawn = []
    for _ in range(n):
        trial = study.ask()
        drawn.append(trial.suggest_float("skill", 0, 1))
        study.tell(trial, drawn[-1])
    return drawn


def failing():
    with quiet_optuna() as optuna:
        assert optuna.logging.get_verbosity() == logging.WARNING
        # Tests take warnings for errors.
        warnings.warn("soon", optuna.exceptions.ExperimentalWarning, stacklevel=1)
        raise ZeroDivisionError


def test_optuna_is_quiet_and_left_as_it_was():
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.DEBUG)
    with pytest.raises(ZeroDivisionError):
        failing()
    assert optuna.logging.get_verbosity() == logging.DEBUG
    optuna.logging.set_verbosity(before)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        warnings.warn("soon", optuna.exceptions.ExperimentalWarning, stacklevel=1)


def test_optuna_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with (
        pytest.raises(ImportError, match=r"pip install 'cocktailparty\[search\]'"),
        quiet_optuna(),
    ):
        pass


def test_a_study_maximises_and_stops_early(optuna):
    study = opened(optuna)
    assert study.direction.name == "MAXIMIZE"
    stopped = []
    for skill in np.linspace(0.9, 0.1, 9):
        trial = study.ask()
        for fold in range(1, 9):
            trial.report(skill, fold)
            if trial.should_prune():
                # Every trial gets its two folds.
                assert fold >= 2
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                stopped.append(skill)
                break
        else:
            study.tell(trial, skill)
    assert len(stopped) >= 4
    assert max(stopped) < 0.9


def test_a_seed_decides_and_a_study_that_goes_on_draws_anew(optuna, tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    first = draws(opened(optuna, storage))
    assert draws(opened(optuna)) == first
    assert draws(opened(optuna, seed=1)) != first
    more = draws(opened(optuna, storage))
    assert set(more).isdisjoint(first)
    assert len(opened(optuna, storage).trials) == 6


def test_a_study_of_another_search_is_refused(optuna, tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    opened(optuna, storage)
    with pytest.raises(ValueError, match=r"study 's' in 'sqlite.* holds another search"):
        opened(optuna, storage, fingerprint="two")
    opened(optuna, storage, fingerprint="two", name="other")
    opened(optuna, storage)


def test_a_database_that_cannot_be_opened_is_named(optuna):
    with pytest.raises(OSError, match="the study cannot be kept in 'sqlite:////no/such"):
        opened(optuna, "sqlite:////no/such/folder/study.db")


def test_a_fingerprint_tells_searches_apart(optuna):
    trials = some_trials()[:4]
    parts = folds(trials, "trial")
    space = {"skill": optuna.distributions.FloatDistribution(0, 1)}
    wider = {"skill": optuna.distributions.FloatDistribution(0, 2)}
    noted = [t.replace(metadata={"age": 3}) for t in trials]
    louder = [t.replace(eeg=2 * t.eeg) for t in trials]
    swapped = [Fold(fold.name, fold.test, fold.train) for fold in parts]
    searches = [
        (Skilled(), space, parts, 5.0),
        (Skilled(tmax=0.2), space, parts, 5.0),
        (skilled, space, parts, 5.0),
        (Skilled(), wider, parts, 5.0),
        (Skilled(), by_skill, parts, 5.0),
        (Skilled(), space, parts[1:], 5.0),
        (Skilled(), space, swapped, 5.0),
        (Skilled(), space, folds(louder, "trial"), 5.0),
        (Skilled(), space, parts, 2.0),
    ]
    found = [fingerprint_of(optuna, *search) for search in searches]
    assert len(set(found)) == len(searches)
    # Equal trials and spaces need not be the same objects.
    again = folds(some_trials()[:4], "trial")
    equal = {"skill": optuna.distributions.FloatDistribution(0, 1)}
    assert fingerprint_of(optuna, Skilled(), equal, again, 5) == found[0]
    assert fingerprint_of(optuna, Skilled(), space, folds(noted, "trial"), 5) == found[0]


def test_what_is_drawn_is_of_the_space(optuna):
    among = optuna.distributions
    space = {
        "kind": among.CategoricalDistribution(["a", "b"]),
        "rate": among.FloatDistribution(1e-5, 1, log=True),
        "share": among.FloatDistribution(0, 1, step=0.25),
        "size": among.IntDistribution(2, 8, step=3),
        "width": among.IntDistribution(1, 64, log=True),
    }
    study = opened(optuna)
    drawn = [suggest(study.ask(), space) for _ in range(30)]
    assert {one["kind"] for one in drawn} == {"a", "b"}
    assert {one["share"] for one in drawn} <= {0, 0.25, 0.5, 0.75, 1}
    assert {one["size"] for one in drawn} == {2, 5, 8}
    assert 1e-5 <= min(one["rate"] for one in drawn) < 1e-2
    assert all(1 <= one["width"] <= 64 for one in drawn)
    # The study knows the same space, so that it can go on elsewhere.
    assert study.trials[0].distributions == space


def test_a_trial_that_is_fixed_is_read(optuna):
    fixed = optuna.trial.FixedTrial({"skill": 0.25})
    space = {"skill": optuna.distributions.FloatDistribution(0, 1)}
    assert suggest(fixed, space) == suggest(fixed, by_skill) == {"skill": 0.25}
    with pytest.raises(TypeError, match=r"space\['skill'\] must be an Optuna distribution, got i"):
        suggest(fixed, {"skill": 3})
