import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sklearn.base import BaseEstimator
from sklearn.model_selection import ShuffleSplit

from cocktailparty import Trial
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.decoding.markov import forward_filter, transition_matrix
from cocktailparty.decoding.score_model import credible_interval
from cocktailparty.decoding.tracker import AttentionTracker
from cocktailparty.evaluation.comparing import compare
from cocktailparty.metrics import accuracy_interval, decidable_windows, decision_shares
from linear_aad import AttentionDecoder, BackwardTRF

TRF = BackwardTRF(0.0, 0.3, 64, alpha=1e-2, alpha_convention="relative")


class Drawn(AttentionDecoderMixin, BaseEstimator):
    """Scores that are drawn, with a tell-tale for trials that it was trained on."""

    def __init__(self, difference=0.5, noise=1.0):
        self.difference = difference
        self.noise = noise

    def fit(self, trials, attended=None):
        self.seen_ = {trial.name for trial in trials}
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        n_windows = int(trial.duration / window)
        rng = np.random.default_rng(int(trial.name))
        scores = rng.normal(scale=self.noise, size=(n_windows, trial.n_stimuli))
        scores[:, trial.attended] += self.difference + 100 * (trial.name in self.seen_)
        return scores


class Zero(Drawn):
    """Says nothing."""

    def window_scores(self, trial, window=5.0, hop=None):
        return np.zeros((int(trial.duration / window), trial.n_stimuli))


def trial(name, n_stimuli=2, seconds=100):
    rng = np.random.default_rng(0)
    return Trial(
        rng.normal(size=(8 * seconds, 1)),
        rng.random((n_stimuli, 8 * seconds)),
        8,
        attended=int(name) % n_stimuli,
        name=str(name),
        story=str(name),
    )


@pytest.fixture(scope="module")
def listener():
    trials = simulate_two_talkers(n_trials=26, n_channels=16, snr=-21, random_state=0).trials
    return trials[:16], trials[16:]


@pytest.fixture(scope="module")
def tracker(listener):
    return AttentionTracker(AttentionDecoder(TRF), dwell=60, cv="story").fit(listener[0])


class Opinion(Drawn):
    """Is sure of stimulus 0 where there is no sound, and gives NaN there if told to."""

    def __init__(self, difference=0.5, noise=1.0, silence=50.0):
        super().__init__(difference, noise)
        self.silence = silence

    def window_scores(self, trial, window=5.0, hop=None):
        scores = super().window_scores(trial, window, hop)
        silent = ~decidable_windows(trial.stimuli, trial.sfreq, window)
        scores[silent] = 0
        scores[silent, 0] = self.silence
        return scores


def with_rests(one, seconds):
    stimuli = one.stimuli.copy()
    for second in seconds:
        stimuli[:, 8 * second : 8 * second + 8] = 0
    return one.replace(stimuli=stimuli)


@pytest.mark.parametrize("silence", [50.0, np.nan])
def test_silent_windows_are_no_evidence_and_teach_nothing(silence):
    heard = [trial(i, seconds=20) for i in range(8)]
    rests = [with_rests(t, range(5, 10)) for t in heard]
    tracker = AttentionTracker(Opinion(silence=silence), cv="story").fit(rests)
    assert tracker.n_windows_ == 8 * 15
    rows = np.r_[:5, 10:20]
    scores = [Drawn().fit([]).window_scores(t, 1.0)[rows] for t in heard]
    differences = [
        s[:, t.attended] - s[:, 1 - t.attended] for s, t in zip(scores, heard, strict=True)
    ]
    assert tracker.difference_ == pytest.approx(np.mean(differences))
    assert tracker.variance_ == pytest.approx(np.var(differences))
    probability = tracker.track(rests[0]).probability
    assert np.isfinite(probability).all()
    # What was known before the rest is forgotten during it at the rate of the chain alone, if there
    # is but one possibility of what the trial is like.
    tracker.set_params(steady=0.0, none=0.0)
    probability = tracker.track(rests[0]).probability
    assert np.isfinite(probability).all()
    memory = transition_matrix(2, 1.0, 60.0)
    for second in range(5, 10):
        np.testing.assert_allclose(probability[second], probability[second - 1] @ memory)


