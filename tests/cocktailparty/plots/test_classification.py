import numpy as np
import pytest
from matplotlib import pyplot as plt

from cocktailparty.plots import confusion_matrix, embedding_map


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_rows_are_shares_of_the_true_class():
    ax = confusion_matrix(["a", "a", "a", "a", "b"], ["a", "a", "a", "b", "b"])
    assert ax.images[0].get_array().tolist() == [[75, 25], [0, 100]]
    assert [text.get_text() for text in ax.texts] == ["75", "25", "100"]
    ax = confusion_matrix(["a", "b"], ["a", "b"], classes=["b", "c", "a"])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["b", "c", "a"]
    assert ax.images[0].get_array()[1].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="must be equally long and not empty"):
        confusion_matrix(["a"], ["a", "b"])


def test_clusters_stay_apart(rng):
    labels = np.repeat(["a", "b"], 12)
    x = rng.normal(size=(24, 5)) + 20 * (labels == "b")[:, None]
    ax = embedding_map(x, labels)
    first, second = (np.asarray(c.get_offsets()) for c in ax.collections)
    assert [len(first), len(second)] == [12, 12]
    between = np.linalg.norm(first.mean(0) - second.mean(0))
    assert between > 2 * max(np.linalg.norm(p - p.mean(0), axis=1).max() for p in (first, second))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    with pytest.raises(ValueError, match="at least 3 clips"):
        embedding_map(x[:2], labels[:2])
