import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cocktailparty import Trial
from cocktailparty.decoding import TrainedModel
from cocktailparty.metrics import ShiftTest
from cocktailparty.model_selection import Split
from cocktailparty.notebook import facts_table, some_of
from cocktailparty.search.results import SearchResult
from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF

HOSTILE = '<script>alert("1")</script>&amp;<img src=x onerror=alert(1)>'


class Reader(HTMLParser):
    """Texts, and elements that are open or wrongly closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts, self.open, self.tags = [], [], set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(html: str) -> list[str]:
    """The texts of HTML that is closed and holds what tables need, nothing else."""
    reader = Reader(html)
    assert reader.open == []
    assert reader.tags <= {"div", "strong", "table", "tr", "th", "td", "p"}
    return reader.texts


def hostile_trial(rng, k=0, **options):
    return Trial(
        rng.normal(size=(640, 3)),
        rng.random((2, 640)),
        64,
        attended=k % 2,
        subject=HOSTILE,
        story=f"{HOSTILE} {k}",
        name=f"{HOSTILE} {k}",
        channel_names=[HOSTILE, "Fp2", "Cz"],
        metadata={HOSTILE: HOSTILE},
        **options,
    )


def test_a_trial_shows_what_it_holds(rng):
    trial = Trial(
        rng.normal(size=(640, 5)),
        rng.random((2, 640, 3)),
        64,
        attended=1,
        subject="S1",
        name="S1-03",
        channel_names=["Fp1", "Fp2", "Fz", "Cz", "Pz"],
        audio=rng.normal(size=80000),
        audio_sfreq=8000,
        metadata={"snr": -3},
    )
    texts = read(trial._repr_html_())
    assert texts[0] == "Trial S1-03"
    assert dict(zip(texts[1::2], texts[2::2], strict=True)) == {
        "subject": "S1",
        "EEG": "10.0 s at 64 Hz, 5 channels",
        "channels": "Fp1, Fp2, Fz, Cz, ... (5)",
        "stimuli": "2, with 3 features each",
        "attended": "1",
        "audio": "10.0 s at 8000 Hz",
        "metadata": "snr = -3",
    }


def test_a_trial_without_labels_and_stimuli_says_so(rng):
    trial = Trial(
        rng.normal(size=(640, 1)), None, 64, audio=rng.normal(size=80000), audio_sfreq=8000
    )
    texts = read(trial._repr_html_())
    assert texts[0] == "Trial"
    assert {"unknown", "not known, only the mixture", "10.0 s at 64 Hz, 1 channel"} <= set(texts)


def test_a_shift_test_shows_its_p_value():
    texts = read(ShiftTest(0.1, np.linspace(-0.04, 0.05, 99))._repr_html_())
    assert dict(zip(texts[1::2], texts[2::2], strict=True)) == {
        "observed": "0.1000",
        "mean of 99 shifts": "0.0050",
        "highest of them": "0.0500",
        "p": "0.01",
    }


def plan(rng):
    trials = [hostile_trial(rng, k) for k in range(4)]
    decoder = AttentionDecoder(BackwardTRF(0, 0.1, 64))
    return Split("story", windows=[5, 10]).plan(trials, {"ridge": decoder})


def search_result():
    return SearchResult(
        best_settings={HOSTILE: HOSTILE},
        best_parameters={HOSTILE: 1.0},
        best_trial=3,
        score=0.75,
        n_folds=4,
        window=5.0,
        table=pd.DataFrame({"state": ["complete"]}),
        held_out=None,
        study=SimpleNamespace(),
    )


def trained_model():
    tracker = AttentionTracker(AttentionDecoder(BackwardTRF(0, 0.1, 64)))
    return TrainedModel(tracker, 64.0, 1.0, None, HOSTILE, {}, [HOSTILE, "Cz"], 2, [])


def test_a_plan_shows_its_folds(rng):
    texts = read(plan(rng)._repr_html_())
    assert "5, 10 s" in texts
    assert any(re.search(r"Split\('story'", text) for text in texts)


def test_a_search_shows_its_verdict():
    texts = read(search_result()._repr_html_())
    assert any("optimistic" in text for text in texts)


def test_a_trained_model_shows_how_recordings_are_prepared():
    texts = read(trained_model()._repr_html_())
    assert {"AttentionDecoder", "64 Hz", "1 Hz to open"} <= set(texts)


@pytest.mark.parametrize(
    "make",
    [
        hostile_trial,
        plan,
        lambda rng: search_result(),
        lambda rng: trained_model(),
    ],
    ids=["trial", "plan", "search", "model"],
)
def test_names_never_become_markup(rng, make):
    html = make(rng)._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert any(HOSTILE[:30] in text for text in read(html))


def test_long_texts_are_cut_before_they_are_escaped():
    texts = read(facts_table("x" * 300, {"<" * 300: "&" * 300}))
    assert texts == ["x" * 197 + "...", "<" * 197 + "...", "&" * 197 + "..."]


def test_what_is_not_known_has_no_row():
    assert read(facts_table("title", {"a": None, "b": "", "c": 0}, ["note"])) == [
        "title", "c", "0", "note"
    ]  # fmt: skip


def test_few_names_are_listed_whole():
    assert some_of(["a", "b"]) == "a, b"
    assert some_of("abcde", n=2) == "a, b, ... (5)"
