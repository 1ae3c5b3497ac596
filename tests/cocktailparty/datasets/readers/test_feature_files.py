import numpy as np
import pytest
from scipy.io import savemat

from cocktailparty.datasets.readers.feature_files import read_features, resample_features


def test_arrays_tables_and_matlab_files_hold_the_same(tmp_path, rng):
    features = rng.random((640, 2))
    np.save(tmp_path / "a.npy", features)
    savemat(tmp_path / "b.mat", {"env": features, "fs": 64.0})
    np.savetxt(tmp_path / "c.csv", features, delimiter=",", fmt="%.17g")
    header = "time,low,high"
    times = np.arange(640) / 64
    np.savetxt(tmp_path / "d.csv", np.column_stack([times, features]), "%.17g", ",", header=header,
               comments="")  # fmt: skip
    for name, rate in (
        ("a.npy", 64),
        ("b.mat", None),
        ("b.mat", 64),
        ("c.csv", 64),
        ("d.csv", None),
    ):
        found, sfreq = read_features(tmp_path / name, rate)
        np.testing.assert_array_equal(found, features)
        assert sfreq == pytest.approx(64, rel=1e-12)


def test_one_feature_may_stand_in_a_row_or_a_column(tmp_path, rng):
    envelope = rng.random(300)
    savemat(tmp_path / "row.mat", {"x": envelope, "Fs": 100})
    np.save(tmp_path / "flat.npy", envelope)
    for name in ("row.mat", "flat.npy"):
        np.testing.assert_array_equal(read_features(tmp_path / name, 100)[0], envelope[:, None])


def test_another_rate_keeps_slow_signals_and_times():
    slow = np.sin(2 * np.pi * 2 * np.arange(1000) / 100)[:, None]
    found = resample_features(slow, 100, 64)
    assert found.shape == (640, 1)
    expected = np.sin(2 * np.pi * 2 * np.arange(640) / 64)
    np.testing.assert_allclose(found[20:-20, 0], expected[20:-20], atol=2e-3)
    assert resample_features(slow, 100, 100.00001) is slow


@pytest.mark.parametrize(
    ("name", "content", "rate", "message"),
    [
        ("a.npy", np.ones((640, 2)), None, "does not state its sampling rate: write it"),
        ("a.npy", np.ones((2, 640)), 64, "time is expected first"),
        ("a.npy", np.ones((3, 4, 5)), 64, "expected numbers of shape"),
        ("a.npy", np.array(["x", "y"]), 64, "expected numbers of shape"),
        ("a.npy", np.array([1.0, np.nan]), 64, "1 NaN or infinite"),
        ("a.mat", {"x": np.ones(9), "y": np.ones(8)}, 64, r"of which \['x', 'y'\] could be"),
        ("a.mat", {"fs": 64.0}, 64, "of which [] could be".replace("[]", r"\[\]")),
        ("a.mat", {"x": np.ones(9), "fs": 64.0}, 100, "states 64 Hz, but 100 Hz are asked for"),
        ("a.csv", "left,right\n1,2\n3,x\n", 64, "is no table of numbers"),
        ("a.csv", "time,x\n0,1\n1,2\n5,3\n", None, "does not rise in equal steps"),
        ("a.csv", "", 64, "is no table of numbers"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, rate, message):
    path = tmp_path / name
    if isinstance(content, dict):
        savemat(path, content)
    elif isinstance(content, str):
        path.write_text(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=message) as error:
        read_features(path, rate)
    assert name in str(error.value)


def test_missing_files_are_named(tmp_path):
    for name in ("a.npy", "a.mat", "a.csv"):
        with pytest.raises(FileNotFoundError, match=name):
            read_features(tmp_path / name, 64)
