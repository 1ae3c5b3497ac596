"""Attention decoders with one fault each, in classes that worker processes can import."""

import os

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from cocktailparty.decoding.base import AttentionDecoderMixin
from linear_aad import AttentionDecoder, BackwardTRF

TRF = BackwardTRF(0.0, 0.1, alpha=1e-2, alpha_convention="relative")


class Sound(AttentionDecoder):
    """Without a fault; what the others are made from."""

    def __init__(self, regressor=TRF, random_state=None):
        super().__init__(regressor)
        self.random_state = random_state


class ChangesParameter(Sound):
    def __init__(self, regressor=TRF, random_state=None):
        super().__init__(clone(regressor), random_state)


class FailsUnfitted(Sound):
    def reconstruct(self, trials):
        self.regressor_  # noqa: B018 (an AttributeError before fit)
        return super().reconstruct(trials)


class ReturnsNothing(Sound):
    def fit(self, trials, attended=None):
        super().fit(trials, attended)


class NamesBadly(Sound):
    def fit(self, trials, attended=None):
        self.learnt = 1
        return super().fit(trials, attended)


class ForgetsClasses(Sound):
    def fit(self, trials, attended=None):
        super().fit(trials, attended)
        del self.classes_
        return self


class OverwritesParameter(Sound):
    def fit(self, trials, attended=None):
        super().fit(trials, attended)
        self.random_state = 7
        return self


class GivesNaN(Sound):
    def window_scores(self, trial, window=5.0, hop=None):
        scores = super().window_scores(trial, window, hop)
        return (
            scores
            if len(scores) == 1
            else np.where(np.arange(len(scores)) == 1, np.nan, scores.T).T
        )


class ForgetsHop(Sound):
    def window_scores(self, trial, window=5.0, hop=None):
        return super().window_scores(trial, window)


class CutsWindows(Sound):
    def window_scores(self, trial, window=5.0, hop=None):
        return super().window_scores(trial, min(window, trial.duration), hop)


class SweepsOtherwise(Sound):
    def window_sweep(self, trial, windows):
        return {w: scores + 1 for w, scores in super().window_sweep(trial, windows).items()}


class ExceedsOne(Sound):
    def window_scores(self, trial, window=5.0, hop=None):
        return 100 * super().window_scores(trial, window, hop)

    def window_sweep(self, trial, windows):
        return {w: 100 * scores for w, scores in super().window_sweep(trial, windows).items()}


class ReconstructsRows(Sound):
    def reconstruct(self, trials):
        return [made[:, 0] for made in super().reconstruct(trials)]


class LooksAtOthers(Sound):
    def decision_function(self, trials):
        scores = super().decision_function(trials)
        return scores - scores[np.isfinite(scores)].mean()


class ChoosesSmallest(Sound):
    def predict(self, trials):
        return np.argmin(self.decision_function(trials), axis=1)


class ScoresOtherwise(Sound):
    def score(self, trials, attended=None):
        return 1.0 - super().score(trials, attended) / 2


class PeeksAtLabels(Sound):
    def window_scores(self, trial, window=5.0, hop=None):
        scores = super().window_scores(trial, window, hop)
        if trial.attended is not None:
            scores[:, trial.attended] += 1e-3
        return scores


class IgnoresGivenLabels(Sound):
    def fit(self, trials, attended=None):
        return super().fit([t.replace(attended=0) if t.attended is None else t for t in trials])


class GuessesMissingLabels(Sound):
    def fit(self, trials, attended=None):
        labels = [trial.attended or 0 for trial in trials] if attended is None else attended
        return super().fit(trials, np.array(labels))


class TakesAnyChannels(Sound):
    def reconstruct(self, trials):
        n = self.regressor_.n_features_in_ if hasattr(self, "regressor_") else 0
        return super().reconstruct(
            [t.replace(eeg=filled(t.eeg, n), channel_names=None) for t in trials]
        )


def filled(eeg, n_channels):
    missing = max(n_channels - eeg.shape[1], 0)
    return np.concatenate([eeg, eeg[:, :missing]], axis=1)


class TakesAnyRate(Sound):
    def reconstruct(self, trials):
        return super().reconstruct([t.replace(sfreq=64.0) for t in trials])


class NeedsTwoTrials(Sound):
    def fit(self, trials, attended=None):
        if len(trials) < 2:
            raise ValueError("two trials, please")
        return super().fit(trials, attended)


class NeedsTwoSounds(Sound):
    def fit(self, trials, attended=None):
        if trials[0].n_stimuli != 2:
            raise ValueError("two sounds, please")
        return super().fit(trials, attended)


class SaysNothing(Sound):
    def fit(self, trials, attended=None):
        if trials[0].n_stimuli != 2:
            raise ValueError
        return super().fit(trials, attended)


class TakesTwoSounds(Sound):
    def window_scores(self, trial, window=5.0, hop=None):
        if trial.n_stimuli != len(self.classes_):
            raise ValueError("as many sounds as in training, please")
        return super().window_scores(trial, window, hop)


class Doubles(Sound):
    def reconstruct(self, trials):
        return [made.astype(np.float64) for made in super().reconstruct(trials)]


class Draws(Sound):
    def window_scores(self, trial, window=5.0, hop=None):
        return super().window_scores(trial, window, hop) * self.scale_

    def window_sweep(self, trial, windows):
        return {w: s * self.scale_ for w, s in super().window_sweep(trial, windows).items()}

    def fit(self, trials, attended=None):
        self.scale_ = 1 - 1e-8 * np.random.random_sample()  # noqa: NPY002 (the fault)
        return super().fit(trials, attended)


class KeepsFunction(Sound):
    def fit(self, trials, attended=None):
        self.kept_ = lambda: None
        return super().fit(trials, attended)


class FailsElsewhere(Sound):
    def fit(self, trials, attended=None):
        if os.getpid() != PROCESS:
            raise RuntimeError("not here")
        return super().fit(trials, attended)


# That of the tests; workers import this module anew.
PROCESS = int(os.environ.setdefault("PROCESS_OF_FAULTY_DECODERS", str(os.getpid())))


class WritesIntoTrials(Sound):
    def fit(self, trials, attended=None):
        for trial in trials:
            trial.eeg[:] -= trial.eeg.mean(axis=0)
        return super().fit(trials, attended)


class Scorer(AttentionDecoderMixin, BaseEstimator):
    """Without a reconstruction, and without need for labels: prefers the louder sound."""

    def fit(self, trials, attended=None):
        self.sfreq_, self.n_channels_ = trials[0].sfreq, trials[0].n_channels
        if len({trial.n_channels for trial in trials}) > 1:
            raise ValueError("unequal channels")
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        check_is_fitted(self)
        if (trial.sfreq, trial.n_channels) != (self.sfreq_, self.n_channels_):
            raise ValueError("another rate or other channels")
        n, step = (round(s * trial.sfreq) for s in (window, hop or window))
        if n > trial.n_times:
            raise ValueError("too long")
        starts = range(0, trial.n_times - n + 1, step)
        return np.array([trial.stimuli[:, i : i + n].mean(axis=(1, 2)) for i in starts])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags
