import mne
import numpy as np
import pytest

from cocktailparty.live import LiveDecoder
from tests.cocktailparty.live.session import (
    DECODERS,
    EEG_RATE,
    N_CHANNELS,
    NAMES,
    RATE,
    eeg_of,
    sounds,
    trained,
)

START, DURATION = 3.0, 20


@pytest.fixture(scope="module")
def models():
    return {name: trained(name) for name in DECODERS}


@pytest.fixture(scope="module")
def model(models):
    return models["ridge"]


@pytest.fixture(scope="module")
def recording():
    """EEG that begins before the sounds and goes on after them, and the sounds."""
    rng = np.random.default_rng(5)
    audio = sounds(rng, DURATION)
    eeg = eeg_of(audio, 1, rng, -14.0)
    rest = [1e-5 * rng.normal(size=(round(s * EEG_RATE), N_CHANNELS)) for s in (START, 2)]
    return np.concatenate([rest[0], eeg, rest[1]]), audio


def stamps(recording, origin=1000.0):
    eeg, audio = recording
    times = origin + np.arange(len(eeg)) / EEG_RATE
    return times, origin + START + np.arange(len(audio)) / RATE


def pushed(decoder, recording, eeg_chunk=16, audio_chunk=1000, times=None, until=None):
    """Decisions when chunks come in the order of their times."""
    eeg, audio = recording
    eeg_times, audio_times = stamps(recording) if times is None else times
    parts = [(eeg_times[i], 0, i) for i in range(0, len(eeg), eeg_chunk)]
    parts += [(audio_times[i], 1, i) for i in range(0, len(audio), audio_chunk)]
    decisions = []
    for time, kind, i in sorted(parts):
        if until is not None and time >= until:
            break
        if kind:
            part = slice(i, i + audio_chunk)
            decoder.push_audio(audio[part], audio_times[part])
        else:
            part = slice(i, i + eeg_chunk)
            decoder.push_eeg(eeg[part], eeg_times[part])
        decisions += decoder.advance()
    return decisions


def numbers(decisions):
    return np.array(
        [[d.end, *d.scores, *d.probability, d.nobody, d.lost, *d.gains_db] for d in decisions]
    )


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("absent", [0.0, 0.1])
def test_live_and_offline_give_the_same_answer(models, recording, name, absent):
    eeg, audio = recording
    decoder = LiveDecoder(models[name], EEG_RATE, RATE, dwell=30, steady=0.2, absent=absent)
    decisions = pushed(decoder, recording)
    info = mne.create_info(NAMES, EEG_RATE, "eeg")
    raw = mne.io.RawArray(eeg.T, info, verbose="ERROR")
    trial = decoder.model.trial(raw, [(sound, RATE) for sound in audio.T], START)
    table = decoder.model.decode(trial, 1.0, start=1000 + START, so_far=True)
    # The EEG of the trial ends with its sounds, that of the stream goes on.
    assert len(decisions) == len(table) - 1 == DURATION - 1
    found = numbers(decisions)
    table = table.iloc[: len(found)]
    np.testing.assert_allclose(found[:, 0], table["end"], atol=1e-9)
    # In the first window the means differ that are taken off, of the trial here and there.
    np.testing.assert_allclose(found[1:, 1:3], table[["score_0", "score_1"]][1:], atol=1e-9)
    expected = table[["probability_0", "probability_1", "follows_none"]]
    np.testing.assert_allclose(found[:, 3:6], expected, atol=1e-9)
    assert found[-1, 4] > 0.8
    assert (found[:, 6] == 0).all()


def test_decisions_do_not_depend_on_the_chunks(model, recording):
    expected = numbers(pushed(LiveDecoder(model, EEG_RATE, RATE), recording))
    for eeg_chunk, audio_chunk in ((1, 4000), (500, 77), (10**6, 10**6)):
        found = pushed(LiveDecoder(model, EEG_RATE, RATE), recording, eeg_chunk, audio_chunk)
        np.testing.assert_array_equal(numbers(found), expected)


def test_a_state_goes_on_bit_by_bit(model, recording):
    whole = numbers(pushed(LiveDecoder(model, EEG_RATE, RATE, absent=0.1), recording))
    for until in (2.0, 9.3):
        first = LiveDecoder(model, EEG_RATE, RATE, absent=0.1)
        before = pushed(first, recording, until=1000 + until)
        second = LiveDecoder.from_state(model, first.state())
        eeg, audio = recording
        times = stamps(recording)
        # What was pushed already, by the order of the chunks.
        n_eeg = 16 * sum(times[0][::16] < 1000 + until)
        n_audio = 1000 * sum(times[1][::1000] < 1000 + until)
        rest = (eeg[n_eeg:], audio[n_audio:])
        after = pushed(second, rest, times=(times[0][n_eeg:], times[1][n_audio:]))
        np.testing.assert_array_equal(numbers([*before, *after]), whole)


