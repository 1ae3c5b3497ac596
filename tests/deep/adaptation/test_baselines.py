import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from deep.adaptation.baselines import BASELINES, RestandardisedPipeline, baseline
from tests.deep.adaptation.test_estimator import NOISY, X, changed
from tests.deep.contrastive.sounds import classifier, clips


@pytest.fixture(scope="module")
def plain():
    return classifier().fit(X, clips()[1])


def test_published_methods_change_what_they_say(plain):
    before = plain.network_.arrays
    weights = {n for n in before if not n.startswith("state")}
    statistics = set(before) - weights
    norms = {n for n in weights if ".norm" in n}
    expected = {"none": set(), "bn": statistics, "tent": statistics | norms}
    for name, names in expected.items():
        adapter = baseline(name, plain, batch_size=8).partial_fit(NOISY[:8])
        assert changed(adapter, before) == names
    adapter = baseline("shot", plain, batch_size=8).partial_fit(NOISY[:8])
    moved = changed(adapter, before)
    assert "head.weight" not in moved
    assert "encoder.dense.weight" in moved
    assert set(BASELINES) == {*expected, "shot"}
    with pytest.raises(ValueError, match=r"name must be one of \['bn'"):
        baseline("sar", plain)


def test_features_are_standardised_again(rng):
    x, y = rng.normal(size=(60, 3)), np.arange(60) % 2
    x[:, 0] += 4 * y
    pipeline = make_pipeline(FunctionTransformer(), StandardScaler(), LogisticRegression())
    pipeline.fit(x, y)
    shifted = 3 * x + 50
    assert pipeline.score(shifted, y) == 0.5
    adapter = RestandardisedPipeline(pipeline)
    np.testing.assert_array_equal(adapter.predict(x), pipeline.predict(x))
    adapter.partial_fit(shifted[:20]).partial_fit(shifted[20:])
    np.testing.assert_array_equal(adapter.predict(shifted), pipeline.predict(x))
    assert adapter.reset().score(shifted, y) == 0.5
    assert adapter.fit(shifted).score(shifted, y) == pipeline.score(x, y)
    with pytest.raises(TypeError, match="adaptation takes no labels"):
        adapter.fit(x, y)
    with pytest.raises(ValueError, match=r"one StandardScaler, got 0 in \['logisticregression'\]"):
        RestandardisedPipeline(make_pipeline(LogisticRegression()).fit(x, y)).partial_fit(x)
    with pytest.raises(NotFittedError):
        RestandardisedPipeline(make_pipeline(StandardScaler(), LogisticRegression())).predict(x)
    with pytest.raises(TypeError, match="pipeline must be a Pipeline"):
        RestandardisedPipeline(LogisticRegression()).predict(x)
