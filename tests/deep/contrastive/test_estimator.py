import equinox as eqx
import jax
import numpy as np
import pytest
import soundfile
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.recordings.audio.clips import AudioClip
from deep.audio.augmentation import Augmentation
from tests.deep.contrastive.sounds import SFREQ, classifier, clips

X, Y, VOICES = clips()


@pytest.fixture(scope="module")
def plain():
    return classifier().fit(X, Y)


@pytest.fixture(scope="module")
def contrasted():
    return classifier("mscl").fit(X, Y, metadata=VOICES)


def test_both_kinds_predict_classes_and_probabilities(plain, contrasted):
    for fitted in (plain, contrasted):
        probabilities = fitted.predict_proba(X)
        assert probabilities.shape == (16, 2)
        np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
        assert fitted.classes_.tolist() == ["high", "low"]
        chosen = fitted.predict(X)
        assert chosen.tolist() == fitted.classes_[probabilities.argmax(1)].tolist()
        assert fitted.score(X, Y) == np.mean(chosen == Y)
        embeddings = fitted.transform(X)
        assert embeddings.shape == (16, 8)
        assert embeddings.dtype == np.float32
        assert len(fitted.history_["loss"]) == fitted.n_iter_ == 2
    assert plain.linear_ is None
    assert contrasted.linear_.coef_.shape == (1, 8)
    # Encoder, and two linear layers for classes and for the column of metadata each.
    encoder = plain.n_parameters_ - (8 * 2 + 2)
    assert contrasted.n_parameters_ == encoder + 2 * (8 * 8 + 8 + 8 * 128 + 128)


def test_the_same_seed_gives_the_same_classifier(plain):
    again = clone(plain).fit(X, Y)
    assert np.array_equal(again.transform(X), plain.transform(X))
    other = clone(plain).set_params(random_state=1).fit(X, Y)
    assert not np.array_equal(other.transform(X), plain.transform(X))
    generator = classifier(random_state=np.random.RandomState(0)).fit(X, Y)
    assert isinstance(generator.random_state, np.random.RandomState)


def test_a_clip_is_heard_alone(plain):
    """Neither loud neighbours nor its own loudness, nor its container, matter."""
    quiet = [X[0]] + [100 * x for x in X[1:]]
    alone = plain.transform([X[0]])[0]
    np.testing.assert_allclose(plain.transform(quiet)[0], alone, atol=1e-5)
    np.testing.assert_allclose(plain.transform([X[0] / 10])[0], alone, atol=1e-4)
    pcm = np.round(X[0] / np.abs(X[0]).max() * 32767).astype(np.int16)
    np.testing.assert_allclose(plain.transform([pcm])[0], alone, atol=0.02)
    assert plain.predict([X[0]]).shape == (1,)


def test_files_are_read_when_they_are_needed(plain, tmp_path):
    paths = []
    for i, x in enumerate(X):
        paths.append(tmp_path / f"{i}.wav")
        soundfile.write(paths[-1], x, SFREQ, subtype="FLOAT")
    fitted = clone(plain).fit(paths, Y)
    np.testing.assert_array_equal(fitted.transform(X), plain.transform(X))
    whole = tmp_path / "all.wav"
    soundfile.write(whole, np.concatenate(X), SFREQ, subtype="FLOAT")
    stop = len(X[0]) / SFREQ
    part = AudioClip(str(whole), stop, stop + len(X[1]) / SFREQ)
    np.testing.assert_array_equal(plain.transform([part]), plain.transform([X[1]]))
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(OSError, match=r"all\.wav"):
        plain.transform([str(whole)])
    other = tmp_path / "other.wav"
    soundfile.write(other, X[0], 8000)
    with pytest.raises(ValueError, match=r"other\.wav has a rate of 8000 Hz, expected sfreq=4000"):
        plain.predict([other])
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.wav"):
        plain.predict([tmp_path / "none.wav"])


def test_a_classifier_is_saved_and_loaded(contrasted, tmp_path):
    save_model(contrasted, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), contrasted.predict_proba(X))
    varied = classifier(augmentation=Augmentation(shift=0.2))
    assert clone(varied).augmentation == Augmentation(shift=0.2)


def test_metadata_is_routed_through_a_grid_search(contrasted):
    with config_context(enable_metadata_routing=True):
        estimator = classifier("mscl").set_fit_request(metadata=True)
        search = GridSearchCV(estimator, {"C": [0.1, 1.0]}, cv=2)
        search.fit(X, Y, metadata=VOICES)
    assert search.best_estimator_.score(X, Y) == pytest.approx(contrasted.score(X, Y), abs=0.5)
    assert set(search.cv_results_["param_C"]) == {0.1, 1.0}