def test_a_silent_decision_window_is_a_tie(rng):
    tracker = AttentionTracker(Opinion(), cv="story").fit([trial(i) for i in range(4)])
    # What a filter leaves of silence would be a sound of its own in a part of the trial.
    long = trial(5)
    stimuli = long.stimuli.copy()
    stimuli[:, 80:] = 1e-12 * rng.normal(size=(2, 720, 1))
    scores = tracker.window_scores(long.replace(stimuli=stimuli), 10)
    assert scores[0, 0] != scores[0, 1]
    np.testing.assert_allclose(scores[1:], np.log(0.5), rtol=1e-12)


@pytest.mark.parametrize("n_stimuli", [2, 3])
def test_a_decoder_that_says_nothing_leaves_the_tracker_without_an_opinion(n_stimuli):
    trials = [trial(i, n_stimuli, 20) for i in range(6)]
    tracker = AttentionTracker(Zero(), cv="story").fit(trials)
    assert (tracker.gain_, tracker.variance_) == (0, 0)
    assert tracker.score(trials) == pytest.approx(1 / n_stimuli)
    shares = decision_shares(tracker.window_scores(trials[0], 7))
    np.testing.assert_allclose(shares, 1 / n_stimuli)
    np.testing.assert_allclose(tracker.track(trials[0]).probability, 1 / n_stimuli)


def test_differences_that_never_vary_make_a_finite_gain():
    tracker = AttentionTracker(Drawn(0.5, 0.0), cv="story").fit([trial(i) for i in range(4)])
    assert np.isfinite(tracker.gain_)
    assert np.isfinite(tracker.track(trial(5)).probability).all()
    assert tracker.score([trial(i) for i in range(5, 9)]) == 1


def test_nan_scores_are_refused():
    trials = [trial(i) for i in range(4)]
    with pytest.raises(ValueError, match="Drawn, 0: NaN in 200 of 200 scores"):
        AttentionTracker(Drawn(np.nan, np.nan), cv="story").fit(trials)


def test_on_noise_the_tracker_is_right_in_half_of_the_windows():
    """An evidence of zero is a tie, and ties count one half."""
    right, tested = 0.0, 0
    for seed in range(3):
        trials = simulate_two_talkers(
            n_trials=6, n_channels=3, duration=20, snr=-150.0, random_state=seed
        ).trials
        tracker = AttentionTracker(AttentionDecoder(TRF))
        table = compare({"tracker": tracker}, trials, cv="trial", windows=[5])
        right, tested = right + table.n_correct.sum(), tested + table.n_windows.sum()
    low, high = accuracy_interval(right, tested)
    assert low < 0.5 < high


@pytest.mark.parametrize("n_stimuli", [2, 3])
def test_the_observation_model_is_that_of_held_out_trials(n_stimuli):
    trials = [trial(i, n_stimuli) for i in range(60)]
    tracker = AttentionTracker(Drawn(0.5, 1.5), cv="story").fit(trials)
    assert tracker.difference_ == pytest.approx(0.5, abs=0.1)
    assert tracker.variance_ == pytest.approx(2 * 1.5**2, rel=0.05)
    assert tracker.gain_ == pytest.approx(2 * tracker.difference_ / tracker.variance_)
    assert tracker.n_windows_ == 60 * 20 * 5
    assert tracker.decoder_.seen_ == {t.name for t in trials}
    given = AttentionTracker(Drawn(0.5, 1.5), cv="story").fit(trials, [t.attended for t in trials])
    assert given.gain_ == tracker.gain_


def test_a_decoder_below_chance_says_nothing():
    tracker = AttentionTracker(Drawn(-1.0), cv="story").fit([trial(i) for i in range(6)])
    assert tracker.difference_ < 0
    np.testing.assert_allclose(tracker.track(trial(9)).probability, 0.5)


def test_the_interval_is_that_of_trials_or_of_listeners():
    trials = [trial(i) for i in range(12)]
    means = [
        np.mean(Drawn().fit([]).window_scores(t, 1.0) @ np.roll([1, -1], t.attended))
        for t in trials
    ]
    tracker = AttentionTracker(Drawn(), cv="story").fit(trials)
    expected = ttest_1samp(means, 0).confidence_interval(0.95)
    np.testing.assert_allclose(tracker.interval_, expected)
    several = [t.replace(subject=f"S{i // 3}") for i, t in enumerate(trials)]
    tracker = AttentionTracker(Drawn(), cv="subject").fit(several)
    expected = ttest_1samp(np.reshape(means, (4, 3)).mean(axis=1), 0).confidence_interval(0.95)
    np.testing.assert_allclose(tracker.interval_, expected)
    # Long trials weigh more, as they do in the mean.
    interval = credible_interval([1.0, 1.0, 6.0], [1, 1, 2])
    assert interval.mean() == pytest.approx(2)
    assert np.ptp(interval) == pytest.approx(2 * 4.30265 * np.sqrt(1.5 * (1 + 1 + 4)) / 4)


