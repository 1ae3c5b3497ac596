import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.base import BaseEstimator, clone

from cocktailparty import Trial, digests
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding import saving
from cocktailparty.decoding.saving import load_extra, load_model, save_model
from linear_aad import (
    AdaptiveDecoder,
    AttentionDecoder,
    AttentionTracker,
    BackwardTRF,
    CCADecoder,
    ForwardTRF,
    LassoTRF,
    SpatialDecoder,
)

RELATIVE = {"sfreq": 64, "alpha_convention": "relative"}
ONE = BackwardTRF(0.0, 0.2, alpha=1e-2, **RELATIVE)
SEVERAL = BackwardTRF(0.0, 0.2, alpha=[1e-2, 1e0], **RELATIVE)
DECODERS = {
    "ridge": AttentionDecoder(SEVERAL),
    "ledoit-wolf": AttentionDecoder(clone(ONE).set_params(alpha="ledoit-wolf")),
    "cca": CCADecoder(sfreq=64, combine="lda"),
    "adaptive": AdaptiveDecoder(ONE, random_state=0),
    "tracker": AttentionTracker(AttentionDecoder(ONE)),
    "spatial": SpatialDecoder(sfreq=64, bands=[(8, 20)], n_components=1),
    "riemann": SpatialDecoder(sfreq=64, bands=((8, 20),), method="riemann"),
}


@pytest.fixture(scope="module")
def trials():
    listeners = simulate_two_talkers(n_trials=5, n_channels=6, duration=20, random_state=0)
    return listeners.trials


@pytest.fixture(scope="module")
def trf(trials):
    return BackwardTRF(0.0, 0.2, **RELATIVE).fit(trials[0].eeg, trials[0].stimuli[0])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


