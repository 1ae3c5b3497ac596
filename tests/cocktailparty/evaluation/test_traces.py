import json

import numpy as np
import pytest
from sklearn.base import clone

from cocktailparty import datasets
from cocktailparty.evaluation.comparing import compare_planned
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.evaluation.traces import load_trace, save_trace, trace_of
from cocktailparty.model_selection import Split
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder

RIDGE = AttentionDecoder(BackwardTRF(0.0, 0.2, 64, alpha=1e-2, alpha_convention="relative"))
DECODERS = {"ridge": RIDGE, "cca": CCADecoder(0, 0.2, 64)}


@pytest.fixture(scope="module")
def plan():
    trials = datasets.simulate_two_talkers(
        n_trials=3, duration=20.0, n_channels=4, random_state=5
    ).trials
    return Split("trial", windows=[5]).plan(trials, DECODERS)


@pytest.mark.parametrize("name", DECODERS)
def test_a_trace_survives_the_store(plan, name, tmp_path):
    fold = plan.folds[0]
    fitted = clone(DECODERS[name]).fit(fold.train)
    trace = trace_of(fitted, fold.test[0])
    assert (trace.reconstruction is None) == (name == "cca")
    assert trace.pattern.any_sign == (name == "cca")
    store = FoldStore(tmp_path)
    assert load_trace(store, "a" * 32) is None
    save_trace(store, "a" * 32, trace)
    read = load_trace(store, "a" * 32)
    np.testing.assert_array_equal(read.pattern.values, trace.pattern.values)
    np.testing.assert_array_equal(read.pattern.lags, trace.pattern.lags)
    assert read.pattern.any_sign == trace.pattern.any_sign
    if name == "ridge":
        np.testing.assert_array_equal(read.reconstruction, trace.reconstruction)


def test_nothing_is_kept_without_a_folder_and_nothing_shown_of_what_has_nothing():
    store = FoldStore(None)
    trace = trace_of(object(), None)
    assert (trace.pattern, trace.reconstruction) == (None, None)
    save_trace(store, "", trace)
    assert load_trace(store, "") is None


def test_folds_of_former_versions_are_not_scored_again_and_resumed_ones_not_fitted(
    plan, tmp_path, monkeypatch
):
    table, traces = compare_planned(DECODERS, plan, FoldStore(tmp_path), traced=[0, 2])
    assert {name: list(own) for name, own in traces.items()} == {"ridge": [0, 2], "cca": [0, 2]}
    direct = trace_of(clone(RIDGE).fit(plan.folds[2].train), plan.folds[2].test[0])
    np.testing.assert_array_equal(traces["ridge"][2].pattern.values, direct.pattern.values)
    with monkeypatch.context() as patch:
        patch.setattr("cocktailparty.evaluation.comparing.fit_and_score", None)
        again, read = compare_planned(DECODERS, plan, FoldStore(tmp_path), traced=[0, 2])
    assert again.equals(table)
    np.testing.assert_array_equal(read["cca"][0].pattern.values, traces["cca"][0].pattern.values)
    for file in tmp_path.glob("*.json"):
        if "pattern" in json.loads(file.read_text())["content"]:
            file.unlink()
    monkeypatch.setattr(AttentionDecoder, "window_sweep", None)
    without, anew = compare_planned({"ridge": RIDGE}, plan, FoldStore(tmp_path), traced=[0])
    assert without.equals(table[table["decoder"] == "ridge"].reset_index(drop=True))
    np.testing.assert_array_equal(
        anew["ridge"][0].reconstruction, traces["ridge"][0].reconstruction
    )