def test_the_interval_counts_parts_of_a_trial_as_one():
    halves = [
        whole.crop(start, start + 50).replace(name=f"{i}{k}")
        for i, whole in enumerate(map(trial, range(6)))
        for k, start in enumerate((0, 50))
    ]
    means = [
        np.mean(Drawn().fit([]).window_scores(t, 1.0) @ np.roll([1, -1], t.attended))
        for t in halves
    ]
    tracker = AttentionTracker(Drawn(), cv="trial").fit(halves)
    expected = ttest_1samp(np.reshape(means, (6, 2)).mean(axis=1), 0).confidence_interval(0.95)
    np.testing.assert_allclose(tracker.interval_, expected)


def test_the_interval_holds_the_mean_where_trials_differ():
    rng = np.random.default_rng(0)
    inside, alike = [], []
    for _ in range(2000):
        scores = 0.1 + rng.normal(scale=0.06, size=(5, 1)) + rng.normal(scale=0.3, size=(5, 50))
        low, high = credible_interval(scores.sum(axis=1), [50] * 5)
        inside.append(low < 0.1 < high)
        alike.append(abs(scores.mean() - 0.1) < 1.96 * scores.std() / np.sqrt(scores.size))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    # What windows would give that had nothing to do with each other.
    assert np.mean(alike) < 0.8


@pytest.mark.parametrize("lag", [0, 4])
def test_bounds_hold_the_probability_and_tell_those_of_the_other_sound(lag):
    tracker = AttentionTracker(Drawn(0.5), lag=lag, dwell=20, cv="story")
    tracker.fit([trial(i) for i in range(4)])
    track = tracker.track(trial(9))
    assert np.all(track.lower <= track.probability)
    assert np.all(track.probability <= track.upper)
    assert np.max(track.upper - track.lower) > 0.1
    np.testing.assert_allclose(track.lower[:, 0], 1 - track.upper[:, 1], atol=0.01)


def test_a_trial_without_effect_is_known_as_such():
    tracker = AttentionTracker(Drawn(0.5), cv="story").fit([trial(i) for i in range(20)])
    tracks = {0.5: [], 0.0: []}
    for effect, found in tracks.items():
        tracker.decoder_.set_params(difference=effect)
        found += [tracker.track(trial(100 + i)) for i in range(20)]
    none = {effect: np.mean([t.none[-1] for t in found]) for effect, found in tracks.items()}
    assert none[0.5] < 0.1
    assert none[0.0] > 0.5
    # The band reaches from where nothing is known.
    assert all(np.any(t.upper - t.lower > 0.2) for t in tracks[0.0])
    assert tracker.set_params(none=0.0).track(trial(100)).none[-1] < 1e-6


def test_models_without_distributions_are_used_with_a_warning():
    tracker = AttentionTracker(Drawn(0.5), dwell=20, cv="story").fit([trial(i) for i in range(4)])
    del tracker.score_model_
    with pytest.warns(UserWarning, match="confidence is too high.*Train it again"):
        track = tracker.track(trial(9))
    scores = tracker.decoder_.window_scores(trial(9), 1.0)
    found = [
        forward_filter(2 * max(m, 0) / tracker.variance_ * scores, transition_matrix(2, 1.0, 20))
        for m in (tracker.difference_, *np.linspace(*tracker.interval_, 201))
    ]
    np.testing.assert_allclose(track.probability, np.exp(found[0]))
    np.testing.assert_allclose(track.lower, np.exp(found).min(axis=0), atol=0.02)
    np.testing.assert_allclose(track.upper, np.exp(found).max(axis=0), atol=0.02)
    assert np.isnan(track.none).all()


def test_a_track_says_when_it_is_known():
    tracker = AttentionTracker(Drawn(), window=2, lag=6, cv="story").fit(
        [trial(i) for i in range(6)]
    )
    track = tracker.track(trial(9, seconds=21))
    np.testing.assert_allclose(track.times, np.arange(2, 21, 2))
    np.testing.assert_allclose(track.available, [8, 10, 12, 14, 16, 18, 20, 20, 20, 20])
    np.testing.assert_allclose(track.probability.sum(axis=1), 1)
    np.testing.assert_array_equal(track.decision, track.probability.argmax(axis=1))
    # The last estimate has nothing to wait for, the first takes in three more windows.
    causal = tracker.set_params(lag=0).track(trial(9, seconds=21))
    np.testing.assert_allclose(causal.probability[-1], track.probability[-1])
    assert not np.allclose(causal.probability[0], track.probability[0])
    np.testing.assert_allclose(causal.available, causal.times)


