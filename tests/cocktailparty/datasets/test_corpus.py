import dataclasses

import pytest

from cocktailparty.datasets import CORPORA
from cocktailparty.model_selection.splits import SPLITS


@pytest.mark.parametrize("key", CORPORA)
def test_a_corpus_says_what_a_user_needs(key):
    corpus = CORPORA[key]
    assert corpus.key == key
    for field in ("title", "description", "layout", "obtain"):
        assert len(getattr(corpus, field)) > 5
    # EEG comes with a split that suits it, decoder outputs name what reads them
    assert (corpus.load is None) == (corpus.default_cv is None) == (corpus.reader != "load")
    assert corpus.default_cv is None or corpus.default_cv in SPLITS
    with pytest.raises(dataclasses.FrozenInstanceError):
        corpus.key = "other"
