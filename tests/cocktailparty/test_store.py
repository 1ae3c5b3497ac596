import numpy as np
import pytest

from cocktailparty import Trial
from cocktailparty.model_selection import Fold
from cocktailparty.store import FoldStore
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
