import json
import wave

import mne
import numpy as np
import pytest

from cocktailparty.live import DecisionFile, Loop, Replay, WaveFile, rerun
from cocktailparty.live.sinks import as_dict
from tests.cocktailparty.live.session import EEG_RATE, NAMES, RATE, eeg_of, sounds, trained

DURATION = 12


@pytest.fixture(scope="module")
def model():
    return trained()


@pytest.fixture(scope="module")
def recording():
    rng = np.random.default_rng(5)
    audio = sounds(rng, DURATION)
    return eeg_of(audio, 1, rng, -10.0), audio


def replay(recording, speed=np.inf):
    eeg, audio = recording
    return Replay((eeg, EEG_RATE), [(sound, RATE) for sound in audio.T], speed=speed)


def lines(decisions):
    return [json.dumps(as_dict(d)) for d in decisions]


def test_a_session_is_written_and_made_again_bit_by_bit(model, recording, tmp_path):
    model.save(tmp_path / "model")
    sinks = [WaveFile(tmp_path / "mix.wav"), DecisionFile(tmp_path / "decisions.jsonl")]
    log = tmp_path / "session.log"
    loop = Loop(replay(recording), model, sinks, log=log, model_path=tmp_path / "model")
    summary = loop.run()
    assert summary["errors"] == []
    assert summary["n_decisions"] == DURATION == len(loop.decisions)
    assert summary["chosen"][1] > DURATION / 2
    assert (tmp_path / "decisions.jsonl").read_text().splitlines() == lines(loop.decisions)
    assert lines(rerun(log)) == lines(loop.decisions)
    with wave.open(str(tmp_path / "mix.wav")) as file:
        assert file.getnframes() == DURATION * RATE
        mixture = np.frombuffer(file.readframes(DURATION * RATE), "<i2") / 32767
    # Until the first decision, the plain mixture; in the end the attended talker is louder.
    audio = recording[1]
    np.testing.assert_allclose(mixture[:RATE], audio[:RATE].sum(axis=1), atol=1e-4)
    gains = np.linalg.lstsq(audio[-RATE:], mixture[-RATE:], rcond=None)[0]
    assert gains[1] > 1.1 * gains[0]


def test_a_log_that_was_cut_gives_what_reached_the_disk(model, recording, tmp_path):
    log = tmp_path / "session.log"
    loop = Loop(replay(recording), model, log=log)
    loop.run()
    data = log.read_bytes()
    for share in (0.3, 0.7):
        log.write_bytes(data[: int(share * len(data))])
        found = lines(rerun(log, model))
        assert len(found) >= int(share * DURATION) - 2
        assert found == lines(loop.decisions)[: len(found)]
    (tmp_path / "other").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="is no log"):
        rerun(tmp_path / "other", model)
    with pytest.raises(ValueError, match="give the model"):
        rerun(log)


class Full(DecisionFile):
    """A disk that is full after some samples."""

    def __init__(self, n):
        self.n = n

    def open(self, audio_sfreq):
        self.n_written = 0

    def sound(self, mixture):
        self.n_written += len(mixture)
        if self.n_written > self.n:
            raise OSError(28, "No space left on device")

    def decision(self, decision):
        pass

    def close(self):
        pass


def test_a_full_disk_and_a_dead_decoder_stop_nothing_else(model, recording, tmp_path):
    sinks = [Full(3 * RATE), WaveFile(tmp_path / "mix.wav")]
    summary = Loop(replay(recording), model, sinks).run()
    assert summary["errors"] == ["Full: [Errno 28] No space left on device"]
    assert summary["n_decisions"] == DURATION
    loop = Loop(replay(recording), model, [WaveFile(tmp_path / "mix.wav")])

    def fail():
        raise ValueError("broken")

    loop.decoder.advance = fail
    summary = loop.run(seconds=4)
    assert summary["errors"] == ["the decoder: broken"]
    with wave.open(str(tmp_path / "mix.wav")) as file:
        mixture = np.frombuffer(file.readframes(4 * RATE), "<i2") / 32767
    np.testing.assert_allclose(mixture, recording[1][: 4 * RATE].sum(axis=1), atol=1e-4)


def test_samples_that_are_not_finite_are_lost(model, recording):
    eeg, audio = recording
    source = replay((eeg.copy(), audio))
    loop = Loop(source, model)
    source._eeg[5 * EEG_RATE : 6 * EEG_RATE, 2] = np.nan
    summary = loop.run()
    assert summary["samples_not_finite"] == EEG_RATE
    assert 0.05 < summary["mean_lost"] < 0.3
    assert summary["n_decisions"] == DURATION


def test_a_replay_keeps_time(model, recording):
    import time

    began = time.perf_counter()
    summary = Loop(replay(recording, speed=8), model).run(seconds=4)
    assert time.perf_counter() - began >= 0.5
    assert summary["seconds"] == pytest.approx(4, abs=0.05)


def test_bad_sources_are_named(model, recording):
    eeg, audio = recording
    one, two = ((sound, RATE) for sound in audio.T)
    info = mne.create_info([*NAMES[1:], "X"], EEG_RATE, "eeg")
    other = mne.io.RawArray(eeg.T, info, verbose="ERROR")
    silent, clipped = (0 * audio[:, 0], RATE), (np.sign(audio[:, 0]), RATE)
    for call, message in (
        (lambda: Replay((eeg, EEG_RATE), [one]), "two or more sounds, got 1"),
        (lambda: Replay((eeg, EEG_RATE), [one, (audio[:, 1], 16000)]), "different sampling rates"),
        (lambda: Replay((eeg, EEG_RATE), [one, silent]), r"sounds\[1\] is silent"),
        (lambda: Replay((eeg, EEG_RATE), [clipped, two]), r"sounds\[0\] is clipped"),
        (lambda: Replay((eeg, EEG_RATE), [one, two], speed=0), "speed must be positive"),
        (lambda: Loop(Replay(other, [one, two]), model), r"lacks channel\(s\) \['E0'\]"),
        (lambda: Loop(Replay((eeg, EEG_RATE), [one, two], start=99), model), "start=99 s lies"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
