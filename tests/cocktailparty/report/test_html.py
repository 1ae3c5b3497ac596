import base64
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from cocktailparty import Trial
from cocktailparty.evaluation import summarise
from cocktailparty.report.html import _results, write_report
from cocktailparty.report.verdict import verdict
from tests.cocktailparty.tested import records

CHANNELS = ["Fp1", "Cz", "Pz", "O2", "T7"]


def trials() -> list[Trial]:
    rng = np.random.default_rng(0)
    return [
        Trial(
            rng.normal(size=(768, 5)),
            rng.random((2, 768, 2)),
            sfreq=64,
            attended=1,
            subject=subject,
            story="<story>",
            name="t&1",
            channel_names=CHANNELS,
        )
        for subject in ("S1", "S2", "S3")
    ]


class LinearDecoder:
    """What a fitted linear decoder shows to the report."""

    regressor_ = SimpleNamespace(
        patterns_=np.random.default_rng(1).normal(size=(2, 5, 9)), lags_=np.arange(9), sfreq=64.0
    )

    def __repr__(self) -> str:
        return "LinearDecoder(alpha=<1>)"


def arguments() -> dict[str, Any]:
    held_out = trials()[0]
    return {
        "title": "A <b>title</b> & more",
        "data": "Recorded with <care> & patience.",
        "splits": "One story out.",
        "preprocessing": ["1-9 Hz", "64 Hz & <less>"],
        "trials": trials(),
        "decoders": {"ridge": LinearDecoder(), "guess": object()},
        "held_out": held_out,
        "reconstructions": {"ridge": held_out.stimuli[1] + 1e-3},
        "command": "cocktailparty compare --data 'x' > log & tail",
        "notes": ["<i>noted</i>"],
    }


@pytest.fixture(scope="module")
def folder(comparison: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    plt.close("all")
    folder = tmp_path_factory.mktemp("report") / "made" / "here"
    assert write_report(folder, comparison, **arguments()) == folder / "report.html"
    assert not plt.get_fignums()
    return folder


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def body(html: str) -> str:
    """Content below the scripts and styles."""
    return html[html.index("<body") :]


def test_folder_holds_report_tables_and_figures(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "accuracy.png",
        "group_tests.csv",
        "listeners.png",
        "pattern-1-ridge.png",
        "reconstruction-1-ridge.png",
        "report.html",
        "scores.png",
        "subjects.csv",
        "summary.csv",
        "table.csv",
        "tested_trials.csv",
    ]


def test_sections_come_in_order_with_the_verdict_first(html: str) -> None:
    titles = re.findall(r'<a class="nav-link[^>]*>([^<]*)</a>', html)
    assert titles == [
        "Verdict",
        "Data",
        "Splits",
        "Preprocessing",
        "Decoders",
        "Results",
        "Listeners",
        "Figures",
        "Versions",
        "Reproduce and cite",
    ]


def test_tables_hold_the_numbers(folder: Path, html: str, comparison: pd.DataFrame) -> None:
    counts = comparison.drop(columns="trials")
    pd.testing.assert_frame_equal(pd.read_csv(folder / "table.csv"), counts)
    trials = pd.read_csv(folder / "tested_trials.csv")
    assert len(trials) == comparison["trials"].map(len).sum()
    assert trials["n_windows"].sum() == comparison["n_windows"].sum()
    summary = summarise(comparison)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "summary.csv"), summary)
    for row in summary.to_dict("records"):
        cells = [
            f"{row['window']:g}",
            f"{row['n_correct']} / {row['n_windows']}",
            f"{100 * row['accuracy']:.1f} %",
            f"{100 * row['accuracy_mean']:.1f} ± {100 * row['accuracy_sd']:.1f} %",
            f"{100 * row['chance']:.1f} %",
        ]
        assert "".join(f"<td>{cell}</td>" for cell in cells) in html


def test_windows_left_out_and_what_is_not_about_attention_are_shown(
    comparison: pd.DataFrame,
) -> None:
    plain = _results(summarise(comparison))
    assert "left out" not in plain
    assert "n/a where one sound played" not in plain
    table = comparison.drop(columns="trials").assign(n_undecidable=3, task="match-mismatch")
    table["n_correct"] -= 0.5
    summary = summarise(table)
    shown = _results(summary)
    row = summary.iloc[0]
    assert f"<td>{row['n_correct']:g} / {row['n_windows']}</td><td>{row['n_undecidable']}" in shown
    assert row["n_undecidable"] == 3 * len(comparison) / 6
    assert shown.count("<td>n/a</td>") == 6 + 2 + 2 * 6  # ITR, MESD, two p without trials
    assert "n/a where one sound played" in shown