def same(a, b):
    """Tell whether two values are of one type and equal bit for bit, whatever they hold."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype == object:
            return all(map(same, a.ravel(), b.ravel()))
        return a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a), list(b)) and same(list(a.values()), list(b.values()))
    if a is None or isinstance(a, bool | int | str):
        return a == b
    return same(vars(a), vars(b))


@pytest.mark.parametrize("name", DECODERS)
def test_a_loaded_decoder_is_the_same_bit_for_bit(trials, file, name):
    if name == "riemann":
        pytest.importorskip("pyriemann")
    decoder = clone(DECODERS[name]).fit(trials[:4])
    save_model(decoder, file)
    loaded = load_model(file)
    assert same(decoder, loaded)
    expected = decoder.window_scores(trials[4], 5.0)
    assert expected.tobytes() == loaded.window_scores(trials[4], 5.0).tobytes()
    assert load_extra(file) is None
    assert not list(file.parent.glob(".*"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loaded_forward_model_predicts_the_same(trials, file, dtype):
    stimuli = [trial.stimuli[0].astype(dtype) for trial in trials]
    eeg = [trial.eeg.astype(dtype) for trial in trials]
    trf = ForwardTRF(-0.1, 0.3, alpha=[1e-2, 1.0], alpha_per_output=True, **RELATIVE)
    trf.fit(stimuli[:4], eeg[:4])
    save_model(trf, file)
    loaded = load_model(str(file))
    assert same(trf, loaded)
    assert same(trf.predict(stimuli[4]), loaded.predict(stimuli[4]))


def test_a_loaded_decoder_goes_on_learning(trials, file):
    decoder = AdaptiveDecoder(ONE, random_state=0).fit(trials[:3])
    save_model(decoder, file)
    loaded = load_model(file)
    assert type(loaded.moments_).__module__ == type(decoder.moments_).__module__
    assert same(decoder.partial_fit(trials[3:]).coef_, loaded.partial_fit(trials[3:]).coef_)


DTYPES = st.one_of(
    hnp.scalar_dtypes(), hnp.unicode_string_dtypes(max_len=4), hnp.byte_string_dtypes(max_len=4)
)
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    )
)
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), ARRAYS,
    ARRAYS.map(lambda x: x.T), ARRAYS.filter(lambda x: x.size).map(lambda x: x.ravel()[0]),
)  # fmt: skip
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
    ),
    max_leaves=6,
)


@settings(max_examples=30)
@given(value=VALUES)
def test_any_value_comes_back(trf, tmp_path_factory, value):
    file = tmp_path_factory.mktemp("values") / "model"
    save_model(trf, file, value)
    assert same(load_extra(file), value)
    assert same(load_model(file), trf)


def test_memory_order_and_objects_come_back(trf, file, rng):
    x = rng.normal(size=(2, 3, 4))
    orders = [x.transpose(axes) for axes in ((0, 1, 2), (2, 1, 0), (1, 2, 0))]
    objects = np.array([[None, "a"], [(1, 2), rng.normal(size=2)]], dtype=object)
    save_model(trf, file, [*orders, objects])
    loaded = load_extra(file)
    assert same(loaded, [*orders, objects])
    assert [array.strides for array in loaded[:3]] == [array.strides for array in orders]
    loaded[0][0] = 0  # not read-only


def test_a_dataclass_of_the_library_comes_back(trf, file, trials):
    save_model(trf, file, trials[0])
    loaded = load_extra(file)
    assert isinstance(loaded, Trial)
    assert all(same(getattr(loaded, f.name), getattr(trials[0], f.name)) for f in fields(Trial))


def test_what_the_model_was_made_with_can_be_read_by_others(trf, file):
    save_model(trf, file, {"who": "S1"})
    with safe_open(file, framework="numpy") as opened:
        model = json.loads(opened.metadata()["model"])
        assert opened.get_tensor("estimator.coef_").shape == trf.coef_.shape
    assert model["estimator"]["class"] == "linear_aad.BackwardTRF"
    assert model["versions"]["numpy"] == np.__version__


@dataclass
class Foreign:
    x: int = 0


class ForeignEstimator(BaseEstimator):
    def fit(self):
        self.x_ = 1
        return self


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([Foreign()], r"extra\[0\] is a .*Foreign, which cannot be saved"),
        ({"a": np.random.default_rng(0)}, r"extra\[0\] is a numpy.random.*Generator"),
        (np.zeros(1, dtype=[("a", float)]), "extra is a numpy.ndarray"),
        (len, "extra is a builtins"),
    ],
)
def test_what_cannot_be_saved_is_named(trf, file, value, message):
    with pytest.raises(TypeError, match=message):
        save_model(trf, file, value)
    assert not list(file.parent.iterdir())


def test_what_is_no_model_is_not_saved(trf, file):
    with pytest.raises(ValueError, match=r"this AttentionDecoder is not fitted.*call fit first"):
        save_model(AttentionDecoder(trf), file)
    with pytest.raises(TypeError, match="must be an estimator, got dict"):
        save_model({}, file)
    with pytest.raises(TypeError, match=r"estimator is a .*ForeignEstimator"):
        save_model(ForeignEstimator().fit(), file)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist: make it first"):
        save_model(trf, file.parent / "nowhere" / "model")
    assert not list(file.parent.iterdir())


def test_a_file_that_is_no_model_is_refused(tmp_path, file):
    with pytest.raises(FileNotFoundError, match="missing does not exist: check the path"):
        load_model(tmp_path / "missing")
    file.write_bytes(b"something else, and long enough")
    with pytest.raises(ValueError, match="is not a model file"):
        load_model(file)
    save_file({"x": np.zeros(2)}, file, {"format": "np"})
    with pytest.raises(ValueError, match="is not a model file: it was not written by"):
        load_model(file)


def test_a_truncated_file_is_refused(trf, file):
    save_model(trf, file)
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ValueError, match="was not copied completely"):
        load_model(file)


def tampered(file, change):
    """Change the JSON and the arrays of a model file."""
    with safe_open(file, framework="numpy") as opened:
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        model = json.loads(opened.metadata()["model"])
    change(model, arrays)
    save_file(arrays, file, {"format": "cocktailparty-model", "model": json.dumps(model)})


def without(node, name):
    """Drop a parameter wherever it is, as in a file from before it existed."""
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict | list):
            without(value, name)
    if isinstance(node, dict):
        node.pop(name, None)


@pytest.mark.parametrize(
    "kind",
    [
        BackwardTRF(0.0, 0.2, **RELATIVE),
        ForwardTRF(0.0, 0.2, **RELATIVE),
        LassoTRF(0.0, 0.2),
        CCADecoder(tmax=0.1, stimulus_tmax=0.1),
        AttentionDecoder(ONE),
        AdaptiveDecoder(ONE, random_state=0, segment=10),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_from_before_means_were_removed_keep_them(trials, file, kind):
    trials = [trial.replace(eeg=trial.eeg + 1e-4) for trial in trials]
    pair = [trial.eeg for trial in trials], [trial.stimuli[0] for trial in trials]
    pair = pair[::-1] if isinstance(kind, ForwardTRF) else pair

    def used(model):
        if hasattr(model, "window_scores"):
            return model.window_scores(trials[0], 5)
        return model.predict(pair[0])[0]

    option = "regressor__remove_mean" if hasattr(kind, "regressor") else "remove_mean"
    model = clone(kind).set_params(**{option: False})
    model.fit(*([trials] if hasattr(model, "window_scores") else pair))
    save_model(model, file)
    tampered(file, lambda saved, arrays: without(saved, "remove_mean"))
    assert b"remove_mean" not in file.read_bytes()
    np.testing.assert_array_equal(used(load_model(file)), used(model))


def set_class(name):
    def change(model, arrays):
        model["estimator"]["class"] = name

    return change


def newer(model, arrays):
    model["version"] = saving.VERSION + 1
    model["versions"]["cocktailparty"] = "99.1"


def no_version(model, arrays):
    del model["version"]


def missing_array(model, arrays):
    del arrays["estimator.coef_"]


def other_shape(model, arrays):
    arrays["estimator.coef_"] = arrays["estimator.coef_"][..., :-1]


def other_dtype(model, arrays):
    arrays["estimator.coef_"] = arrays["estimator.coef_"].astype(np.float32)


def extra_array(model, arrays):
    arrays["estimator.more_"] = np.zeros(2)


def method_replaced(model, arrays):
    model["estimator"]["set"]["predict"] = 3


def dunder(model, arrays):
    model["estimator"]["set"]["__class__"] = 3


def unknown_parameter(model, arrays):
    model["estimator"]["init"]["colour"] = "blue"


def unknown_kind(model, arrays):
    model["estimator"]["init"]["tmin"] = {"kind": "pickle"}


def object_array(model, arrays):
    model["estimator"]["set"]["coef_"]["dtype"] = "|O"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (newer, r"made by cocktailparty 99.1 in format 3.*install a newer"),
        (no_version, "cannot be read .*version"),
        (missing_array, "the array estimator.coef_ is missing"),
        (other_shape, r"estimator.coef_ is float64 of shape \(1, 6, 13\), expected"),
        (other_dtype, "estimator.coef_ is float32 of shape .*, expected float64"),
        (object_array, "estimator.coef_ is float64 of shape .*, expected object"),
        (extra_array, r"\['estimator.more_'\] that nothing refers to"),
        (method_replaced, "has no attribute 'predict'"),
        (dunder, "has no attribute '__class__'"),
        (unknown_parameter, "colour.*made by another version"),
        (unknown_kind, "of the kind 'pickle'"),
        (set_class("os.system"), "'os.system', which is not one of this library"),
        (set_class("sklearn.pipeline.Pipeline"), "which is not one of this library"),
        (set_class("cocktailparty.__main__.main"), "which is not one of this library"),
        (set_class("linear_aad.Telepathy"), "which this version of the library does not have"),
        (set_class("linear_aad.no_such.Thing"), "which this version of the library does not have"),
        (set_class("linear_aad.attention.Any"), "which this version of the library does not have"),
        (set_class("cocktailparty.decoding.saving.Path"), "does not have"),
        (set_class("linear_aad.spatial.LogisticRegression"), "does not have"),
    ],
)
def test_a_file_that_was_tampered_with_is_refused(trf, file, change, message):
    save_model(trf, file)
    tampered(file, lambda model, arrays: None)
    assert same(load_model(file), trf)
    tampered(file, change)
    with pytest.raises(ValueError, match=message):
        load_model(file)


def test_an_old_file_survives_a_failed_write(trf, file, monkeypatch):
    save_model(trf, file)
    before = file.read_bytes()

    def fails(arrays, path, header):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(saving, "save_file", fails)
    with pytest.raises(OSError, match="disk full"):
        save_model(trf, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_no_flipped_bit_is_used(trf, file):
    save_model(trf, file, {"rate": 64.0})
    good = file.read_bytes()
    positions = np.random.default_rng(0).integers(8 * len(good), size=300)
    for position in positions.tolist():
        changed = bytearray(good)
        changed[position // 8] ^= 1 << position % 8
        file.write_bytes(changed)
        for load in (load_model, load_extra):
            with pytest.raises(ValueError, match=r"damaged|not a model file"):
                load(file)


def test_a_digest_under_a_damaged_name_is_missed(trf, file):
    save_model(trf, file)
    file.write_bytes(file.read_bytes().replace(b"sha256", b"sha257"))
    with pytest.raises(ValueError, match=r"is damaged: its header holds .*sha257"):
        load_model(file)


@pytest.mark.parametrize("depth", [300, 100_000])
def test_text_that_is_nested_too_deeply_is_refused_before_it_is_read(file, depth):
    text = '{"version": 1, "estimator": ' + "[" * depth + "]" * depth + "}"
    save_file({"x": np.zeros(2)}, file, {"format": "cocktailparty-model", "model": text})
    with pytest.raises(ValueError, match="is damaged: its text nests more than 200"):
        load_model(file)


def test_text_that_is_too_long_is_refused_before_it_is_read(trf, file, monkeypatch):
    save_model(trf, file)
    monkeypatch.setattr(digests, "MOST_TEXT", 100)
    with pytest.raises(ValueError, match=r"is damaged: its text has \d+ characters"):
        load_model(file)
    with pytest.raises(ValueError, match="this BackwardTRF cannot be saved: its text has"):
        save_model(trf, file)


def test_a_full_disk_is_an_error_of_the_system_that_names_the_file(trf, file):
    resource = pytest.importorskip("resource", reason="limits the size of files")
    save_model(trf, file)
    before = file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match=rf"model file {file} cannot be written: .*too large"):
            save_model(trf, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_safetensors_gets_arrays_in_the_order_of_c(trf, file, monkeypatch):
    trf.more_ = [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(8)[::2]]

    def checked(arrays, path, header):
        assert all(array.flags.c_contiguous for array in arrays.values())
        save_file(arrays, path, header)

    monkeypatch.setattr(saving, "save_file", checked)
    save_model(trf, file)
    for found, expected in zip(load_model(file).more_, trf.more_, strict=True):
        np.testing.assert_array_equal(found, expected)
