"""What live decoding costs: a hop, a second of streams, and the delay of a decision.

A hop of .5 s of 64 channels at 512 Hz and of two talkers at 16 kHz, as far as the rows of the grid,
against the same from a buffer of 20 s that is filtered and resampled anew with zero phase, as
published; the compiled causal gammatone against SciPy's filters band by band in blocks of 16 ms;
and a replay as fast as it goes: times real time, memory, and the time of first and last decisions.

    OMP_NUM_THREADS=1 python benchmarks/speed/live.py [--minutes 10] [--out results.json]
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from scipy.signal import sosfilt

from cocktailparty import Trial
from cocktailparty.causal import CausalSampler
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding import train_model
from cocktailparty.features import speech_envelope
from cocktailparty.features.causal_envelope import CausalEnvelope
from cocktailparty.features.filterbank import erb_frequencies, gammatone_sos
from cocktailparty.live import Loop, Replay
from cocktailparty.live.buffer import eeg_stream, sound_stream
from cocktailparty.preprocessing import bandpass, interpolate
from cocktailparty.versions import versions
from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF

EEG, AUDIO, N_CHANNELS = 512, 16000, 64
RNG = np.random.default_rng(0)


def model():
    """Train on simulated trials: what it decodes does not matter here."""
    trials = simulate_two_talkers(n_trials=6, n_channels=N_CHANNELS, snr=-18, random_state=0).trials
    trials = [
        Trial(t.eeg, t.stimuli, 64, attended=t.attended, story=str(i)) for i, t in enumerate(trials)
    ]
    trf = BackwardTRF(0, 0.4, 64, alpha=1e-2, alpha_convention="relative")
    return train_model(AttentionTracker(AttentionDecoder(trf)), trials, phase="causal")


def median_time(call, n):
    """Median CPU seconds of a call."""
    times = []
    for _ in range(n):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return float(np.median(times))


def hop(trained):
    """CPU of half a second of samples in chunks of 16 ms, and of a buffer of 20 s anew."""
    eeg, sound = eeg_stream(trained, EEG), sound_stream(trained, AUDIO, 2)
    n_eeg, n_audio = EEG // 2, AUDIO // 2
    position = [0]

    def stream():
        k = position[0]
        for i in range(31):
            a, b = (round(n_eeg * j / 31) for j in (i, i + 1))
            eeg.push(RNG_EEG[a:b], (k * n_eeg + np.arange(a, b)) / EEG, 0.0)
            a, b = (round(n_audio * j / 31) for j in (i, i + 1))
            sound.push(RNG_AUDIO[a:b], (k * n_audio + np.arange(a, b)) / AUDIO, 0.0)
        eeg.grid.forget(eeg.grid.stop - 200)
        sound.grid.forget(sound.grid.stop - 200)
        position[0] += 1

    whole_eeg = RNG.normal(size=(20 * EEG, N_CHANNELS))
    whole_audio = RNG.normal(size=(20 * AUDIO, 2))

    def anew():
        bandpass(interpolate(whole_eeg, np.arange(20 * 64) * EEG / 64, EEG / 64), 64, 1, 9)
        for sound_ in whole_audio.T:
            bandpass(speech_envelope(sound_, AUDIO, 64), 64, 1, 9)

    stream()
    anew()
    return {"stream_s": median_time(stream, 20), "anew_s": median_time(anew, 5)}


RNG_EEG, RNG_AUDIO = RNG.normal(size=(EEG // 2, N_CHANNELS)), RNG.normal(size=(AUDIO // 2, 2))


def gammatone():
    """CPU of a second of two talkers in blocks of 16 ms."""
    block = round(0.016 * AUDIO)
    audio = RNG.normal(size=(62 * block, 2))
    times = np.arange(len(audio)) / AUDIO
    bank = gammatone_sos(erb_frequencies(150.0, 4000.0), AUDIO)

    def compiled():
        envelope = CausalEnvelope(AUDIO, 64, 2)
        for i in range(0, len(audio), block):
            envelope.push(audio[i : i + block], times[i : i + block])

    def scipy():
        sampler = CausalSampler(AUDIO, 64)
        states = [np.zeros((len(sos), 2, 2)) for sos in bank]
        for i in range(0, len(audio), block):
            total = 0.0
            for k, sos in enumerate(bank):
                band, states[k] = sosfilt(sos, audio[i : i + block], axis=0, zi=states[k])
                total = total + np.abs(band) ** 0.6
            sampler.push(total / len(bank), times[i : i + block])

    compiled()
    return {"compiled_s": median_time(compiled, 7), "sosfilt_s": median_time(scipy, 7)}


def replayed(trained, minutes):
    """Measure times real time, growth of memory, and the time that decisions took."""
    n_eeg, n_audio = round(60 * minutes * EEG), round(60 * minutes * AUDIO)
    eeg = RNG.normal(size=(n_eeg, N_CHANNELS)).astype(np.float32)
    rhythm = RNG.lognormal(size=(round(300 * minutes) + 2, 2))
    envelope = [
        np.interp(np.arange(n_audio) * 5 / AUDIO, np.arange(len(rhythm)), r) for r in rhythm.T
    ]
    sounds = [(0.05 * e * RNG.uniform(-1, 1, n_audio), AUDIO) for e in envelope]
    loop = Loop(Replay((eeg, EEG), sounds, speed=np.inf), trained)
    memory = []
    loop._status = lambda *_: memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    cpu, wall = time.process_time(), time.perf_counter()
    summary = loop.run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    took = 1000 * np.array(loop.latencies[:-1])
    tenth = len(took) // 10
    return {
        "minutes": minutes,
        "times_real_time": 60 * minutes / wall,
        "share_of_a_core": cpu / (60 * minutes),
        "memory_growth_MB": (memory[-1] - memory[tenth]) / 1e3,
        "decision_ms": {
            "median": float(np.median(took)),
            "p99": float(np.percentile(took, 99)),
            "median_first_tenth": float(np.median(took[:tenth])),
            "median_last_tenth": float(np.median(took[-tenth:])),
        },
        "errors": summary["errors"],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    trained = model()
    results = {"hop": hop(trained), "gammatone": gammatone()}
    results["hop"]["ratio"] = results["hop"]["anew_s"] / results["hop"]["stream_s"]
    results["gammatone"]["ratio"] = (
        results["gammatone"]["sosfilt_s"] / results["gammatone"]["compiled_s"]
    )
    results |= {"replay": replayed(trained, options.minutes), "versions": versions()}
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