def test_verdict_stands_in_the_report(html: str, comparison: pd.DataFrame) -> None:
    text = re.sub(r"<[^>]+>", " ", body(html)).replace("&#x27;", "'")
    finding, *_, caution = verdict(comparison)
    statement, numbers = finding.removesuffix(".").split(" at ", maxsplit=1)
    assert re.search(rf"{statement}\s+at {re.escape(numbers.split(';')[0])}", text)
    assert caution in text


def test_data_are_counted(html: str) -> None:
    assert "<td>3 (S1, S2, S3)</td>" in html
    assert "<td>3, 0.6 min in all, 12.0 s each</td>" in html
    assert "<td>EEG channels</td><td>5</td>" in html


def test_text_from_outside_is_escaped(html: str) -> None:
    content = body(html)
    for text in (
        "A &lt;b&gt;title&lt;/b&gt; &amp; more",
        "Recorded with &lt;care&gt; &amp; patience.",
        "64 Hz &amp; &lt;less&gt;",
        "1 (&lt;story&gt;)",
        "LinearDecoder(alpha=&lt;1&gt;)",
        "held-out trial S1/t&amp;1",
        "cocktailparty compare --data &#x27;x&#x27; &gt; log &amp; tail",
        "&lt;i&gt;noted&lt;/i&gt;",
    ):
        assert text in content, text
    for tag in ("<b>title", "<care", "<less", "<story", "<1>", "<i>noted"):
        assert tag not in html


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    assert not re.findall(r"<(?:script|img|link|iframe|source)[^>]*(?:src|href)=(?!.?data:)", html)
    styles = "".join(re.findall(r'<style type="text/css">.*?</style>', html, flags=re.DOTALL))
    assert not re.findall(r"@import|url\((?![\"']?data:)", styles)
    # A link may be followed by hand; only MNE's own credit is there.
    assert set(re.findall(r'href="(\w+://[^"]*)"', body(html))) == {"https://mne.tools"}


def test_figures_are_embedded_as_they_lie_in_the_folder(folder: Path, html: str) -> None:
    for image in folder.glob("*.png"):
        assert base64.b64encode(image.read_bytes()).decode() in html
    for caption in ("Pattern of ridge", "Reconstruction by ridge", "The middle 10 s of the"):
        assert caption in html


@pytest.mark.usefixtures("undrawn")
def test_figures_for_print_are_written_beside(comparison: pd.DataFrame, tmp_path: Path) -> None:
    few = {"title": "t", "data": "d", "splits": "s", "preprocessing": "p"}
    with pytest.raises(ValueError, match="beside png, got"):
        write_report(tmp_path / "new", comparison, **few, figures=["eps"])
    assert not (tmp_path / "new").exists()
    write_report(tmp_path, comparison, **few, figures=["pdf"])
    images = {path.stem for path in tmp_path.glob("*.png")}
    assert (
        images
        == {path.stem for path in tmp_path.glob("*.pdf")}
        == {"accuracy", "listeners", "scores"}
    )


@pytest.mark.usefixtures("undrawn")
def test_second_run_takes_the_place_of_the_first(comparison: pd.DataFrame, tmp_path: Path) -> None:
    few = {"title": "t", "data": "d", "splits": "s", "preprocessing": "p"}
    (tmp_path / "keep.txt").write_text("mine")
    write_report(tmp_path, comparison, **few)
    first = {path.name: os.stat(path).st_ino for path in tmp_path.iterdir()}
    better = comparison.assign(n_correct=comparison["n_windows"])
    better["trials"] = [
        records(n, n, 4, trials[0]["part"], group=trials[0]["group"])
        for n, trials in zip(comparison["n_windows"], comparison["trials"], strict=True)
    ]
    write_report(tmp_path, better, **few)
    second = {path.name: os.stat(path).st_ino for path in tmp_path.iterdir()}
    assert set(second) == set(first)
    assert "guess decides above chance" in (tmp_path / "report.html").read_text()
    assert second["keep.txt"] == first["keep.txt"]


@pytest.mark.usefixtures("undrawn")
def test_failure_leaves_the_earlier_report_whole(comparison: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("earlier")
    (tmp_path / "table.csv").write_text("earlier")
    wrong = {**arguments(), "reconstructions": {"ridge": np.zeros((5, 2))}}
    with pytest.raises(ValueError, match="reconstruction has shape"):
        write_report(tmp_path, comparison, **wrong)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "report.html": "earlier",
        "table.csv": "earlier",
    }


def test_bad_input_is_refused_before_anything_is_written(
    comparison: pd.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "report"
    unlabelled = {**arguments(), "held_out": trials()[0].replace(attended=None)}
    with pytest.raises(ValueError, match="no attended label"):
        write_report(folder, comparison, **unlabelled)
    with pytest.raises(ValueError, match="holds no decision"):
        write_report(folder, comparison.iloc[:0], **arguments())
    assert not folder.exists()
