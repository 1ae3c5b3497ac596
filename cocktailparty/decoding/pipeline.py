"""Pipelines of trials: transformers of trials before an attention decoder."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.trial import Trial


class TrialPipeline(AttentionDecoderMixin, Pipeline):
    """Pipeline of scikit-learn whose samples are trials and whose last step is a decoder.

    It is an attention decoder itself: `cocktailparty.evaluation.compare` and
    `cocktailparty.search.search` train all of its steps on training trials alone, so that
    parameters of any step, such as a band, are tuned without a leak. A plain
    `sklearn.pipeline.Pipeline` in its place is taken for one.

    Parameters
    ----------
    steps : list of (str, estimator)
        Names and steps, the last of which is an attention decoder.
    transform_input : list of str, optional
        As for `sklearn.pipeline.Pipeline`.
    memory : str or object, optional
        As for `sklearn.pipeline.Pipeline`.
    verbose : bool
        As for `sklearn.pipeline.Pipeline`.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from cocktailparty.decoding import TrialBand
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=6, n_channels=8, random_state=0).trials
    >>> ridge = AttentionDecoder(BackwardTRF(tmax=0.25, alpha=0.01, alpha_convention="relative"))
    >>> pipeline = TrialPipeline([("band", TrialBand(1, 8)), ("decoder", ridge)])
    >>> float(pipeline.fit(trials[:4]).score(trials[4:]))
    1.0
    """

    @one_blas_thread()
    def window_scores(self, trial: Trial, window: float = 5.0, hop: float | None = None) -> Any:
        """Score every stimulus in every decision window, after all other steps.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        window : float
            Length of a decision window in seconds.
        hop : float, optional
            Distance between window starts in seconds; None for windows side by side.

        Returns
        -------
        scores : array of shape (n_windows, n_stimuli)
            Larger means more likely attended.
        """
        return self[-1].window_scores(self._changed(trial), window, hop)

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, Any]:
        """Score every stimulus for several window lengths, after all other steps.

        Parameters
        ----------
        trial : Trial
            Trial to decode.
        windows : iterable of float
            Window lengths in seconds.

        Returns
        -------
        scores : dict of float to array of shape (n_windows, n_stimuli)
            No rows for a window longer than the trial.
        """
        sweep: dict[float, Any] = self[-1].window_sweep(self._changed(trial), windows)
        return sweep

    def predict(self, trials: Any) -> np.ndarray:
        """Choose the attended stimulus of each trial.

        Parameters
        ----------
        trials : sequence of Trial
            Trials to decode.

        Returns
        -------
        attended : ndarray of int, shape (n_trials,)
            Index of the stimulus with the largest score; the lowest of those that tie for it.
        """
        return AttentionDecoderMixin.predict(self, trials)

    @property
    def regressor_(self) -> Any:
        """Regressor of the decoder, for those that show its patterns."""
        return self[-1].regressor_

    def _changed(self, trial: Trial) -> Trial:
        for _, step in self.steps[:-1]:
            if step is not None and step != "passthrough":
                trial = step.transform([trial])[0]
        return trial


def as_decoder(estimator: Any) -> Any:
    """Take a pipeline of scikit-learn as a `TrialPipeline`; anything else stays as it is."""
    if type(estimator) is Pipeline:
        return TrialPipeline(**estimator.get_params(deep=False))
    return estimator
