import numpy as np
import pytest
import soundfile

from cocktailparty.recordings.audio.clips import AudioClip
from deep.asam.inputs import check_cues, check_speakers, check_waveform, check_waveforms, level

X = np.random.default_rng(0).normal(size=800)


def test_integers_are_brought_to_full_scale():
    pcm = np.round(X / 10 * 32768).astype(np.int16)
    np.testing.assert_allclose(check_waveform(pcm, "x", 8000), X / 10, atol=1e-4)
    byte = np.array([0, 128, 255], np.uint8)
    assert check_waveform(byte, "x", 8000).tolist() == [-1, 0, 127 / 128]


def test_files_are_averaged_and_resampled(tmp_path):
    time = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 440 * time)
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.stack([tone, 0 * tone], 1), 16000, subtype="FLOAT")
    x = check_waveform(path, "x", 8000)
    assert x.shape == (8000,)
    np.testing.assert_allclose(x[500:-500], tone[1000:-1000:2] / 2, atol=1e-3)
    assert len(check_waveform(AudioClip(str(path), 0.5), "x", 8000)) == 4000
    with pytest.raises(ValueError, match=r"tone.wav\) has a rate of 16000 Hz, which is less than"):
        check_waveform(path, "cue[0]", 44100)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        check_waveform(tmp_path / "none.wav", "x", 8000)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros(800), "x is silent: all samples are 0"),
        (np.r_[X, np.nan], "x holds NaN or infinity"),
        (np.stack([X, X], 1), r"x has shape \(800, 2\), expected \(n_samples,\): average"),
        (X[:100], "x lasts 0.0125 s .100 samples at 8000 Hz., expected at least 0.05 s"),
        (X[:0], "x lasts 0 s"),
        (X.astype(complex), "x holds complex128"),
        (["a", "b"], "x holds <U1"),
    ],
)
def test_what_is_no_waveform_is_refused(x, says):
    with pytest.raises(ValueError, match=says):
        check_waveform(x, "x", 8000, 0.05)


def test_lists_are_lists():
    with pytest.raises(ValueError, match=r"mixtures must be a list .* give \[waveform\]"):
        check_waveforms(X, "mixtures", 8000)
    with pytest.raises(ValueError, match="mixtures is empty"):
        check_waveforms([], "mixtures", 8000)
    with pytest.raises(ValueError, match=r"mixtures\[1\] is silent"):
        check_waveforms([X, 0 * X], "mixtures", 8000)
    assert len(check_waveforms(np.stack([X, X]), "mixtures", 8000)) == 2


def test_speakers_are_names():
    assert check_speakers(np.array(["a", "b"]), 2) == ["a", "b"]
    with pytest.raises(ValueError, match="all utterances are of 'a': a mixture needs at least two"):
        check_speakers(["a", "a"], 2)
    with pytest.raises(ValueError, match="2 speakers for 3 utterances"):
        check_speakers(["a", "b"], 3)
    with pytest.raises(TypeError, match="must be a string, got 1"):
        check_speakers([1, 2], 2)
    with pytest.raises(TypeError, match="a name for each utterance"):
        check_speakers("ab", 2)


def test_there_is_a_cue_for_each_mixture():
    assert check_cues(("a", X), 2)[0] == "a"
    with pytest.raises(ValueError, match="1 cues for 2 mixtures"):
        check_cues(["a"], 2)
    for single in ("a", X):
        with pytest.raises(ValueError, match="one cue for each mixture"):
            check_cues(single, 1)


def test_level_has_no_mean_and_power_one():
    y = level((X + 3).astype(np.float32) / 100)
    assert y.mean() == pytest.approx(0, abs=1e-6)
    assert np.square(y).mean() == pytest.approx(1, rel=1e-5)
