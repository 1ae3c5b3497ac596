"""Outputs of a trained network for trials of any length."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from deep.data.windows import DecisionWindows, Recording
from deep.siglip.scores import averaged, crossfaded, pieces, similarities, window_starts
from deep.siglip.task import window_similarity, window_views
from deep.training.inference import apply

# So many windows are computed at a time, however many there are: one program serves all trials.
_BATCH = 16
# Length of the pieces of a trial, and a margin within which convolutions of the sound would
# notice that it was cut.
_PIECE, _MARGIN = 512, 16


@dataclass(frozen=True)
class Outputs:
    """A trained network that sees each moment within its lags, or windows as a whole.

    Attributes
    ----------
    model, state : object
        Network.
    n_after : int
        Samples of EEG after a window that it looks at.
    n_window : int
        Length in samples of the windows it was trained with.
    contrast : bool
        Whether embeddings decide, and not the reconstruction.
    device : jax.Device
        Where to compute.
    """

    model: Any
    state: Any
    n_after: int
    n_window: int
    contrast: bool
    device: jax.Device

    def scores(self, one: Recording, windows: list[tuple[int, int]]) -> list[np.ndarray]:
        """Score all stimuli in windows of several lengths.

        Parameters
        ----------
        one : Recording
            A whole trial.
        windows : list of (int, int)
            Lengths of decision windows and distances between them, in samples.

        Returns
        -------
        scores : list of ndarray of shape (n_windows, n_stimuli)
            For each length.
        """
        if self.model.unit_windows:
            return [self._scores_apart(one, n, hop) for n, hop in windows]
        views = self._whole(one)
        eeg, sounds = views.eeg, views.sounds
        if not self.contrast:
            eeg, sounds = views.reconstruction[:, None], one.sounds["envelopes"][..., None]
        starts = [window_starts(one.n_times, n, hop) for n, hop in windows]
        return [
            similarities(eeg, sounds, n, own) for (n, _), own in zip(windows, starts, strict=True)
        ]

    def reconstruction(self, one: Recording) -> np.ndarray:
        """Reconstruct the attended envelope.

        Parameters
        ----------
        one : Recording
            A whole trial.

        Returns
        -------
        envelope : ndarray of shape (n_times,)
            Envelope, without scale. A network of whole windows makes it from windows that overlap
            by half.
        """
        if not self.model.unit_windows:
            return np.asarray(self._whole(one).reconstruction, dtype=np.float64)
        n = min(self.n_window, one.n_times)
        starts = pieces(one.n_times, n, max(n // 2, 1))
        parts = self._compute(window_views, one, starts, n).reconstruction
        return crossfaded(parts, starts, one.n_times)

    def _compute(self, forward: Callable, one: Recording, starts: list[int], n: int) -> Any:
        padded = starts + starts[-1:] * (-len(starts) % _BATCH)
        windows = DecisionWindows(one, padded, n, self.n_after)
        outputs = apply(
            forward, self.model, self.state, windows, batch_size=_BATCH, device=self.device
        )
        return jax.tree.map(lambda x: x[: len(starts)], outputs)

    def _whole(self, one: Recording) -> Any:
        """Compute the outputs for the whole in pieces of one size."""
        inner = _PIECE - 2 * _MARGIN
        n_pieces = -(-one.n_times // inner)
        margins = (_MARGIN, n_pieces * inner - one.n_times + _MARGIN)
        padded = one._replace(
            signals={k: np.pad(x, (margins, (0, 0))) for k, x in one.signals.items()},
            sounds={
                k: np.pad(x, ((0, 0), margins, *((0, 0),) * (x.ndim - 2)))
                for k, x in one.sounds.items()
            },
            n_times=one.n_times + sum(margins),
        )
        starts = [inner * i for i in range(n_pieces)]
        views = self._compute(window_views, padded, starts, _PIECE)
        middle = slice(_MARGIN, _MARGIN + inner)
        eeg = np.concatenate(list(views.eeg[:, middle]))[: one.n_times]
        sounds = np.concatenate(list(views.sounds[:, :, middle]), axis=1)[:, : one.n_times]
        reconstruction = np.concatenate(list(views.reconstruction[:, middle]))[: one.n_times]
        return views._replace(eeg=eeg, sounds=sounds, reconstruction=reconstruction)

    def _scores_apart(self, one: Recording, n: int, hop: int) -> np.ndarray:
        """Scores of windows that are seen each on its own; long ones in pieces, averaged."""
        n_piece = min(n, self.n_window)
        firsts = window_starts(one.n_times, n, hop)
        inside = pieces(n, n_piece, n_piece)
        starts = [first + start for first in firsts for start in inside]
        similarity, r = self._compute(window_similarity, one, starts, n_piece)
        owners = np.repeat(np.arange(len(firsts)), len(inside))
        return averaged(similarity if self.contrast else r, owners, len(firsts))