def join(first, second):
    return Trial(
        np.concatenate([first.eeg, second.eeg]),
        np.concatenate([first.stimuli, second.stimuli], axis=1),
        first.sfreq,
    )


def after_switches(switches, decide):
    """Share of right decisions far from the switch, and times from it to the first right one."""
    settled, found = [], []
    for before, after in switches:
        times, decision = decide(join(before, after))
        right = decision == np.where(times <= 60, before.attended, after.attended)
        settled.append(right[((times > 20) & (times <= 60)) | (times > 90)])
        found.append(np.r_[times[right & (times > 60)], 120][0] - 60)
    return np.mean(np.concatenate(settled)), np.mean(found)


@pytest.mark.parametrize(
    ("n_pairs", "scatter"), [(24, 0.016), pytest.param(50, 0.011, marks=pytest.mark.slow)]
)
def test_switches_are_found_sooner_than_with_a_window_of_the_same_accuracy(n_pairs, scatter):
    n_trials = 16 + round(2.4 * n_pairs)
    trials = simulate_two_talkers(n_trials=n_trials, n_channels=16, snr=-21, random_state=7).trials
    tracker = AttentionTracker(AttentionDecoder(TRF)).fit(trials[:16])
    ones = [t for t in trials[16:] if t.attended == 1]
    zeros = [t for t in trials[16:] if t.attended == 0]
    pairs = [*zip(zeros, ones, strict=False)]
    # The time to expect between switches is chosen on one half of the trials, and judged on the
    # other, which shares none with it.
    half = len(pairs) // 2
    choosing, judging = ([*p, *((b, a) for a, b in p)] for p in (pairs[:half], pairs[half:]))
    assert len(judging) >= n_pairs

    def by_window(trial):
        scores = tracker.decoder_.window_scores(trial, 10, 1)
        return 10.0 + np.arange(len(scores)), scores.argmax(axis=1)

    def by_tracker(trial):
        track = tracker.track(trial)
        return track.available, track.decision

    accuracy, _ = after_switches(choosing, by_window)
    # The tracker that expects switches most often among those that are right no less often.
    for dwell in (20, 30, 45, 60, 90):
        tracker.set_params(dwell=dwell)
        if after_switches(choosing, by_tracker)[0] >= accuracy:
            break
    accuracy, delay = after_switches(judging, by_window)
    tracked_accuracy, tracked_delay = after_switches(judging, by_tracker)
    # Between halves of 50 the difference scatters by 0.011 (six other seeds).
    assert tracked_accuracy >= accuracy - scatter
    assert accuracy > 0.9
    assert tracked_delay < delay - 0.3


def test_decision_windows_start_without_an_opinion(listener, tracker):
    test = listener[1][0]
    scores = tracker.window_scores(test, 10, 5)
    assert scores.shape == tracker.decoder_.window_scores(test, 10, 5).shape
    inner = tracker.decoder_.window_scores(test, 1.0)
    transition = transition_matrix(2, 1.0, tracker.dwell)
    np.testing.assert_allclose(
        scores[1], forward_filter(tracker.gain_ * inner[5:15], transition)[-1]
    )
    # Starts between those of the windows of the tracker: its windows are counted from each.
    odd = tracker.window_scores(test, 10, 0.625)
    inner = tracker.decoder_.window_scores(test, 1.0, 1 / 64)[3 * 40 :: 64][:10]
    np.testing.assert_allclose(odd[3], forward_filter(tracker.gain_ * inner, transition)[-1])
    sweep = tracker.window_sweep(test, [2, 7, 90])
    for window in (2, 7):
        np.testing.assert_allclose(sweep[window], tracker.window_scores(test, window))
    assert sweep[90].shape == (0, 2)
    evidence = tracker.gain_ * tracker.decoder_.window_scores(test, 1.0)
    whole = forward_filter(evidence, transition)[-1]
    np.testing.assert_allclose(tracker.decision_function([test])[0], whole)
    assert tracker.score(listener[1][:6]) > 0.8


