import numpy as np
import pytest

from cocktailparty.features import impulses, read_annotations

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 0.75
            text = "say"
        intervals [3]:
            xmin = 0.75
            xmax = 2
            text = "\"\"cat\"\""
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 2
        points: size = 1
        points [1]:
            number = 1.25
            mark = "x"
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
2
<exists>
2
"IntervalTier"
"words"
0
2
3
0
0.5
""
0.5
0.75
"say"
0.75
2
"\"\"cat\"\""
"TextTier"
"clicks"
0
2
1
1.25
"x"
"""


@pytest.mark.parametrize("text", [LONG, SHORT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_textgrids(tmp_path, text, encoding):
    path = tmp_path / "a.TextGrid"
    path.write_text(text, encoding=encoding)
    words = read_annotations(path, "words")
    assert words.values.tolist() == [[0.5, 0.75, "say"], [0.75, 2.0, '"cat"']]
    assert read_annotations(path, "clicks").values.tolist() == [[1.25, 1.25, "x"]]
    with pytest.raises(ValueError, match=r"has the tiers \['words', 'clicks'\]: name one"):
        read_annotations(path)
    with pytest.raises(ValueError, match="has no tier 'phones'"):
        read_annotations(path, "phones")


def test_tables_are_put_in_order_and_keep_their_columns(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("onset, word, surprisal\n1.5,cat,6\n0.25,the,1\n")
    table = read_annotations(path)
    assert table["word"].tolist() == ["the", "cat"]
    features = impulses(table["onset"], 128, 64, table[["surprisal"]])
    assert np.flatnonzero(features).tolist() == [16, 96]
    assert features[[16, 96], 0].tolist() == [1, 6]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.TextGrid", "something else", "is no TextGrid"),
        ("a.csv", "time,word\n1,a\n", r"has the columns \['time', 'word'\], expected one named"),
        ("a.csv", "onset\n1\nx\n", "onset 'x' of event 2 is no second from 0"),
        ("a.csv", "onset\n-1\n", "of event 1 is no second from 0"),
        ("a.csv", "onset\ninf\n", "of event 1 is no second from 0"),
        ("a.csv", "", "is no comma-separated table"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_annotations(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="check the path"):
        read_annotations(tmp_path / "none.csv")


def test_impulses_stand_at_the_nearest_samples_and_add_up():
    features = impulses([0.1, 0.104, 0.51, 9.0], 64, 64)
    assert features.shape == (64, 1)
    assert {i: features[i, 0] for i in np.flatnonzero(features)} == {6: 1, 7: 1, 33: 1}
    assert impulses([0.1, 0.1], 64, 64, [[1, 2], [3, 4]])[6].tolist() == [4, 6]
    assert impulses([], 8, 64).tolist() == [[0.0]] * 8


def test_standardised_values_say_nothing_about_where_events_are(rng):
    features = impulses(np.arange(20) / 4, 640, 64, rng.random(20), standardise=True)
    assert features.sum() == pytest.approx(0, abs=1e-12)
    assert np.sum(features**2) == pytest.approx(20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], 8, 64), "onsets must have shape"),
        (([-1.0], 8, 64), "seconds from 0, got -1"),
        (([np.nan], 8, 64), "1 NaN or infinite"),
        (([1.0], 8, 0), "sfreq must be a positive"),
        (([1.0], 8, 64, [1.0, 2.0]), r"values have shape \(2, 1\) for 1 onsets"),
        (([1.0], 8, 64, [np.inf]), "values has 1 NaN"),
    ],
)
def test_bad_events_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        impulses(*arguments)
    with pytest.raises(ValueError, match="all the same"):
        impulses([1.0, 2.0], 8, 64, [3.0, 3.0], standardise=True)
