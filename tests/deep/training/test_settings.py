import numpy as np
import pytest
from sklearn.base import clone

from deep import ASAMSeparator, ContrastiveAudioClassifier, SigLIPDecoder, Training
from deep.training.settings import DEFAULTS
from tests.deep.tiny import TinyClassifier, made


def test_what_is_left_out_is_what_the_estimator_trains_with():
    _, x, y = made(60)
    chosen = {"batch_size": 8, "validation_fraction": 0.25, "learning_rate": 0.01}
    plain = TinyClassifier(random_state=0).fit(x, y)
    explicit = TinyClassifier(training=Training(**chosen), random_state=0).fit(x, y)
    np.testing.assert_array_equal(plain.decision_function(x), explicit.decision_function(x))
    assert plain.history_["val_loss"] == explicit.history_["val_loss"]
    other = TinyClassifier(training=Training(learning_rate=0.02), random_state=0).fit(x, y)
    assert other.history_["val_loss"] != plain.history_["val_loss"]
    assert plain.training is None


def test_what_is_left_out_has_defaults():
    filled = Training(patience=3).filled(DEFAULTS)
    assert (filled.patience, filled.batch_size, filled.optimizer) == (3, 64, "adam")
    assert (filled.schedule, filled.monitor) == ("constant", "val_loss")


def test_each_family_has_its_own_defaults():
    def chosen(estimator, *names):
        training = estimator._check_settings()
        return tuple(getattr(training, name) for name in names)

    names = ("optimizer", "learning_rate", "schedule", "clip_norm", "batch_size")
    assert chosen(ASAMSeparator(), *names) == ("adam", 2e-3, "warmup-cosine", 5.0, 6)
    paper = ASAMSeparator(preset="paper", training=Training(batch_size=3))
    assert chosen(paper, *names) == ("nadam", 2e-3, "constant", 200.0, 3)
    assert chosen(ASAMSeparator(), "validation_fraction") == (0.0,)
    sounds = ContrastiveAudioClassifier()
    assert chosen(sounds, *names) == ("adam", 3e-3, "cosine", None, 40)
    names = ("validation_fraction", "patience", "monitor")
    assert chosen(sounds, *names) == (0.0, None, "-val_accuracy")


FAMILIES = pytest.mark.parametrize(
    "family", [SigLIPDecoder, ASAMSeparator, ContrastiveAudioClassifier]
)


@FAMILIES
def test_parameters_of_the_training_are_those_of_the_estimator(family):
    plain, nested = family(), family(training=Training())
    assert plain.get_params().keys() == nested.get_params().keys()
    assert plain.set_params(training__learning_rate=0.5) is plain
    assert plain.training.learning_rate == 0.5
    assert family().training is None
    assert clone(plain).training is not plain.training
    with pytest.raises(ValueError, match="Invalid parameter 'rate'"):
        plain.set_params(training__rate=1)
    with pytest.raises(ValueError, match="Invalid parameter 'learning_rate'"):
        plain.set_params(learning_rate=1)


@FAMILIES
def test_settings_of_older_files_find_their_place(family):
    name = "window" if family is SigLIPDecoder else "sfreq"
    older = {name: 2.0, "learning_rate": 0.25, "verbose": True, "max_epochs": 7}
    found = family._from_older(older)
    training = found.pop("training")
    expected = Training(learning_rate=0.25, verbose=True)
    assert training.get_params() == expected.get_params()
    assert found == {name: 2.0, "max_epochs": 7}
    unknown = {name: 2.0, "no_such": 1}
    assert family._from_older(unknown) == unknown