def test_lost_chunks_are_gaps_and_the_rest_is_as_it_was(model, recording):
    eeg, audio = recording
    times, audio_times = stamps(recording)
    lost = (times >= 1010.0) & (times < 1011.5)
    gone = (eeg[~lost], audio)
    whole = pushed(LiveDecoder(model, EEG_RATE, RATE), recording)
    found = pushed(LiveDecoder(model, EEG_RATE, RATE), gone, times=(times[~lost], audio_times))
    assert [d.end for d in found] == [d.end for d in whole]
    share = np.array([d.lost for d in found])
    assert (share > 0).sum() in (2, 3)
    assert share.max() > 0.5
    assert np.isnan(found[int(share.argmax())].scores).all()
    before = [i for i, d in enumerate(found) if d.end <= 1009.5]
    np.testing.assert_array_equal(
        [found[i].scores for i in before], [whole[i].scores for i in before]
    )
    # Some seconds later the filter has forgotten where it began.
    late = [i for i, d in enumerate(found) if d.end > 1017]
    np.testing.assert_allclose(
        [found[i].scores for i in late], [whole[i].scores for i in late], atol=0.01
    )
    # Joined as if nothing were missing, the rest of the EEG would be 1.5 s early.
    joined = (times[: (~lost).sum()], audio_times)
    wrong = pushed(LiveDecoder(model, EEG_RATE, RATE), gone, times=joined)
    assert np.mean([d.scores[1] for d in wrong[8:]]) < np.mean([d.scores[1] for d in found[9:]])


def test_duplicates_and_steps_back_use_no_sample_twice(model, recording):
    eeg, audio = recording
    times, audio_times = stamps(recording)
    order = np.r_[:1000, 900:1000, 1000:1600, 1300:1600, 1600 : len(eeg)]
    decoder = LiveDecoder(model, EEG_RATE, RATE)
    found = pushed(decoder, (eeg[order], audio), times=(times[order], audio_times))
    whole = pushed(LiveDecoder(model, EEG_RATE, RATE), recording)
    assert decoder.eeg.n_refused == 400
    # A duplicate may come before the original's neighbours; by the end all are there.
    np.testing.assert_allclose(numbers(found), numbers(whole), atol=1e-9)


def test_a_stall_and_a_burst_lose_nothing(model, recording):
    eeg, audio = recording
    times, audio_times = stamps(recording)
    decoder = LiveDecoder(model, EEG_RATE, RATE)
    decoder.push_audio(audio, audio_times)
    assert decoder.advance() == []
    decoder.push(eeg[:900], times[:900])
    first = decoder.advance()
    assert decoder.advance() == []
    decoder.push(eeg[900:], times[900:])
    whole = numbers(pushed(LiveDecoder(model, EEG_RATE, RATE), recording))
    np.testing.assert_array_equal(numbers([*first, *decoder.advance()]), whole)


def test_jitter_hardly_changes_scores(model, recording):
    rng = np.random.default_rng(0)
    times, audio_times = stamps(recording)
    jittered = times + rng.uniform(-0.008, 0.008, len(times))
    found = pushed(LiveDecoder(model, EEG_RATE, RATE), recording, times=(jittered, audio_times))
    whole = pushed(LiveDecoder(model, EEG_RATE, RATE), recording)
    gaps = [a.scores - b.scores for a, b in zip(found[3:], whole[3:], strict=True)]
    assert np.sqrt(np.mean(np.square(gaps))) <= 0.01


def test_eeg_may_come_late_and_sounds_may_end(model, recording):
    eeg, audio = recording
    times, audio_times = stamps(recording)
    late = times >= 1007.3
    decoder = LiveDecoder(model, EEG_RATE, RATE)
    found = pushed(decoder, (eeg[late], audio), times=(times[late], audio_times))
    found += decoder.finish()
    assert found[0].end == pytest.approx(1008.3, abs=0.02)
    assert found[-1].end <= 1000 + START + DURATION
    assert len(found) == 15


def test_silent_and_several_talkers_are_defined(model, recording):
    rng = np.random.default_rng(1)
    eeg, audio = recording
    three = np.concatenate([audio, sounds(rng, DURATION, 1)], axis=1)
    found = pushed(LiveDecoder(model, EEG_RATE, RATE, 3), (eeg, three))
    assert found[-1].probability.shape == (3,)
    assert found[-1].probability.argmax() == 1
    silent = audio * [0.0, 1.0]
    found = pushed(LiveDecoder(model, EEG_RATE, RATE), (eeg, silent))
    assert all(d.scores[0] == 0 for d in found)
    nothing = pushed(LiveDecoder(model, EEG_RATE, RATE), (eeg, 0 * audio))
    assert np.isnan(nothing[-1].scores).all()
    np.testing.assert_allclose(nothing[-1].gains_db, 0)


def test_bad_input_is_named(model):
    zero = trained(phase="zero", n_trials=4)
    decoder = LiveDecoder(model, EEG_RATE, RATE)
    for call, message in (
        (lambda: LiveDecoder(zero, EEG_RATE, RATE), "--causal --save-model"),
        (lambda: LiveDecoder(model, 16, RATE), "more than twice the h_freq=9 Hz"),
        (lambda: LiveDecoder(model, EEG_RATE, RATE, 1), "n_talkers must be at least 2"),
        (lambda: LiveDecoder(model, EEG_RATE, RATE, max_db=-1), "max_db must be"),
        (lambda: LiveDecoder(model, EEG_RATE, -1), "audio_sfreq"),
        (lambda: decoder.push(np.ones((4, 3)), np.arange(4)), "EEG channels last"),
        (lambda: decoder.push(np.full((4, 6), np.nan), np.arange(4)), "must be finite"),
        (lambda: decoder.push_audio(np.ones((4, 2)), np.arange(3)), "talkers last"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
