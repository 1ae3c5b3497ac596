import json

import numpy as np
import pandas as pd
import pytest

from cocktailparty import Trial
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.comparing import compare
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.model_selection.splits import Fold
from linear_aad import AttentionDecoder, BackwardTRF


@pytest.fixture
def fold():
    rng = np.random.default_rng(0)
    trials = [Trial(rng.normal(size=(64, 2)), rng.random((2, 64)), 64, attended=0) for _ in "ab"]
    return Fold("f", trials[:1], trials[1:])


def test_results_come_back(tmp_path, fold):
    store = FoldStore(tmp_path / "new" / "folder")
    key = store.key(AttentionDecoder(BackwardTRF()), fold, [1.0])
    assert store.load(key) is None
    store.save(key, {"S1": [{"window": 1.0}]})
    assert FoldStore(tmp_path / "new" / "folder").load(key) == {"S1": [{"window": 1.0}]}


def test_whatever_decides_a_result_decides_its_key(tmp_path, fold):
    store = FoldStore(tmp_path)
    test = fold.test[0]
    changed = test.eeg.copy()
    changed[3, 1] += 1e-9
    decoder = AttentionDecoder(BackwardTRF(alpha=1.0))
    variants = [
        (decoder, fold, [1.0]),
        (decoder, fold, [1.0, 2.0]),
        (AttentionDecoder(BackwardTRF(alpha=2.0)), fold, [1.0]),
        (decoder, Fold("f", fold.train, [test.replace(eeg=changed)]), [1.0]),
        (decoder, Fold("f", fold.train, [test.replace(attended=1)]), [1.0]),
        (decoder, Fold("f", fold.test, fold.train), [1.0]),
    ]
    keys = [store.key(*variant) for variant in variants]
    assert len(set(keys)) == len(keys)
    again = FoldStore(tmp_path)
    same = Fold("f", [t.replace() for t in fold.train], [t.replace() for t in fold.test])
    assert again.key(AttentionDecoder(BackwardTRF(alpha=1.0)), same, [1.0]) == keys[0]


def test_without_a_folder_nothing_is_kept(fold):
    store = FoldStore(None)
    key = store.key(AttentionDecoder(BackwardTRF()), fold, [1.0])
    store.save(key, {})
    assert store.load(key) is None


ROWS = {"S1": [{"window": 1.0, "accuracy": 0.75, "n_correct": 3, "n_windows": 4, "r": 0.1 + 1e-17}]}
KEY = "0123456789abcdef" * 2


def test_no_flipped_bit_is_used_and_none_stops_the_next_start(tmp_path):
    store = FoldStore(tmp_path)
    store.save(KEY, ROWS)
    file = tmp_path / f"{KEY}.json"
    good = file.read_bytes()
    for position in range(8 * len(good)):
        changed = bytearray(good)
        changed[position // 8] ^= 1 << position % 8
        file.write_bytes(changed)
        with pytest.warns(UserWarning, match=f"finished fold {file} is damaged .*computed again"):
            assert store.load(KEY) is None
    file.write_bytes(good)
    assert store.load(KEY) == ROWS


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "{}",
        lambda text: "[]",
        lambda text: "null",
        lambda text: '{"version": 2}',
        lambda text: '{"S1": 3}',
        lambda text: text + " ",
        lambda text: text.replace('"n_correct": 3', '"n_correct": 93'),
        lambda text: json.dumps(ROWS).replace('"n_correct": 3', '"n_correct": 93'),
        lambda text: json.dumps(ROWS).replace('"n_correct": 3', '"n_correct": "3"'),
        lambda text: json.dumps(ROWS).replace('"accuracy": 0.75', '"accuracy": NaN'),
        lambda text: "[" * 100_000,
        lambda text: '{"S1": ' + "[" * 1000 + "]" * 1000 + "}",
    ],
)
def test_a_damaged_fold_is_named_and_computed_again(tmp_path, change):
    store = FoldStore(tmp_path)
    store.save(KEY, ROWS)
    file = tmp_path / f"{KEY}.json"
    file.write_text(change(file.read_text()))
    with pytest.warns(UserWarning, match=f"{KEY}.json is damaged"):
        assert store.load(KEY) is None


def test_a_fold_under_the_name_of_another_is_damaged(tmp_path):
    store, other = FoldStore(tmp_path), KEY[::-1]
    store.save(KEY, ROWS)
    (tmp_path / f"{KEY}.json").rename(tmp_path / f"{other}.json")
    with pytest.warns(UserWarning, match="its digest is that of another content"):
        assert store.load(other) is None


def test_folds_of_the_first_version_are_read(tmp_path):
    (tmp_path / f"{KEY}.json").write_text(json.dumps(ROWS))
    assert FoldStore(tmp_path).load(KEY) == ROWS


def test_a_comparison_computes_damaged_folds_again(tmp_path):
    trials = simulate_two_talkers(n_trials=4, n_channels=4, duration=10, random_state=0).trials
    decoder = {"ridge": AttentionDecoder(BackwardTRF(0, 0.1, alpha_convention="relative"))}
    right = compare(decoder, trials, cv="trial", windows=[2], cache=tmp_path)
    file = sorted(tmp_path.glob("*.json"))[0]
    good = file.read_text()
    file.write_text(good.replace('"n_correct": ', '"n_correct": 9', 1))
    with pytest.warns(UserWarning, match=f"{file} is damaged"):
        again = compare(decoder, trials, cv="trial", windows=[2], cache=tmp_path)
    pd.testing.assert_frame_equal(again, right)
    assert file.read_text() == good


def test_left_over_files_of_killed_writers_are_removed(tmp_path):
    left, kept = tmp_path / f".{KEY}-ab_cd012.json", tmp_path / ".settings.json"
    for path in (left, kept):
        path.write_text("{")
    FoldStore(tmp_path)
    assert list(tmp_path.iterdir()) == [kept]