def test_bad_input_is_named(listener, tracker):
    train, test = listener
    base = AttentionDecoder(TRF)
    for call, message in (
        (lambda: AttentionTracker(base, window=0).fit(train), "window must be positive"),
        (lambda: AttentionTracker(base, dwell=-1).fit(train), "dwell must be positive"),
        (lambda: AttentionTracker(base, lag=-1).fit(train), "lag must be a number"),
        (lambda: AttentionTracker(base, steady=1.0).fit(train), "steady must be a probability"),
        (lambda: AttentionTracker(base, none=-0.1).fit(train), "none must be a probability"),
        (
            lambda: AttentionTracker(base).fit(
                [t.replace(stimuli=t.stimuli[:1], attended=0) for t in train]
            ),
            "have a single stimulus",
        ),
        (lambda: AttentionTracker(base).fit([test[0].replace(attended=None)]), "attended label"),
        (
            lambda: AttentionTracker(base, cv=ShuffleSplit(1, test_size=1)).fit(train),
            "leaves out a single trial",
        ),
        (lambda: AttentionTracker(base).track(test[0]), "not fitted"),
        (lambda: tracker.window_scores(test[0], 0.5), "must lie between window=1 s"),
        (lambda: tracker.window_scores(test[0], 100), "the 60 s of the trial"),
        (lambda: tracker.window_scores(test[0], 10, 0), "a sample or more"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_steps_are_the_track_that_is_judged_by_what_was_heard_so_far():
    tracker = AttentionTracker(Drawn(), cv="story").fit([trial(i) for i in range(8)])
    scores = tracker.decoder_.window_scores(trial(9), 1.0)
    for absent in (0.0, 0.1):
        tracker.set_params(absent=absent)
        state, last = None, None
        for row in scores:
            last, state = tracker.step(row, state)
        whole = tracker.track(trial(9))
        np.testing.assert_allclose(last.probability, whole.probability[-1], rtol=1e-10)
        np.testing.assert_allclose(last.none, whole.none[-1], rtol=1e-10)
        # What comes later changes nothing of what was said before.
        first, _ = tracker.step(scores[0])
        assert not np.allclose(first.probability, whole.probability[0])


def test_so_far_is_what_the_windows_themselves_tell(listener, tracker):
    test = listener[1][0]
    so_far = tracker.track(test, so_far=True)
    state = None
    # The last window lacks the EEG after it, which counts as zero about the mean: of what is known.
    rows = tracker.decoder_.window_scores(test, 1.0)[:-1]
    for row, probability in zip(rows, so_far.probability, strict=False):
        posterior, state = tracker.step(row, state)
        np.testing.assert_allclose(posterior.probability, probability, atol=1e-9)
    half = tracker.track(test.crop(0, 30), so_far=True)
    np.testing.assert_allclose(half.probability[:29], so_far.probability[:29], atol=1e-9)


def test_a_listener_who_leaves_is_noticed_and_one_who_returns_too():
    tracker = AttentionTracker(Drawn(0.8), dwell=30, steady=0.0, absent=0.1, cv="story")
    tracker.fit([trial(i) for i in range(20)])
    rng = np.random.default_rng(0)
    attends = [0.8, 0] * np.ones((120, 2)) + rng.normal(size=(120, 2))
    scores = np.concatenate([attends, rng.normal(size=(200, 2)), attends])
    state, none = None, []
    for row in scores:
        posterior, state = tracker.step(row, state)
        none.append(posterior.none)
    here, away, back = np.mean(none[60:120]), np.mean(none[180:320]), np.mean(none[380:])
    assert here < 0.25
    assert away > 2 * here
    assert back < 0.25
    assert abs(posterior.probability[0] - 1) < 0.3


def test_windows_without_data_keep_what_is_known():
    tracker = AttentionTracker(Drawn(0.8), dwell=30, cv="story").fit([trial(i) for i in range(8)])
    known, state = tracker.step([0.9, -0.9])
    lost, _ = tracker.step([np.nan, np.nan], state)
    assert 0.5 < lost.probability[0] <= known.probability[0]
    part, _ = tracker.step([0.9, -0.9], share=0.3)
    assert 0.5 < part.probability[0] < known.probability[0]
    for call, message in (
        (lambda: tracker.step([0.1, np.nan]), "or only NaN"),
        (lambda: tracker.step([0.1, 0.2], share=0), "share must lie"),
        (lambda: tracker.set_params(lag=2).step([0.1, 0.2]), "waits for what comes later"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
