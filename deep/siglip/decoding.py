"""Decisions and reconstructions of a trained contrastive decoder."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.trial import Trial
from cocktailparty.trials import check_trials
from deep.siglip.inputs import Inputs, in_samples
from deep.siglip.networks.choice import samples_after
from deep.siglip.outputs import Outputs
from deep.siglip.settings import _SigLIPSettings
from deep.training.devices import choose_device


class _SigLIPDecoding(AttentionDecoderMixin, _SigLIPSettings):
    """What `deep.SigLIPDecoder` does with trials once it is fitted."""

    sfreq_: float
    inputs_: Inputs

    @one_blas_thread()
    def window_scores(
        self, trial: Trial, window: float = 5.0, hop: float | None = None
    ) -> np.ndarray:
        """Score every stimulus in every decision window.

        Parameters
        ----------
        trial : Trial
            Trial to decode; its listener need not have been in training.
        window : float
            Length of a decision window in seconds.
        hop : float, optional
            Distance between window starts in seconds; None for windows side by side.

        Returns
        -------
        scores : ndarray of shape (n_windows, n_stimuli)
            Similarities of embeddings, or correlations if nothing was contrasted.

        Raises
        ------
        ValueError
            If the window does not fit into the trial, or the trial not to the decoder.
        """
        self._check(trial)
        n = in_samples(trial, window)
        if hop is not None and not hop > 0:
            raise ValueError(f"hop must be a positive number of seconds, got {hop!r}")
        step = n if hop is None else max(round(hop * trial.sfreq), 1)
        return self._outputs().scores(self.inputs_.recording(trial), [(n, step)])[0]

    @one_blas_thread()
    def window_sweep(self, trial: Trial, windows: Iterable[float]) -> dict[float, Any]:
        """Score every stimulus for several window lengths, embedding the trial once.

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
        self._check(trial)
        windows = list(windows)
        fitting = [w for w in windows if round(w * trial.sfreq) <= trial.n_times]
        lengths = [in_samples(trial, w) for w in fitting]
        scores = self._outputs().scores(self.inputs_.recording(trial), [(n, n) for n in lengths])
        found = dict(zip(fitting, scores, strict=True))
        return {w: found.get(w, np.empty((0, trial.n_stimuli))) for w in windows}

    def reconstruct(self, trials: Any) -> list[np.ndarray]:
        """Reconstruct the attended envelope from EEG alone.

        Parameters
        ----------
        trials : sequence of Trial
            Trials; their stimuli are not looked at.

        Returns
        -------
        reconstructions : list of ndarray of shape (n_times, 1)
            One for each trial, of arbitrary scale.
        """
        check_is_fitted(self, "network_")
        trials = check_trials(trials, sfreq=self.sfreq_)
        for trial in trials:
            self._check(trial)
        outputs = self._outputs()
        return [outputs.reconstruction(self.inputs_.recording(t))[:, None] for t in trials]

    @property
    def _n_window(self) -> int:
        return round(self.window * self.sfreq_)

    @property
    def _n_lags(self) -> int:
        return int(self.tmax * self.sfreq_ + 1e-9) + 1

    def _check(self, trial: Trial) -> None:
        check_is_fitted(self, "network_")
        self.inputs_.check(trial)

    def _outputs(self) -> Outputs:
        model, state = self._network()
        return Outputs(
            model, state, samples_after(self.architecture, self._n_lags), self._n_window,
            bool(self.contrast_weight), choose_device(self.device),
        )  # fmt: skip
