"""Windows scored one by one, each from an excerpt that holds no more than it needs.

A device cannot score a whole recording. Where the score of a window depends on samples near it
alone, as with lags, an excerpt with these samples gives the same score.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.metrics.attention import SILENT
from cocktailparty.metrics.decisions import check_scores
from cocktailparty.trial import Trial

# Samples further than this from a window, in seconds, must not change its score.
_FURTHEST = 2.0
# Changes of a score up to this size are rounding, or what a mean of the excerpt takes with it.
_NEGLIGIBLE, _ROUNDING = 1e-4, 1e-10
# Variance of what a filter leaves of digital silence.
_NOTHING = 1e-24


@dataclass(frozen=True, eq=False)
class ExcerptScorer:
    """Scorer of single windows with a fitted decoder.

    Attributes
    ----------
    decoder : estimator
        Fitted decoder with `window_scores`.
    template : Trial
        Trial with the rate, channels and numbers of sounds and features of what is scored.
    n_window, n_before, n_after : int
        Samples of a window, and of what the decoder looks at before and after it.
    """

    decoder: Any
    template: Trial
    n_window: int
    n_before: int
    n_after: int

    @classmethod
    def of(cls, decoder: Any, like: Trial, window: float) -> "ExcerptScorer":
        """Measure how far a decoder looks beyond a window of `window` seconds.

        `like` is a trial of the wanted rate, channels, sounds and features; what it holds does not
        matter. A decoder whose scores depend on samples further than 2 s away is a ValueError.
        """
        n, margin = round(window * like.sfreq), round(_FURTHEST * like.sfreq)
        n_times, rng = n + 2 * margin, np.random.default_rng(0)

        def noise() -> tuple[np.ndarray, np.ndarray]:
            eeg = rng.normal(size=(n_times, like.n_channels))
            return eeg, rng.normal(size=(like.n_stimuli, n_times, like.n_features))

        (eeg, stimuli), (other_eeg, other_stimuli) = noise(), noise()
        scorer = cls(decoder, like, n, margin, margin)
        before = scorer.score(eeg, stimuli, margin)

        def changed(first: int, last: int) -> float:
            """Change of the score if the samples from `first` to `last` are others."""
            x, s = eeg.copy(), stimuli.copy()
            x[first:last], s[:, first:last] = other_eeg[first:last], other_stimuli[:, first:last]
            return float(np.abs(scorer.score(x, s, margin) - before).max())

        def reach(change: Any) -> int:
            """Fewest samples beyond which others do not change the score."""
            floor = change(margin - 1)
            if floor > _NEGLIGIBLE:
                raise ValueError(
                    f"{type(decoder).__name__} cannot decode a window at a time: its score depends "
                    f"on samples that are {_FURTHEST:g} s away (it changes by {floor:.2g}). Take a "
                    "decoder that looks at each window and the lags around it alone"
                )
            low, high = -1, margin - 1
            while high - low > 1:
                middle = (low + high) // 2
                if change(middle) <= max(_ROUNDING, 10 * floor):
                    high = middle
                else:
                    low = middle
            return high

        return cls(
            decoder,
            like,
            n,
            reach(lambda d: changed(0, margin - d)),
            reach(lambda d: changed(margin + n + d, n_times)),
        )

    def score(self, eeg: np.ndarray, stimuli: np.ndarray, first: int) -> np.ndarray:
        """Score the window that starts at the sample `first` of an excerpt, (n_stimuli,).

        `eeg` is (n_times, n_channels), `stimuli` (n_stimuli, n_times, n_features).
        """
        excerpt = self.template.with_samples(eeg, stimuli)
        rate = excerpt.sfreq
        if first == 0:
            scores = self.decoder.window_scores(excerpt, self.n_window / rate)[0]
        else:
            scores = self.decoder.window_scores(excerpt, self.n_window / rate, first / rate)[1]
        return np.asarray(to_numpy(scores), dtype=float)

    def observed(
        self, eeg: np.ndarray, stimuli: np.ndarray, first: int, heard: np.ndarray
    ) -> np.ndarray | None:
        """Score a window in which only some stimuli are `heard`, bool (n_stimuli,).

        A silent stimulus has the score 0, and a window in which all are silent has none. A score
        that is NaN is a ValueError.
        """
        if not heard.any():
            return None
        scores = self.score(eeg, stimuli, first)
        check_scores(scores[None], type(self.decoder).__name__)
        return np.where(heard, scores, 0.0)

    def of_trial(self, trial: Trial) -> list[np.ndarray | None]:
        """Score the windows of a whole trial side by side, as if it were heard now."""
        eeg, stimuli = to_numpy(trial.eeg), to_numpy(trial.stimuli)
        silence, found = Silence(trial.n_stimuli, trial.n_features), []
        for start in range(0, trial.n_times - self.n_window + 1, self.n_window):
            heard = silence.heard(stimuli[:, start : start + self.n_window])
            first, last = max(start - self.n_before, 0), start + self.n_window + self.n_after
            found.append(
                self.observed(eeg[first:last], stimuli[:, first:last], start - first, heard)
            )
        return found


class Silence:
    """Stimuli that are silent in a window, compared with all that was heard of them so far.

    As in `cocktailparty.metrics.decidable_windows`, which knows the whole trial. What varies by
    less than 1e-10 of the variance of the loudest is silent as well.
    """

    def __init__(self, n_stimuli: int, n_features: int) -> None:
        self._n = 0
        self._mean = np.zeros((n_stimuli, n_features))
        self._power = np.zeros((n_stimuli, n_features))

    def heard(self, window: np.ndarray) -> np.ndarray:
        """Take in a window, (n_stimuli, n_times, n_features), and tell which stimuli sound in it.

        Returns bool, (n_stimuli,).
        """
        n, x = window.shape[1], np.asarray(window, dtype=float)
        mean = x.mean(axis=1)
        power = ((x - mean[:, None]) ** 2).sum(axis=1)
        gap, total = mean - self._mean, self._n + n
        self._power = self._power + power + gap**2 * (self._n * n / total)
        self._mean, self._n = self._mean + gap * (n / total), total
        spacing = np.finfo(window.dtype).eps * np.abs(x).max(axis=1, initial=0.0)
        # A sound that has been silent from the start has nothing of its own to compare with.
        known = np.maximum(self._power, self._power.max()) / total
        variance = power / n
        loud = (variance > SILENT * known) & (variance > np.maximum(spacing**2, _NOTHING))
        return np.asarray(loud.any(axis=1))

    def state(self) -> dict[str, Any]:
        """Return all that is remembered, see `restore`."""
        return {"n": self._n, "mean": self._mean.copy(), "power": self._power.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another was when it gave its `state`."""
        self._n = int(state["n"])
        self._mean, self._power = np.array(state["mean"]), np.array(state["power"])
