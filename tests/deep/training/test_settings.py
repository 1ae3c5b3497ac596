import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from deep import NetworkEstimator, SigLIPDecoder, Training
from deep.training.settings import DEFAULTS
from tests.deep.tiny import TinyClassifier, made


class Nested(TinyClassifier):
    """The small classifier with the settings of its training in one parameter."""

    _training = NetworkEstimator._training

    def __init__(self, *, training=None, max_epochs=3, random_state=None):
        self.training = training
        self.max_epochs = max_epochs
        self.random_state = random_state


SETTINGS = {"batch_size": 8, "validation_fraction": 0.25, "learning_rate": 0.01}


def test_settings_in_one_parameter_train_as_settings_of_the_estimator():
    _, x, y = made(60)
    flat = TinyClassifier(random_state=0, **SETTINGS).fit(x, y)
    nested = Nested(training=Training(**SETTINGS), random_state=0).fit(x, y)
    np.testing.assert_array_equal(nested.decision_function(x), flat.decision_function(x))
    assert nested.history_["val_loss"] == flat.history_["val_loss"]


def test_what_is_left_out_has_defaults():
    filled = Training(patience=3).filled(DEFAULTS)
    assert (filled.patience, filled.batch_size, filled.optimizer) == (3, 64, "adam")
    assert Nested()._training.get_params() == Training(**DEFAULTS).get_params()


def test_parameters_of_the_training_are_those_of_the_estimator():
    plain, nested = SigLIPDecoder(), SigLIPDecoder(training=Training())
    assert plain.get_params().keys() == nested.get_params().keys()
    assert plain.set_params(training__learning_rate=0.5) is plain
    assert plain.training.learning_rate == 0.5
    assert SigLIPDecoder().training is None
    assert clone(plain).training is not plain.training
    with pytest.raises(ValueError, match="Invalid parameter 'rate'"):
        plain.set_params(training__rate=1)
    with pytest.raises(ValueError, match="Invalid parameter 'learning_rate'"):
        plain.set_params(learning_rate=1)


def test_searches_go_through_them():
    _, x, y = made(60)
    nested = Nested(training=Training(batch_size=8), random_state=0, max_epochs=8)
    search = GridSearchCV(nested, {"training__learning_rate": [1e-9, 0.05]}, cv=2).fit(x, y)
    assert search.best_params_ == {"training__learning_rate": 0.05}


def test_settings_of_older_files_find_their_place():
    older = {"window": 2.0, "learning_rate": 0.25, "verbose": True, "max_epochs": 7}
    found = SigLIPDecoder._from_older(older)
    training = found.pop("training")
    expected = Training(learning_rate=0.25, verbose=True)
    assert training.get_params() == expected.get_params()
    assert found == {"window": 2.0, "max_epochs": 7}
    unknown = {"window": 2.0, "no_such": 1}
    assert SigLIPDecoder._from_older(unknown) == unknown
