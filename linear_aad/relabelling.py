"""Labels for segments of EEG, by the vote of the models of all other segments."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from linear_aad.lagged.moments import LaggedMoments, Moments
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.systems import ridge


class Labelling(NamedTuple):
    """End of a run of `relabel`.

    `labels` (n_segments,) are the stimuli of the segments, `settled` tells whether the last of
    `n_passes` passes changed nothing, and `objective` is the sum of the scores of the chosen
    stimuli, each by the model of the other segments.
    """

    labels: np.ndarray
    n_passes: int
    settled: bool
    objective: float


def segment_models(
    eeg: Moments, segments: Sequence[LaggedMoments], alpha: float, penalty: Penalty, n_features: int
) -> list[np.ndarray]:
    """Compute what each segment adds to the weights of the whole, for each of its stimuli.

    The covariance of the EEG is that of all segments (`eeg`), so that weights add up, and one
    solution serves them all. The targets of each segment are the features of its stimuli, one
    stimulus after the other; `alpha` is absolute. Gives (n_stimuli, n_features, n_regressors) for
    each segment.
    """
    products = np.concatenate([m.xy for m in segments], axis=1)
    sums = np.concatenate([m.y for m in segments])
    together = Moments(eeg.n, eeg.x, sums, eeg.xx, products, sums)
    weights = ridge(together, [alpha], penalty)[0]
    ends = np.cumsum([len(m.y) for m in segments])[:-1]
    return [_by_stimulus(columns, n_features) for columns in np.split(weights, ends, axis=1)]


def segment_tests(segments: Sequence[LaggedMoments], n_features: int) -> list[np.ndarray]:
    """Compute by what to multiply weights to correlate a reconstruction with each stimulus.

    For each segment, as in `segment_models`, (n_stimuli, n_features, n_regressors): the products of
    lagged EEG and stimuli, both about their means, over the power of the latter; 0 for a constant
    stimulus.
    """
    tests = []
    for m in segments:
        products = m.xy - np.outer(m.x / m.n, m.y)
        power = np.sqrt(np.maximum(m.yy - m.y**2 / m.n, 0.0))
        test = np.divide(products, power, out=np.zeros_like(products), where=power > 0)
        tests.append(_by_stimulus(test, n_features))
    return tests


def first_labels(tests: Sequence[np.ndarray], weights: np.ndarray, xx: np.ndarray) -> np.ndarray:
    """Label every segment, (n_segments,), by one given model.

    `weights` (n_features, n_regressors) are those of the model. `tests` come from `segment_tests`;
    `xx` (n_regressors, n_regressors) are the products of the EEG of all segments about their means.
    """
    scaled = _scale(weights, xx) * weights
    return np.array([np.einsum("sfr,fr->s", test, scaled).argmax() for test in tests])


def relabel(
    labels: np.ndarray,
    models: Sequence[np.ndarray],
    tests: Sequence[np.ndarray],
    fixed: np.ndarray,
    xx: np.ndarray,
    max_passes: int,
) -> Labelling:
    """Label each segment in turn by the model of all others, until no label changes.

    The weights of the whole are the sum of those of the segments, so that a segment is left out by
    subtraction. `labels` (n_segments,) are the first labels, `models` and `tests` those of
    `segment_models` and `segment_tests`; `fixed` (n_features, n_regressors) are weights that are
    added whatever the labels are, and `xx` is that of `first_labels`.
    """
    labels = labels.copy()
    weights = fixed + sum(model[k] for model, k in zip(models, labels, strict=True))
    passes, changed, objective = 0, True, 0.0
    while changed and passes < max_passes:
        passes, changed, objective = passes + 1, False, 0.0
        scale = _scale(weights, xx)
        for i, (model, test) in enumerate(zip(models, tests, strict=True)):
            others = weights - model[labels[i]]
            # For one feature, correlations up to a factor that the stimuli share.
            scores = np.einsum("sfr,fr->s", test, scale * others)
            best = int(scores.argmax())
            objective += float(scores[best])
            if best != labels[i]:
                labels[i], changed = best, True
                weights = others + model[best]
    return Labelling(labels, passes, not changed, objective)


def _by_stimulus(columns: np.ndarray, n_features: int) -> np.ndarray:
    """Reshape (n_regressors, n_targets) to (n_stimuli, n_features, n_regressors)."""
    return np.ascontiguousarray(columns.T).reshape(-1, n_features, len(columns))


def _scale(model: np.ndarray, xx: np.ndarray) -> np.ndarray:
    """One over the norm of the reconstruction of each feature, (n_features, 1)."""
    power = np.sum(model @ xx * model, axis=1, keepdims=True)
    return 1 / np.sqrt(np.where(power > 0, power, 1.0))
