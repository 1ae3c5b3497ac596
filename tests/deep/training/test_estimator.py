import pickle

import equinox as eqx
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from deep import Training
from deep.data.examples import ArrayExamples
from deep.layers import Linear
from deep.training.estimator import split_groups
from tests.deep.tiny import TinyClassifier, made


@pytest.fixture(scope="module")
def data():
    return made(60)[1:]


class Line(eqx.Module):
    last: Linear

    def __init__(self, n_inputs, n_classes, *, key):
        self.last = Linear(n_inputs, n_classes, key=key)

    def __call__(self, x, *, state, key=None):
        return self.last(x), state


class LineClassifier(TinyClassifier):
    """Each check has arrays of another shape, for which the smallest program is compiled."""

    architecture = Line


LINE = LineClassifier(
    training=Training(learning_rate=0.05, validation_fraction=0), max_epochs=4, random_state=0
)


@parametrize_with_checks([LINE])
def test_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_a_random_state_decides_everything(data):
    def scores(random_state):
        return TinyClassifier(random_state=random_state).fit(*data).decision_function(data[0])

    assert np.array_equal(scores(0), scores(0))
    assert not np.array_equal(scores(0), scores(1))
    assert np.array_equal(scores(np.random.RandomState(0)), scores(np.random.RandomState(0)))


def test_clones_and_pickles(data):
    fitted = TinyClassifier(random_state=0).fit(*data)
    scores = fitted.decision_function(data[0])
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.decision_function(data[0]), scores)
    assert np.array_equal(clone(fitted).fit(*data).decision_function(data[0]), scores)
    with pytest.raises(NotFittedError):
        clone(fitted).predict(data[0])


def test_folds_in_parallel_are_the_same_as_one_by_one(data):
    estimator = TinyClassifier(random_state=0, max_epochs=8)
    cv = KFold(2)
    alone = cross_val_score(estimator, *data, cv=cv)
    assert np.array_equal(cross_val_score(estimator, *data, cv=cv, n_jobs=2), alone)
    search = GridSearchCV(estimator, {"training__learning_rate": [1e-9, 0.05]}, cv=cv).fit(*data)
    assert search.best_params_ == {"training__learning_rate": 0.05}


def test_the_fit_tells_how_it_went(data):
    fitted = TinyClassifier(random_state=0, max_epochs=4).fit(*data)
    assert fitted.n_iter_ == len(fitted.history_["val_loss"]) == 4
    assert fitted.best_epoch_ == np.argmin(fitted.history_["val_loss"])
    assert fitted.stopped_ == "max_epochs=4 reached"
    whole = TinyClassifier(training=Training(validation_fraction=0), random_state=0).fit(*data)
    assert "val_loss" not in whole.history_


def test_whole_groups_are_held_out():
    examples = ArrayExamples({"x": np.arange(40)})
    groups = np.arange(40) % 8
    for seed in range(5):
        learning, held_out = split_groups(examples, groups, 0.25, seed)
        assert sorted([*learning.indices, *held_out.indices]) == list(range(40))
        assert len(set(groups[held_out.indices])) == 2
        assert not set(groups[held_out.indices]) & set(groups[learning.indices])
    assert (
        split_groups(examples, groups, 0.25, 1)[1].indices.tolist()
        == split_groups(examples, groups, 0.25, 1)[1].indices.tolist()
    )
    assert len(split_groups(examples, None, 0.001, 0)[1]) == 1
    assert len(split_groups(examples, groups, 0.999, 0)[0]) == 5
    assert split_groups(examples, groups, 0, 0) == (examples, None)
    with pytest.raises(ValueError, match=r"groups has shape \(3,\), expected one for each of 40"):
        split_groups(examples, [0, 1, 2], 0.1, 0)
    with pytest.raises(ValueError, match="needs at least 2 groups of examples to hold one out"):
        split_groups(examples, np.zeros(40), 0.1, 0)


def test_a_checkpoint_is_used_and_removed(data, tmp_path):
    estimator = TinyClassifier(training=Training(checkpoint=str(tmp_path)), random_state=0)
    estimator.fit(*data)
    assert tmp_path.is_dir()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be an integer of at least 1, got 0"),
        ({"training__batch_size": 2.5}, "batch_size must be an integer of at least 1, got 2.5"),
        ({"training__patience": -1}, "patience must be an integer of at least 1, got -1"),
        (
            {"training__validation_fraction": 1},
            "validation_fraction must be at least 0 and less than 1",
        ),
        ({"training__learning_rate": -1.0}, r"learning_rate must be positive, got -1\.0"),
        ({"training__precision": "half"}, r"precision must be one of .*got 'half'"),
        ({"training__device": "gpu"}, "device must be None, 'cpu' or 'cuda', got 'gpu'"),
        (
            {"training__checkpoint": "x", "random_state": None},
            "checkpoint needs an integer as random_state",
        ),
        ({"random_state": -1}, "random_state must be between 0 and 4294967295, got -1"),
        (
            {"training__batch_size": 100},
            r"batches of 100 cannot be made of 45 sample\(s\).*at most 45",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        TinyClassifier(random_state=0).set_params(**options).fit(*data)


def test_classes_are_held_out_in_equal_shares():
    examples = ArrayExamples({"x": np.arange(40)})
    classes = np.repeat([0, 1], [30, 10])
    learning, held_out = split_groups(examples, None, 0.2, 0, classes)
    assert np.bincount(classes[held_out.indices]).tolist() == [6, 2]
    assert sorted([*learning.indices, *held_out.indices]) == list(range(40))
