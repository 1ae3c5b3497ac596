import numpy as np
import pandas as pd

from deep.contrastive.labels import check_labels, check_metadata


def test_classes_are_numbered_in_their_order():
    classes, labels = check_labels(["b", "a", "b", "a"], 4)
    assert classes.tolist() == ["a", "b"]
    assert labels.tolist() == [1, 0, 1, 0]
    assert check_labels([3.0, 1.0, 3.0, 1.0], 4)[0].tolist() == [1.0, 3.0]


def test_metadata_of_any_kind_with_missing_values():
    table = pd.DataFrame({"sex": ["F", "M", None, "F"], "age": [40, np.nan, 7, 40]})
    assert check_metadata(table, 4).T.tolist() == [[0, 1, -1, 0], [0, -1, 1, 0]]
    assert check_metadata([1, "", 2, 1], 4).T.tolist() == [[0, -1, 1, 0]]
