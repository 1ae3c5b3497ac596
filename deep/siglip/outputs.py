"""Outputs of a trained network for trials of any length."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from deep.data.windows import DecisionWindows, Recording
from deep.siglip.scores import averaged, crossfaded, segment_starts, similarities, window_starts
from deep.siglip.task import window_similarity, window_views
from deep.training.inference import apply

# Windows that are computed at a time, however many there are: one program serves all trials.
_BATCH = 16
# Length of the segments of a trial, and a margin within which convolutions of the sound would
# notice that it was cut.
_SEGMENT, _MARGIN = 512, 16


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

    def scores(self, recording: Recording, windows: list[tuple[int, int]]) -> list[np.ndarray]:
        """Score all stimuli of a whole trial in windows of several lengths.

        `windows` are pairs of a length and a hop in samples; the scores of each are of shape
        (n_windows, n_stimuli).
        """
        if self.model.unit_windows:
            return [self._unit_window_scores(recording, n, hop) for n, hop in windows]
        views = self._whole(recording)
        eeg, sounds = views.eeg, views.sounds
        if not self.contrast:
            eeg, sounds = views.reconstruction[:, None], recording.sounds["envelopes"][..., None]
        starts = [window_starts(recording.n_times, n, hop) for n, hop in windows]
        return [
            similarities(eeg, sounds, n, firsts)
            for (n, _), firsts in zip(windows, starts, strict=True)
        ]

    def reconstruction(self, recording: Recording) -> np.ndarray:
        """Reconstruct the attended envelope of a whole trial, (n_times,), without scale.

        A network of whole windows makes it from windows that overlap by half.
        """
        if not self.model.unit_windows:
            return np.asarray(self._whole(recording).reconstruction, dtype=np.float64)
        n = min(self.n_window, recording.n_times)
        starts = segment_starts(recording.n_times, n, max(n // 2, 1))
        segments = self._compute(window_views, recording, starts, n).reconstruction
        return crossfaded(segments, starts, recording.n_times)

    def _compute(self, forward: Callable, recording: Recording, starts: list[int], n: int) -> Any:
        padded = starts + starts[-1:] * (-len(starts) % _BATCH)
        windows = DecisionWindows(recording, padded, n, self.n_after)
        outputs = apply(
            forward, self.model, self.state, windows, batch_size=_BATCH, device=self.device
        )
        return jax.tree.map(lambda x: x[: len(starts)], outputs)

    def _whole(self, recording: Recording) -> Any:
        """Compute the outputs for a whole trial in segments of one size."""
        inner = _SEGMENT - 2 * _MARGIN
        n_segments = -(-recording.n_times // inner)
        margins = (_MARGIN, n_segments * inner - recording.n_times + _MARGIN)
        padded = recording._replace(
            signals={k: np.pad(x, (margins, (0, 0))) for k, x in recording.signals.items()},
            sounds={
                k: np.pad(x, ((0, 0), margins, *((0, 0),) * (x.ndim - 2)))
                for k, x in recording.sounds.items()
            },
            n_times=recording.n_times + sum(margins),
        )
        starts = [inner * i for i in range(n_segments)]
        views = self._compute(window_views, padded, starts, _SEGMENT)
        middle = slice(_MARGIN, _MARGIN + inner)
        eeg = np.concatenate(list(views.eeg[:, middle]))[: recording.n_times]
        sounds = np.concatenate(list(views.sounds[:, :, middle]), axis=1)[:, : recording.n_times]
        reconstruction = np.concatenate(list(views.reconstruction[:, middle]))[: recording.n_times]
        return views._replace(eeg=eeg, sounds=sounds, reconstruction=reconstruction)

    def _unit_window_scores(self, recording: Recording, n: int, hop: int) -> np.ndarray:
        """Scores of windows that are seen separately; long ones in segments, averaged."""
        n_segment = min(n, self.n_window)
        firsts = window_starts(recording.n_times, n, hop)
        inside = segment_starts(n, n_segment, n_segment)
        starts = [first + start for first in firsts for start in inside]
        similarity, r = self._compute(window_similarity, recording, starts, n_segment)
        owners = np.repeat(np.arange(len(firsts)), len(inside))
        return averaged(similarity if self.contrast else r, owners, len(firsts))
