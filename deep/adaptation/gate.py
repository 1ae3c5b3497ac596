"""A gate that opens when a stream no longer sounds like what a classifier was trained on."""

from typing import Any

import numpy as np

from deep.contrastive.spectra import SpectraOfClasses


class Gate:
    """Watches a stream, and tells when it is no longer like the source.

    It compares the mean spectrum of the last clips with mixtures of the classes, which neither
    needs labels nor depends on which classes come.

    Parameters
    ----------
    source : SpectraOfClasses
        Training clips.
    threshold : float, optional
        Distance from which the gate is open; None for one from the training clips.
    window : int
        Number of clips that are looked at together.
    n_least : int
        With fewer clips the gate stays as it is.
    """

    def __init__(
        self, source: SpectraOfClasses, threshold: float | None, window: int, n_least: int
    ) -> None:
        self.source, self.window, self.n_least = source, window, min(n_least, window)
        self._fixed = threshold
        self._thresholds: dict[int, float] = {}
        self.clear()

    def clear(self) -> None:
        """Forget the stream."""
        self.recent = np.empty((0, self.source.spectra.shape[1]))
        self.is_open = False

    def look(self, spectra: np.ndarray) -> dict[str, Any]:
        """Look at the mean levels of new clips, (n_clips, n_mels), and report.

        The report has ``gate`` ("open", "closed" or "waiting"), ``distance`` and ``threshold``.
        """
        self.recent = np.concatenate([self.recent, spectra])[-self.window :]
        n = len(self.recent)
        if n < self.n_least:
            return {"gate": "waiting", "distance": None, "threshold": None}
        distance, threshold = self.source.distance(self.recent), self._threshold(n)
        self.is_open = distance > threshold
        state = "open" if self.is_open else "closed"
        return {"gate": state, "distance": distance, "threshold": threshold}

    def _threshold(self, n: int) -> float:
        if self._fixed is not None:
            return self._fixed
        # In steps of a quarter octave, so that few are computed.
        n = round(2 ** (round(4 * np.log2(n)) / 4))
        if n not in self._thresholds:
            self._thresholds[n] = self.source.threshold(n)
        return self._thresholds[n]
