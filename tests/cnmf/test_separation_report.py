import json

import numpy as np
import pytest
import soundfile
from sklearn.exceptions import NotFittedError

from cnmf.separation_report import plot_separation, separate_and_report
from cnmf.steering import NeuroSteeredSeparator
from cocktailparty.features import stft

RATE, SFREQ = 8000, 64


@pytest.fixture(scope="module")
def mixture():
    rng = np.random.default_rng(0)
    envelopes = np.repeat(rng.random((2, 80)) ** 3, 8, axis=1)
    time = np.arange(640 * 125) / RATE
    tones = np.sin(2 * np.pi * np.array([[400], [2000]]) * time)
    return (np.repeat(envelopes, 125, axis=1) * tones).sum(axis=0), envelopes


def test_everything_is_written_and_fits_together(mixture, tmp_path):
    audio, envelopes = mixture
    stereo = np.stack([audio, 0.5 * audio], axis=1)
    separator = NeuroSteeredSeparator(n_components=4, random_state=0)
    out = tmp_path / "new" / "folder"
    record = separate_and_report(separator, stereo, RATE, out, guide=envelopes[1], sfreq=SFREQ)
    assert record == json.loads((out / "separation.json").read_text())
    parts = [soundfile.read(out / f"{name}.wav") for name in ("attended", "rest")]
    assert [rate for _, rate in parts] == [RATE, RATE]
    np.testing.assert_allclose(parts[0][0] + parts[1][0], stereo, atol=1e-6)
    assert (out / "separation.png").read_bytes().startswith(b"\x89PNG")
    assert record["chosen"] == separator.attention_.chosen.tolist()
    assert record["confidence"] > 0.95
    assert "better than chance" in record["why"]
    expected = np.sum(parts[0][0] ** 2) / np.sum(stereo**2)
    assert record["share_of_power"] == pytest.approx(expected, rel=1e-5)
    assert sorted(path.name for path in out.iterdir()) == [
        "attended.wav",
        "rest.wav",
        "separation.json",
        "separation.png",
    ]


def test_a_guide_that_tells_nothing_is_said_to(mixture, tmp_path):
    separator = NeuroSteeredSeparator(n_components=3, random_state=0)
    guide = np.ones(640)
    record = separate_and_report(separator, mixture[0], RATE, tmp_path, guide=guide, sfreq=SFREQ)
    assert record["confidence"] == 0
    assert record["correlation"] is None
    attended, _ = soundfile.read(tmp_path / "attended.wav")
    gain = -20 * np.log10(np.abs(attended).max() / np.abs(mixture[0]).max())
    np.testing.assert_allclose(attended, 10 ** (-gain / 20) * mixture[0], atol=1e-3)
    said = f"no stronger than chance gives: attended.wav is the mixture, {gain:.0f} dB quieter"
    assert said in record["why"]


def test_figure_shows_the_levels(mixture):
    audio, _ = mixture
    figure = plot_separation(audio, np.stack([audio, 0 * audio]), RATE)
    images = [axes.get_images()[0].get_array() for axes in figure.axes[:3]]
    np.testing.assert_array_equal(images[0], images[1])
    assert images[0].max() == 0
    assert images[2].max() < -200
    loudest = np.argmax(images[0].max(axis=1)) / len(images[0]) * RATE / 2
    assert min(abs(loudest - 400), abs(loudest - 2000)) < 50


def test_figure_of_a_long_mixture_from_files(mixture, tmp_path):
    audio = np.tile(np.stack([mixture[0], -mixture[0]], axis=1), (16, 1))
    separator = NeuroSteeredSeparator(n_components=2, max_iter=5, random_state=0)
    guide = np.random.default_rng(0).random(16 * 640)
    separate_and_report(separator, audio, RATE, tmp_path, guide=guide, sfreq=SFREQ)
    parts = [soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("attended", "rest")]
    np.testing.assert_allclose(np.sum(parts, axis=0), audio, atol=1e-6)
    images = [axes.get_images()[0] for axes in plot_separation(audio, parts, RATE).axes[:3]]
    assert images[0].get_extent()[:2] == [0, 160]
    # Every second frame, half a window apart, of the mixture and of what was written.
    for image, sound in zip(images, (audio, *parts), strict=True):
        expected = np.abs(stft(sound[:, 0], 512, 256))[::2].T
        shown = 10 ** (image.get_array() / 20) * np.abs(stft(audio[:, 0], 512, 256))[::2].max()
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1e-6 * expected.max())


def test_known_parts_and_formats_are_recorded(mixture, tmp_path):
    audio, envelopes = mixture
    loud = np.repeat(envelopes, 125, axis=1)
    time = np.arange(len(audio)) / RATE
    parts = 2 * loud * np.sin(2 * np.pi * np.array([[400], [2000]]) * time)
    separator = NeuroSteeredSeparator(random_state=3)
    common = {"guide": envelopes[1], "sfreq": SFREQ, "parts": list(parts), "names": ["a", "b"]}
    with pytest.warns(UserWarning, match="cut at full scale in PCM_16"):
        record = separate_and_report(
            separator, 2 * audio, RATE, tmp_path, source="mix.wav", subtype="PCM_16", **common
        )
    assert soundfile.info(tmp_path / "attended.wav").subtype == "PCM_16"
    assert record["why"].startswith("Part b follows the guide")
    assert (record["input"], record["seed"], record["parts"]) == ("mix.wav", 3, ["a", "b"])
    assert abs(record["lag"]) < 0.05
    assert record["remainder"] is None
    assert record["peaks"]["attended"] > 1
    record = separate_and_report(separator, 2 * audio, RATE, tmp_path, scale_peaks=True, **common)
    written = [soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("attended", "rest")]
    assert max(np.abs(part).max() for part in written) == pytest.approx(1)
    np.testing.assert_allclose(np.sum(written, axis=0), record["gain"] * 2 * audio, atol=1e-6)
    with pytest.raises(ValueError, match="subtype must be one of"):
        separate_and_report(separator, audio, RATE, tmp_path, subtype="MP3", **common)


def test_bad_requests_write_nothing(mixture, tmp_path):
    audio, envelopes = mixture
    separator = NeuroSteeredSeparator(n_components=3)
    for arguments, message in (
        ({}, "give either eeg or guide"),
        ({"guide": envelopes[0], "eeg": envelopes.T}, "give either eeg or guide"),
        ({"guide": envelopes[0][:100]}, "guide lasts"),
    ):
        with pytest.raises(ValueError, match=message):
            separate_and_report(separator, audio, RATE, tmp_path / "x", sfreq=SFREQ, **arguments)
    with pytest.raises(ValueError, match="whole number of hertz"):
        separate_and_report(
            separator, audio, 8000.5, tmp_path / "x", guide=envelopes[0], sfreq=SFREQ
        )
    with pytest.raises(NotFittedError):
        separate_and_report(
            separator,
            audio,
            RATE,
            tmp_path / "x",
            eeg=envelopes.T,
            sfreq=SFREQ,
        )
    assert not (tmp_path / "x").exists()
