"""Live decoding against what goes wrong: lost samples, nobody, switches; and what it costs.

Simulated listeners (envelopes and EEG at 64 Hz, so that one listener takes seconds) are decoded
window by window with the steps of a live decoder. Models are trained on other trials of
the same listener; nothing is chosen on what is tested: each dwell has its row.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/live.py [--listeners 8] [--out results.json]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from cocktailparty.causal import CausalFilter, bandpass_sos
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding import train_model
from cocktailparty.decoding.excerpts import ExcerptScorer
from cocktailparty.live import talker_gains
from cocktailparty.preprocessing import preprocess
from cocktailparty.versions import versions
from linear_aad import AttentionDecoder, AttentionTracker, BackwardTRF

SNR, ABSENT, N_CHANNELS = -30.0, 0.03, 32
TRF = BackwardTRF(0, 0.4, 64, alpha=1e-2, alpha_convention="relative")
LOSSES = (0.0, 0.02, 0.05, 0.1, 0.2)
DWELLS = (15.0, 30.0, 60.0, 120.0)
SECONDS = 300
# Of the rate, channels and sounds of what is decoded; its samples do not matter.
TEMPLATE = simulate_two_talkers(n_trials=1, n_channels=N_CHANNELS, duration=8).trials[0]


def listener(seed):
    """Train on ten trials; return the model and a session of five minutes with switches."""
    trials = simulate_two_talkers(
        n_trials=20, n_channels=N_CHANNELS, duration=60, snr=SNR, n_stories=10, random_state=seed
    ).trials
    trials = [t.replace(story=str(i)) for i, t in enumerate(trials)]
    train = preprocess(trials[:10], 64, 1, 9, "causal")
    model = train_model(AttentionTracker(AttentionDecoder(TRF), cv="trial"), train, phase="causal")
    # Attention switches where trials meet: each is cut at a random moment.
    rng = np.random.default_rng(seed)
    parts, attended = [], []
    while sum(len(p[0]) for p in parts) < SECONDS * 64:
        trial = trials[10 + len(parts) % 10]
        n = int(64 * rng.uniform(25, 60))
        swap = rng.integers(2)
        stimuli = trial.stimuli[:, :n, 0].T
        parts.append((trial.eeg[:n], stimuli[:, ::-1] if swap else stimuli))
        attended.append(np.full(n, trial.attended ^ swap))
    eeg, stimuli = (np.concatenate(p)[: SECONDS * 64] for p in zip(*parts, strict=True))
    return model, eeg, stimuli, np.concatenate(attended)[: SECONDS * 64]


def filtered(rows):
    return CausalFilter(bandpass_sos(64, 1, 9)).push(rows)


def scored(model, eeg, stimuli, lost=None, window=1.0, hop=1.0):
    """Scores (n_windows, 2) and shares (n_windows,) of data; raw EEG, `lost` bool per sample."""
    lost = np.zeros(len(eeg), bool) if lost is None else lost
    x, s = np.zeros_like(eeg), filtered(stimuli)
    edges = np.flatnonzero(np.diff(np.r_[True, lost, True].astype(int)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        x[start:stop] = filtered(eeg[start:stop])
    scorer = ExcerptScorer.of(model.tracker.decoder_, TEMPLATE, window)
    n, after = scorer.n_window, scorer.n_after
    scores, shares = [], []
    for start in range(0, len(x) - n - after + 1, round(64 * hop)):
        part = slice(start, start + n + after)
        shares.append(1 - lost[part].mean())
        scores.append(scorer.score(x[part], s[part].T[:, :, None], 0))
    return np.array(scores), np.array(shares)


def tracked(model, scores, shares=None, **settings):
    tracker, state, found = model.tracker, None, []
    tracker.set_params(**settings)
    shares = np.ones(len(scores)) if shares is None else shares
    for row, share in zip(scores, shares, strict=True):
        known = share >= 0.5
        posterior, state = tracker.step(
            row if known else np.full(2, np.nan), state, share if known else 1.0
        )
        found.append((*posterior.probability, posterior.none))
    return np.array(found)


def dropped(rng, n, share):
    """Pieces of .5 s that are lost, `share` of the samples."""
    pieces = rng.random(n // 32) < share
    return np.repeat(pieces, 32)


def losses(sessions):
    """Share of right decisions with lost samples, known as gaps, or joined."""
    table = {}
    for share in LOSSES:
        known, joined = [], []
        for seed, (model, eeg, stimuli, attended) in enumerate(sessions):
            lost = dropped(np.random.default_rng(seed), len(eeg), share)
            truth = attended[63::64]
            scores, shares = scored(model, eeg, stimuli, lost)
            p = tracked(model, scores, shares, dwell=30.0, steady=0.0, absent=ABSENT)
            known.append(right(p, truth))
            if share:
                rest = eeg[~lost]
                scores, _ = scored(model, rest, stimuli[: len(rest)])
                p = tracked(model, scores, None, dwell=30.0, steady=0.0, absent=ABSENT)
                joined.append(right(p, truth))
        table[f"{share:g}"] = {"known": summary(known), "joined": summary(joined)}
    return table


def right(p, truth):
    n = min(len(p), len(truth))
    return 100 * np.mean(p[:n, :2].argmax(axis=1) == truth[:n])


def summary(values):
    if not len(values):
        return None
    return {"mean": round(float(np.mean(values)), 2), "sd": round(float(np.std(values)), 2)}


def nobody(sessions):
    """Gains after a minute, in dB, with the EEG of another listener and with the own one.

    The mean absolute gain, and for the own EEG that towards the attended talker, with and without
    the possibility that nobody is followed.
    """
    rows = {"with nobody": {"absent": ABSENT, "none": 0.25}, "without": {"absent": 0.0, "none": 0}}
    found = {name: {"other": [], "own": [], "own, attended": []} for name in rows}
    for i, (model, eeg, stimuli, attended) in enumerate(sessions):
        other = sessions[(i + 1) % len(sessions)][1]
        truth = np.where(attended[63::64] == 0, 1, -1)
        both = {name: scored(model, x, stimuli)[0] for name, x in (("own", eeg), ("other", other))}
        for name, settings in rows.items():
            for whose, scores in both.items():
                gains = gain(tracked(model, scores, dwell=30.0, steady=0.0, **settings))[60:]
                found[name][whose].append(np.abs(gains).mean())
                if whose == "own":
                    right_way = gains * truth[60 : 60 + len(gains)]
                    found[name]["own, attended"].append(right_way.mean())
        model.tracker.set_params(none=0.25)
    return {name: {k: summary(v) for k, v in row.items()} for name, row in found.items()}


def gain(p):
    """Level of the first talker over the second, (n_windows,), of at most 9 dB."""
    return np.array([np.subtract(*talker_gains(row[:2], 9.0)) for row in p])


def published(scores):
    """Gains of the rule of windows of 4 s every .5 s: median of 3, five states of +-9 dB."""
    steps = np.sign(scores[:, 0] - scores[:, 1])
    state, gains = 0, []
    for k in range(len(steps)):
        vote = np.median(steps[max(0, k - 2) : k + 1])
        state = int(np.clip(state + np.sign(vote), -2, 2))
        gains.append(4.5 * state)
    return np.array(gains)


def switches(sessions):
    """Compare gains that follow the probability with the published rule."""
    table = {}
    rows = {f"tracker, dwell {d:g} s": (d, None) for d in DWELLS} | {"rule, 4 s": (None, 4.0)}
    scores_of = [scored(m, e, s)[0] for m, e, s, _ in sessions]
    rule_of = [scored(m, e, s, window=4.0, hop=0.5)[0] for m, e, s, _ in sessions]
    for name, (dwell, window) in rows.items():
        wrong, share, changes, delays = [], [], [], []
        for (model, _, _, attended), scores, rule in zip(sessions, scores_of, rule_of, strict=True):
            if window is None:
                p = tracked(model, scores, dwell=dwell, steady=0.0, absent=ABSENT)
                gains = 9 * (p[:, 0] - p[:, 1])
                moments = 1.4 + np.arange(len(gains))
            else:
                gains, moments = published(rule), 4.4 + 0.5 * np.arange(len(rule))
            grid = np.arange(10, SECONDS - 1, 0.5)
            now = gains[np.searchsorted(moments, grid, side="right") - 1]
            truth = np.where(attended[(64 * grid).astype(int)] == 0, 1, -1)
            wrong.append(100 * np.mean(now * truth < -3))
            share.append(100 * np.mean(now * truth > 0))
            signs = np.sign(now)[np.sign(now) != 0]
            changes.append(60 * np.sum(np.diff(signs) != 0) / (grid[-1] - grid[0]))
            for moment in np.flatnonzero(np.diff(truth)) + 1:
                after = np.flatnonzero(
                    (now * truth > 0)[moment:] & (truth[moment:] == truth[moment])
                )
                delays.append(after[0] / 2 if len(after) else np.nan)
        table[name] = {
            "wrong by > 3 dB, %": summary(wrong),
            "right, %": summary(share),
            "sign changes a minute": summary(changes),
            "median delay, s": round(float(np.nanmedian(delays)), 1),
        }
    return table


def calibration(sessions):
    """Share of right decisions among those with a probability of .8 to .9."""
    p, hit = [], []
    for model, eeg, stimuli, attended in sessions:
        found = tracked(
            model, scored(model, eeg, stimuli)[0], dwell=30.0, steady=0.0, absent=ABSENT
        )
        truth = attended[63::64][: len(found)]
        p.append(found[:, :2].max(axis=1))
        hit.append(found[:, :2].argmax(axis=1) == truth)
    p, hit = np.concatenate(p), np.concatenate(hit)
    inside = (p >= 0.8) & (p < 0.9)
    return {"n": int(inside.sum()), "right": round(float(hit[inside].mean()), 3)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listeners", type=int, default=8)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    sessions = [listener(seed) for seed in range(options.listeners)]
    results = {
        "snr": SNR,
        "absent": ABSENT,
        "listeners": options.listeners,
        "switches": switches(sessions),
        "losses": losses(sessions),
        "nobody, dB": nobody(sessions),
        "probability .8-.9": calibration(sessions),
        "versions": versions(),
    }
    print(json.dumps(results, indent=2))
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
