"""Attention followed window by window: one step at a time, with all that was heard so far."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cocktailparty.decoding.markov import logarithms, predicted, updated, with_absence

if TYPE_CHECKING:
    from cocktailparty.decoding.score_model import ScoreModel

# Effects at which probabilities are computed, in standard deviations of the prior.
_GRID = np.linspace(-2.0, 2.0, 9)
# Standard deviation of the level of the scores, given the effect, in units of its mean.
_LEVEL_SPREAD = 0.2
# Share of "follows none" that goes to recordings that follow all sounds alike.
_ALIKE = 0.12
# Seconds over which a listener who comes and goes has one level: that of a recording is not known
# better, however long it lasts.
_REGIME = 60.0


class Posterior(NamedTuple):
    """Attention as the scores of a recording tell it.

    Probability that each stimulus was attended with its range over the middle 95 % of what the
    recording may be like, each (..., n_stimuli), and the probability that it follows `none`, (...).
    """

    probability: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    none: np.ndarray


class AttentionState(NamedTuple):
    """All that a filter remembers between two windows.

    Logarithms of the probabilities of what is followed, (n_chains, n_effects, n_states), in the
    last window (`posterior`) and in the next one before it is heard (`prior`); log-likelihood of
    all windows, (n_chains, n_effects), and of their level, (n_effects,); sum of the levels, and
    number of windows that they are from.
    """

    prior: np.ndarray
    posterior: np.ndarray
    likelihood: np.ndarray
    played: np.ndarray
    level_sum: float
    n_heard: float


class AttentionFilter:
    """Filter that takes scores of windows side by side and says what was attended.

    `model` are the distributions of the scores, `window` is the length of the windows in seconds.
    `chains` says how attention may switch: pairs of the mean time between switches in seconds and
    the probability of such a listener. `none` is the prior probability that no sound of the
    recording is followed, `absent` the share of time in which a listener who follows one
    otherwise follows none.
    """

    def __init__(
        self,
        model: "ScoreModel",
        n_stimuli: int,
        window: float,
        chains: Sequence[tuple[float, float]],
        none: float,
        absent: float = 0.0,
    ) -> None:
        self._model, self._n_stimuli, self._none, self._absent = model, n_stimuli, none, absent
        mean = model.attended - model.unattended
        # A decoder that is worse than chance on held-out trials has nothing to say.
        self.says_something = mean > 0
        self.effects = mean * np.exp(model.spread * _GRID)
        self._variance = max(model.variance, 1e-6 * mean**2) if mean > 0 else 1.0
        weights = np.exp(-0.5 * _GRID**2)
        self._prior = np.log(weights / weights.sum())
        self._shares = logarithms(np.array([share for _, share in chains]))
        starts, transitions = zip(
            *(with_absence(n_stimuli, window, dwell, absent) for dwell, _ in chains), strict=True
        )
        self._start = np.repeat(logarithms(np.array(starts))[:, None], len(_GRID), axis=1)
        self.steps = logarithms(np.array(transitions))[:, None]
        self._per_regime = _REGIME / window

    def start(self) -> AttentionState:
        """Return the state before anything was heard."""
        nothing = np.zeros(self._start.shape[:2])
        return AttentionState(self._start, self._start, nothing, np.zeros(len(_GRID)), 0.0, 0.0)

    def evidence(self, scores: np.ndarray, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Compute what a window tells, relative to none being followed.

        From scores (n_stimuli,) of a window of which a `share` was heard: the log-likelihoods of
        the states, (n_effects, n_states), and of the level, (n_effects,), which counts only where
        a listener may be absent. Correlations with a part of a window are smaller by the root of
        the share.
        """
        n_stimuli, effects = self._n_stimuli, self.effects
        contrast = scores - scores.mean()
        gains = 2 * np.sqrt(share) * effects / self._variance
        constant = share * effects**2 / self._variance * (n_stimuli - 1) / n_stimuli
        told = gains[:, None] * contrast - constant[:, None]
        if not self._absent:
            return told, np.zeros(len(effects))
        level = self._level_ratio(float(scores.mean()), share)
        return np.concatenate([told + level[:, None], np.zeros((len(effects), 1))], axis=1), level

    def step(
        self, state: AttentionState, scores: np.ndarray | None, share: float = 1.0
    ) -> AttentionState:
        """Take in a window: its scores (n_stimuli,), or None if it is no evidence."""
        if scores is None or not self.says_something:
            posterior = state.prior
            return state._replace(posterior=posterior, prior=predicted(posterior, self.steps))
        told, level = self.evidence(scores, share)
        posterior, likelihood = updated(state.prior, told)
        return AttentionState(
            predicted(posterior, self.steps),
            posterior,
            state.likelihood + likelihood,
            state.played + level,
            state.level_sum + share * float(scores.mean()),
            state.n_heard + share,
        )

    def so_far(self, state: AttentionState) -> Posterior:
        """Say what is attended now, judged by all windows until now."""
        return self.mixed(state, np.exp(state.posterior)[None]).first()

    def mixed(self, state: AttentionState, probabilities: np.ndarray) -> "Mixture":
        """Average over what the recording may be like, as `state` judges it.

        `probabilities` of the states are (n_windows, n_chains, n_effects, n_states).
        """
        n_windows, n_stimuli = len(probabilities), self._n_stimuli
        if not (self.says_something and state.n_heard):
            flat = np.full((n_windows, n_stimuli), 1 / n_stimuli)
            return Mixture(flat, flat, flat, np.full(n_windows, self._none))
        models = probabilities.reshape(n_windows, -1, probabilities.shape[-1])
        absent = 1 - models[:, :, :n_stimuli].sum(axis=2) if self._absent else 0 * models[:, :, 0]
        talkers = models[:, :, :n_stimuli] + absent[:, :, None] / n_stimuli
        flat = np.full((n_windows, 2, n_stimuli), 1 / n_stimuli)
        return _mixed(np.concatenate([flat, talkers], axis=1), absent, self._weights(state))

    def _weights(self, state: AttentionState) -> np.ndarray:
        """Probabilities of what the recording may be like, the first two of which follow none."""
        none = self._none + (1 - self._none) * self._model.guessing
        if self._absent:
            played, silent, rest = state.played, 0.0, self._prior
        else:
            level = state.level_sum / state.n_heard
            played, silent = self._levels(level, state.n_heard)
            rest = self._prior + played
        alike = np.logaddexp.reduce(self._prior + played)
        with np.errstate(divide="ignore"):
            weights = [np.log(none * (1 - _ALIKE)) + silent, np.log(none * _ALIKE) + alike]
            rest = np.log(1 - none) + rest
        of_chains = rest + state.likelihood + self._shares[:, None]
        weights = np.r_[weights, of_chains.ravel()]
        return np.asarray(np.exp(weights - np.logaddexp.reduce(weights)))

    def _levels(self, level: float, n_windows: float) -> tuple[np.ndarray, float]:
        """Log-likelihood of the mean score of a recording, for each effect and unrelated sounds."""
        model = self._model
        if not np.isfinite(model.level_variance):
            return np.zeros(len(self.effects)), 0.0
        share, centres = self._centres()
        # The mean of few windows is known less well, and no two recordings are quite alike.
        variance = model.level_variance / (self._n_stimuli * n_windows) + model.level_spread**2
        variances = variance + (_LEVEL_SPREAD * share * self.effects) ** 2
        played = -0.5 * ((level - centres) ** 2 / variances + np.log(variances))
        silent = -0.5 * ((level - model.unrelated) ** 2 / variance + np.log(variance))
        return played, float(silent)

    def _level_ratio(self, level: float, n_windows: float) -> np.ndarray:
        """Log-likelihood ratio of the mean score of a window, of each effect to unrelated sounds.

        What no two recordings have alike counts once in a regime: its variance is spread over the
        windows. It is one for all effects, which the width alone should not choose among.
        """
        model = self._model
        if not np.isfinite(model.level_variance):
            return np.zeros(len(self.effects))
        share, centres = self._centres()
        mean = model.attended - model.unattended
        between = model.level_spread**2 + (_LEVEL_SPREAD * share * mean) ** 2
        variance = model.level_variance / (self._n_stimuli * n_windows)
        variance += self._per_regime * between
        return np.asarray(
            0.5 * ((level - model.unrelated) ** 2 - (level - centres) ** 2) / variance
        )

    def _centres(self) -> tuple[float, np.ndarray]:
        """Rise of the mean score with the effect, and the mean scores of all effects."""
        model = self._model
        mean = model.attended - model.unattended
        share = (model.unattended - model.unrelated) / mean + 1 / self._n_stimuli
        return share, model.unrelated + share * self.effects


class Mixture(Posterior):
    """Posterior of several windows."""

    def first(self) -> Posterior:
        """Return that of the first window."""
        return Posterior(*(values[0] for values in self))


def _mixed(probabilities: np.ndarray, absent: np.ndarray, weight: np.ndarray) -> Mixture:
    """Mix probabilities (n_windows, n_models, n_stimuli), of which the first two follow none."""
    probability = np.einsum("wms,m->ws", probabilities, weight)
    order = np.argsort(probabilities, axis=1, kind="stable")
    below = np.cumsum(weight[order], axis=1)
    sorted_ = np.take_along_axis(probabilities, order, axis=1)
    bounds = []
    for quantile in (0.025, 0.975):
        first = (below >= quantile - 1e-12).argmax(axis=1)
        bounds.append(np.take_along_axis(sorted_, first[:, None], axis=1)[:, 0])
    lower, upper = np.minimum(bounds[0], probability), np.maximum(bounds[1], probability)
    return Mixture(probability, lower, upper, weight[:2].sum() + absent @ weight[2:])