def test_missing_metadata_and_several_columns_are_taken():
    """Only traced, as another number of columns is another program."""
    estimator = classifier("mscl")
    columns = np.stack([VOICES, np.where(np.arange(16) < 4, None, VOICES)], axis=1)
    seen = {}

    def train(task, config, examples, *args, **options):
        model, state = eqx.filter_eval_shape(
            eqx.nn.make_with_state(estimator.architecture), **config, key=jax.random.key(0)
        )
        batch = examples.take(np.arange(8), None)
        seen["loss"] = eqx.filter_eval_shape(task, model, state, batch, jax.random.key(0))[0]
        seen["metadata"] = examples.more["metadata"]
        raise KeyboardInterrupt

    estimator._train = train
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, Y, metadata=columns)
    assert seen["loss"].shape == ()
    assert (seen["metadata"][:4, 1] == -1).all()
    assert (seen["metadata"][:, 0] >= 0).all()


def changed(index, clip):
    return [*X[:index], clip, *X[index + 1 :]]


@pytest.mark.parametrize(
    ("X", "y", "metadata", "options", "message"),
    [
        ([], [], None, {}, "X holds no clips"),
        (X[0], Y[:1], None, {}, r"X must be a list of clips, got a single one: give \[clip\]"),
        (X, Y[:3], None, {}, r"y has shape \(3,\), expected one class for each of 16 clips"),
        (X, ["a"] * 16, None, {}, "y holds one class, 'a': a classifier needs two"),
        (X, ["a"] * 15 + ["b"], None, {}, "class 'b' has one clip"),
        (X, [*Y[:15], None], None, {}, "y holds a missing value"),
        (X, np.arange(16) / 3, None, {}, "Unknown label type"),
        (X, Y, VOICES, {}, "method='ce' uses no metadata: take method='mscl'"),
        (X, Y, None, {"method": "mscl"}, "method='mscl' contrasts metadata: give some"),
        (X, Y, VOICES[:5], {"method": "mscl"}, r"metadata has shape \(5,\), expected a value"),
        (X, Y, ["a"] * 16, {"method": "mscl"}, r"column 0 of metadata has 1 value\(s\)"),
        (changed(2, np.full(600, np.nan)), Y, None, {}, r"X\[2\] holds NaN or infinity"),
        (changed(3, np.full(600, 0.2)), Y, None, {}, r"X\[3\] is constant"),
        (changed(1, X[1][:50]), Y, None, {}, r"X\[1\] has 50 samples, shorter than a frame of 128"),
        (changed(1, np.ones((600, 2))), Y, None, {}, r"X\[1\] has shape \(600, 2\).*stereo"),
        (changed(1, np.array(["x"] * 600)), Y, None, {}, r"X\[1\] holds <U1, expected a waveform"),
        (
            X,
            Y,
            None,
            {"method": "simclr"},
            r"method must be one of \['ce', 'scl'",
        ),
        (X, Y, None, {"backbone": "vgg"}, r"backbone must be one of .*'cnn10', 'cnn14', 'cnn6'"),
        (X, Y, None, {"class_weight": "even"}, "class_weight must be one of"),
        (X, Y, None, {"width": 0}, "width must be positive, got 0"),
        (X, Y, None, {"alpha": 2}, "alpha must be between 0 and 1, got 2"),
        (X, Y, None, {"dropout": 1}, "dropout must be at least 0 and less than 1"),
        (X, Y, None, {"n_views": 0}, "n_views must be an integer of at least 1"),
        (X, Y, None, {"noise": (20, 0)}, "noise must be the smallest and the largest ratio"),
        (X, Y, None, {"clip_duration": 0.1}, r"clip_duration=0.1 s is too short for cnn6.*0.15 s"),
        (X, Y, None, {"clip_duration": -1}, "clip_duration must be positive"),
        (X, Y, None, {"pretrained": "w.pth"}, "weights are those of a network of width 1"),
        (X, Y, None, {"training": {"max_minutes": 0}}, "max_minutes must be positive"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(X, y, metadata, options, message):
    options = dict(options)
    estimator = classifier(options.pop("method", "ce"), **options)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y, metadata=metadata)
    assert not hasattr(estimator, "network_")


def test_predictions_refuse_what_training_refuses(plain):
    with pytest.raises(ValueError, match="X holds no clips: 0 samples"):
        plain.predict([])
    with pytest.raises(ValueError, match=r"X\[0\] is constant"):
        plain.predict_proba([np.zeros(800)])
    with pytest.raises(ValueError, match="is not fitted yet"):
        classifier().predict(X)
