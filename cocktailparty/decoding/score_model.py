"""Distributions of held-out scores, and the posterior of attention in a new recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from cocktailparty.decoding.attention_filter import AttentionFilter, Posterior
from cocktailparty.decoding.markov import fixed_lag_smoother

# Standard deviation of the logarithm of the effect in a new recording, relative to training: two of
# them are a factor of 2.7, or 9 dB.
_RECORDING_SPREAD = 0.5
# Lag in windows up to which correlations between scores are counted.
_REACH = 3


@dataclass(frozen=True, eq=False)
class AttentionTrack:
    """Attention over the course of a trial.

    Attributes
    ----------
    times : ndarray of shape (n_windows,)
        End of each window in seconds.
    available : ndarray of shape (n_windows,)
        When the estimate for that window is known, in seconds: `times` plus the lag, or the end
        of the last window.
    probability : ndarray of shape (n_windows, n_stimuli)
        Posterior probability that a stimulus was attended in the window, given the scores of all
        windows up to `available`, and how well the whole trial, or the part of it that was heard
        so far, follows its sounds. It is the whole statement of uncertainty: of the windows in
        which a stimulus has probability p, it was attended in the share p. Where the trial follows
        none, all are equally probable.
    lower, upper : ndarray of shape (n_windows, n_stimuli)
        Between what that probability lies in the middle 95 % of what the trial may be like: none
        followed, or an effect as in training, smaller or larger.
    decision : ndarray of int, shape (n_windows,)
        The most probable stimulus; the lowest of those that are equally probable.
    none : ndarray of shape (n_windows,)
        Probability that none of the sounds is followed more than the others: because nothing of
        them is in the EEG, or because the listener does not attend to one. The same in all windows
        if `AttentionTracker.absent` is 0, unless judged by what was heard so far. NaN for models
        that were saved before it was learnt.
    """

    times: np.ndarray
    available: np.ndarray
    probability: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    decision: np.ndarray
    none: np.ndarray


@dataclass(frozen=True, eq=False)
class ScoreModel:
    """Distributions of the scores of trials that a decoder was not trained on.

    A recording has an effect m, by which the attended sound scores higher than the others, and a
    level, the mean score of all sounds. A new recording may differ from those of training: the
    logarithm of its effect is Gaussian about that of training, the level rises with the effect,
    and there are recordings without any effect, at the level of unrelated sounds (nothing of the
    sounds is in the EEG) or at that of sounds that played (all are followed alike). Scores of
    windows are Gaussian about these means.

    Attributes
    ----------
    attended, unattended, unrelated : float
        Mean score of attended sounds, of the others, and of the same sounds from another time.
    variance : float
        Variance of the difference between an attended and another sound in a window, enlarged by
        what neighbouring windows have in common.
    spread : float
        Standard deviation of the logarithm of the effect of a new recording.
    level_variance : float
        Variance of the mean score of all sounds in a window, times their number, enlarged
        likewise; infinity where the level does not tell sounds that played from others.
    level_spread : float
        Standard deviation between trials of the mean score of unrelated sounds, beyond that.
    guessing : float
        Probability, judged by the training data, that the decoder is no better than guessing; then
        no recording would have an effect.
    """

    attended: float
    unattended: float
    unrelated: float
    variance: float
    spread: float
    level_variance: float
    level_spread: float
    guessing: float = 0.0

    @classmethod
    def of(
        cls,
        scores: Sequence[np.ndarray],
        labels: Sequence[int],
        unrelated: Sequence[Sequence[np.ndarray]],
        interval: np.ndarray,
    ) -> "ScoreModel":
        """Estimate the distributions from held-out trials.

        `scores` and `unrelated` hold arrays (n_windows, n_stimuli) for each trial: its scores, and
        those with the stimuli shifted in time (none for a trial too short to be shifted). `labels`
        are the attended stimuli, `interval` is the credible interval of the mean difference.
        """
        pairs = list(zip(scores, labels, strict=True))
        others = [np.delete(z, k, axis=1) for z, k in pairs]
        differences = [z[:, [k]] - other for (z, k), other in zip(pairs, others, strict=True)]
        pooled = np.concatenate([d.ravel() for d in differences])
        mean, error = float(pooled.mean()), float(np.ptp(interval)) / (2 * 1.96)
        relative = min(error / mean, 1.0) if mean > 0 else 1.0
        null, level_variance, level_spread = _levels(scores, unrelated)
        return cls(
            float(np.concatenate([z[:, k] for z, k in pairs]).mean()),
            float(np.concatenate([other.ravel() for other in others]).mean()),
            null,
            float(pooled.var()) * _inflation([d.mean(axis=1) for d in differences]),
            float(np.hypot(_RECORDING_SPREAD, relative)),
            level_variance,
            level_spread,
            float(norm.cdf(-mean / error)) if error > 0 else float(mean <= 0),
        )

    def posterior(
        self,
        scores: np.ndarray,
        heard: np.ndarray,
        window: float,
        chains: Sequence[tuple[float, float]],
        none: float,
        lag: int = 0,
        absent: float = 0.0,
    ) -> Posterior:
        """Compute what was attended, averaged over all that the recording may be like.

        How well the recording follows its sounds is judged by all of it; which sound was attended
        in a window by what came before its end, and in `lag` windows after. `scores`
        (n_windows, n_stimuli) are of windows side by side, `window` seconds long; windows that are
        not `heard` are no evidence. For `chains`, `none` and `absent` see
        `cocktailparty.decoding.attention_filter.AttentionFilter`.
        """
        steps = AttentionFilter(self, scores.shape[1], window, chains, none, absent)
        state, filtered, evidence = steps.start(), [], []
        for z, sounds in zip(scores, heard, strict=True):
            state = steps.step(state, z if sounds else None)
            filtered.append(state.posterior)
            if lag:
                told = steps.evidence(z)[0] if sounds else np.zeros(state.posterior.shape[1:])
                evidence.append(np.broadcast_to(told, state.posterior.shape))
        posteriors = np.array(filtered)
        if lag:
            smoothed = [
                fixed_lag_smoother(posteriors[:, k], np.array(evidence)[:, k], transition, lag)
                for k, transition in enumerate(np.exp(steps.steps[:, 0]))
            ]
            posteriors = np.stack(smoothed, axis=1)
        return steps.mixed(state, np.exp(posteriors))


def credible_interval(sums: Any, counts: Any) -> np.ndarray:
    """Compute the 95 % credible interval, (2,), of a mean from units that vary.

    From sums and counts of the values of each unit, at least two units: bounds of the mean of all
    values under a flat prior, with the spread between units unknown.

    Examples
    --------
    >>> credible_interval([1.0, 2.0, 3.0], [1, 1, 1]).round(2)
    array([-0.48,  4.48])
    """
    sums, counts = np.asarray(sums, dtype=float), np.asarray(counts)
    n_units, mean = len(sums), sums.sum() / counts.sum()
    residuals = (sums - counts * mean) / counts.sum()
    margin = student.ppf(0.975, n_units - 1) * np.sqrt(
        n_units / (n_units - 1) * np.sum(residuals**2)
    )
    return np.array([mean - margin, mean + margin])


def _levels(
    scores: Sequence[np.ndarray], unrelated: Sequence[Sequence[np.ndarray]]
) -> tuple[float, float, float]:
    """Mean, variance in a window (times the number of sounds) and spread of unrelated scores."""
    shifted = [z for versions in unrelated for z in versions if len(z)]
    if len(shifted) < 2:
        return 0.0, float("inf"), 0.0
    null = float(np.concatenate([z.mean(axis=1) for z in shifted]).mean())
    gaps = np.array(
        [
            z.mean() - np.mean([version.mean() for version in versions])
            for z, versions in zip(scores, unrelated, strict=True)
            if any(map(len, versions))
        ]
    )
    # The level counts only where it clearly separates sounds that played from those that did not.
    error = gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.inf
    if not gaps.mean() > 2 * error:
        return null, float("inf"), 0.0
    centred = [(z.mean(axis=1) - z.mean()) * np.sqrt(z.shape[1]) for z in shifted]
    degrees = sum(len(x) - 1 for x in centred)
    variance = float(sum(np.sum(x**2) for x in centred)) / max(degrees, 1)
    variance *= _inflation([z.mean(axis=1) for z in shifted])
    expected = np.mean([variance / z.size for z in shifted])
    between = float(np.var([z.mean() for z in shifted])) - float(expected)
    return null, variance or float("inf"), float(np.sqrt(max(between, 0.0)))


def _inflation(series: Sequence[np.ndarray]) -> float:
    """Factor by which the variance of a mean over windows exceeds that of independent ones."""
    centred = [x - x.mean() for x in series if len(x) > _REACH + 1]
    power = sum(float(np.sum(x**2)) for x in centred)
    if not power:
        return 1.0
    n_all, factor = sum(map(len, centred)), 1.0
    for lag in range(1, _REACH + 1):
        products = sum(float(np.sum(x[lag:] * x[:-lag])) for x in centred)
        # Subtracting the mean of a trial makes its windows seem negatively correlated.
        factor += 2 * (products / power + len(centred) / n_all)
    return max(1.0, factor)
