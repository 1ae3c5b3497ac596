import numpy as np
import pytest

from cocktailparty.datasets import load_kul_correlations
from tests.cocktailparty.datasets.miniatures import save, truncate, write_kul

FILE = "corrs-linearDecoder-das2016.mat"


def test_scores_are_found_by_subject_and_window(tmp_path, rng):
    corrs = write_kul(tmp_path, rng)
    correlations = load_kul_correlations(tmp_path)
    assert correlations.subjects == ("S1", "S2", "S3")
    np.testing.assert_array_equal(correlations.windows, [60, 30, 10])
    for i, scores in enumerate(correlations.scores):
        for j, window in enumerate(correlations.windows):
            np.testing.assert_array_equal(scores[window], corrs[i, j])
            right = np.mean(scores[window][:, 0] > scores[window][:, 1])
            assert correlations.accuracy[i, j] == right


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=FILE):
        load_kul_correlations(tmp_path)


def test_truncated_file_is_named(tmp_path, rng):
    write_kul(tmp_path, rng)
    truncate(tmp_path / FILE)
    with pytest.raises(OSError, match=FILE):
        load_kul_correlations(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"acc": np.ones((3, 2))}, r"acc has shape \(3, 2\) and corrs \(3, 3\), expected \(3, 3\)"),
        ({"corrs": np.ones((3, 3))}, "corrs must be a cell array"),
        ({"corrs": np.full((3, 3), 0.5, dtype=object)}, "two columns"),
        ({"paramsAAD": {"fs": 20}}, r"paramsAAD has no field \['subjects', 'windowLengths'\]"),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, changes, message):
    variables = {
        "acc": np.ones((3, 3)),
        "corrs": write_kul(tmp_path, rng),
        "paramsAAD": {"subjects": [[1, 2, 3]], "windowLengths": [[60, 30, 10]]},
    }
    save(tmp_path, FILE, **{**variables, **changes})
    with pytest.raises(ValueError, match=message):
        load_kul_correlations(tmp_path)


def test_real_correlations_give_the_published_accuracies(shared_data):
    correlations = load_kul_correlations(shared_data("eeg/kul_window_corrs"))
    assert len(correlations.subjects) == 16
    for i, scores in enumerate(correlations.scores):
        right = [np.mean(np.diff(scores[window]) < 0) for window in correlations.windows]
        np.testing.assert_allclose(right, correlations.accuracy[i], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        100 * correlations.accuracy.mean(axis=0), [89.5, 83.2, 78.8, 72.6, 66.6, 57.9], atol=0.06
    )
