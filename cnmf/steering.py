"""Separation of the attended sound, steered by EEG or by any other guide."""

import logging
from collections.abc import Mapping
from typing import Any
from warnings import warn

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from cnmf.components import SAMPLE, find_components
from cnmf.estimator import ContrastiveNMF
from cocktailparty.blas import one_blas_thread
from cocktailparty.separation.alignment import frame_grid, on_frames
from cocktailparty.separation.artefacts import without_artefacts
from cocktailparty.separation.evidence import MAX_COMPONENTS, attend, better_lag
from cocktailparty.separation.grouping import attend_to_groups, group_components
from cocktailparty.separation.masking import Separated
from cocktailparty.separation.parts import FEWEST, MOST
from cocktailparty.separation.steering import (
    Steered,
    artefact_note,
    check_guide,
    lag_frames,
    steer,
)
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials
from cocktailparty.validation import check_finite, check_rate, float_array

logger = logging.getLogger(__name__)

# Components that are grouped into sources: their number costs time alone.
_MOST_GROUPED = 64


class NeuroSteeredSeparator(BaseEstimator):
    """Separate the attended sound from a mixture, steered by EEG.

    A decoder reconstructs from EEG what the attended sound does over time. The mixture is split
    into components, and the evidence that the reconstruction follows a set of them is gathered over
    the whole mixture (`cocktailparty.separation.attend`). A Wiener mask takes these components out
    of the mixture. No source has to be known.

    Better parts sound better: where stems are known, give them as `parts`; where a trained network
    separates them, give it as `separator`. The EEG then only has to tell which one is attended.

    The evidence of EEG grows slowly. At a correlation of 0.1, which is what EEG gives today, a few
    seconds tell next to nothing: the output is then close to the mixture, on purpose. It takes
    about a minute until the attended sound stands out, and minutes until it does so reliably.

    Parameters
    ----------
    decoder : estimator, optional
        Estimator of the envelope (or activations) of the attended sound from EEG: a regressor with
        ``fit(eeg_trials, stimulus_trials)`` and ``predict(eeg_trials)`` that take and return lists,
        such as `linear_aad.BackwardTRF`, or an attention decoder with ``fit(trials)`` and
        ``reconstruct(trials)``. Not needed for `separate_by_guide`.
    separator : object, optional
        Object that splits the mixture into 2 to 8 parts, by ``separate(mixture, sfreq)``;
        `cocktailparty.separation.FunctionSeparator` makes one of a function. It may return a
        dictionary of talkers, as `deep.ASAMSeparator` does for those that it knows. None for a
        factorisation.
    n_components : int
        Number of components of the mixture, 2 to 18, or to 64 with `n_sources`.
    window : float
        Length of the analysis window in seconds.
    max_iter : int
        Number of iterations of the factorisation at most.
    device : {None, "cpu", "cuda"}
        Device that factorises the mixture.
    random_state : int, RandomState or None
        Source of the random start.
    lag : float, optional
        Seconds that the guide is late. None searches from -0.2 to 0.5 s where parts are known; for
        components, it means none, and a warning tells of one that fits far better.
    n_sources : int, optional
        Number of sources that the mixture consists of, 2 to 8. Components are then grouped into as
        many by what they share (`cocktailparty.separation.grouping`), and the evidence chooses
        among the groups. None weighs every set of components instead.

    Attributes
    ----------
    decoder_ : estimator
        Fitted decoder.
    attention_ : cocktailparty.separation.Attention
        Choice among the parts of the last mixture, with its confidence.
    lag_ : float
        Seconds that the last guide was taken to be late.
    artefacts_ : list of tuple of two floats
        Beginning and end of each artefact of the last guide in seconds; they were cut down.
    notes_ : list of str
        Changes that were made to the last parts and guide, and warnings about them.
    steered_ : cocktailparty.separation.Steered or None
        Result for the last mixture, if its parts were known.
    activations_ : ndarray of shape (n_frames, n_components)
        Loudness of each component of the last mixture over time.
    components_ : ndarray of shape (n_components, n_freqs)
        Spectrum of each component of the last mixture; like `activations_`, only of a
        factorisation.
    groups_ : ndarray of shape (n_components,) or None
        Group of each component of the last mixture, from 0; None without `n_sources`.
    n_fft_, hop_ : int
        Window and step of the last spectrogram, in samples.

    See Also
    --------
    ContrastiveNMF : Steers the components themselves by a guide that is known to be good.

    Notes
    -----
    The components are found without the guide. Components that are drawn to a guide correlate with
    its noise as well, and evidence from such a correlation is worthless.

    Mixtures may be long: of more than 20,000 frames (five minutes of a guide at 64 Hz), a random
    sample is factorised, and masks are computed block by block (`cnmf.components`). Beyond the
    mixture and the result, memory grows by the activations alone. Where two sounds of the length
    of the mixture are too much, `blocks_by_guide` gives them piece by piece.

    References
    ----------
    Cantisani, G., Essid, S., & Richard, G. (2021). Neuro-steered music source separation with
    EEG-based auditory attention decoding and contrastive-NMF. ICASSP, 36-40.
    https://doi.org/10.1109/ICASSP39728.2021.9413841

    Examples
    --------
    >>> import numpy as np
    >>> time = np.arange(16000) / 8000
    >>> beat = np.repeat(np.random.default_rng(0).random(20) ** 2, 800)
    >>> bell, hum = beat * np.sin(5000 * time), np.sin(900 * time) * beat[::-1]
    >>> separator = NeuroSteeredSeparator(n_components=4, random_state=0)
    >>> attended, rest = separator.separate_by_guide(bell + hum, 8000, beat[::125], 64)
    >>> bool(np.mean((attended - bell) ** 2) < 0.1 * np.mean(bell**2))
    True
    """

    def __init__(
        self,
        decoder: Any = None,
        separator: Any = None,
        n_components: int = 16,
        window: float = 0.064,
        max_iter: int = 100,
        device: str | None = None,
        random_state: Any = None,
        lag: float | None = None,
        n_sources: int | None = None,
    ) -> None:
        self.decoder = decoder
        self.separator = separator
        self.n_components = n_components
        self.window = window
        self.max_iter = max_iter
        self.device = device
        self.random_state = random_state
        self.lag = lag
        self.n_sources = n_sources

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "NeuroSteeredSeparator":
        """Train the decoder.

        Parameters
        ----------
        trials : sequence of Trial
            Trials with stimuli: the target is the attended one. Their audio is not used.
        attended : array-like of int, shape (n_trials,), optional
            Index of the attended stimulus of each trial; None for the labels of the trials.

        Returns
        -------
        self : NeuroSteeredSeparator
            Fitted.

        Raises
        ------
        ValueError
            If there is no decoder, or trials do not belong together or have no label.
        """
        if self.decoder is None:
            raise ValueError("decoder must be given to fit: pass e.g. linear_aad.BackwardTRF(...)")
        trials = check_trials(trials)
        labels = attended_labels(trials, attended)
        decoder = clone(self.decoder)
        if hasattr(decoder, "reconstruct"):
            self.decoder_ = decoder.fit(trials, labels)
        else:
            self.decoder_ = decoder.fit(
                [trial.eeg for trial in trials],
                [trial.stimuli[k] for trial, k in zip(trials, labels, strict=True)],
            )
        return self

    @one_blas_thread()
    def reconstruct(self, trial: Trial) -> np.ndarray:
        """Reconstruct from EEG what the attended sound does over time.

        Parameters
        ----------
        trial : Trial
            Trial; only its EEG is looked at.

        Returns
        -------
        ndarray of shape (n_times, n_features)
            Reconstruction at the rate of the EEG.
        """
        check_is_fitted(self, "decoder_")
        if hasattr(self.decoder_, "reconstruct"):
            found = self.decoder_.reconstruct([trial])[0]
        else:
            found = self.decoder_.predict([trial.eeg])[0]
        found = np.asarray(found)
        return found[:, None] if found.ndim == 1 else found

    @one_blas_thread()
    def separate(self, trial: Trial) -> np.ndarray:
        """Split the mixture of a trial into the attended sound and the rest.

        Parameters
        ----------
        trial : Trial
            Trial with EEG and `audio`, the mixture. Its stimuli are not looked at.

        Returns
        -------
        ndarray of shape (2, n_samples) or (2, n_samples, n_audio_channels)
            Attended and rest; their sum is the mixture.

        Raises
        ------
        ValueError
            If the trial has no audio.
        """
        check_is_fitted(self, "decoder_")
        if trial.audio is None or trial.audio_sfreq is None:
            raise ValueError("the trial has no audio to separate: give Trial audio and audio_sfreq")
        guide = self.reconstruct(trial)
        return self.separate_by_guide(trial.audio, trial.audio_sfreq, guide, trial.sfreq)

    @one_blas_thread()
    def predict(self, trial: Trial) -> np.ndarray:
        """Extract the attended sound from the mixture of a trial.

        Parameters
        ----------
        trial : Trial
            Trial with EEG and `audio`, the mixture.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_audio_channels)
            Attended sound.
        """
        attended: np.ndarray = self.separate(trial)[0]
        return attended

    @one_blas_thread()
    def separate_by_guide(
        self, audio: Any, audio_sfreq: float, guide: Any, sfreq: float, parts: Any = None
    ) -> np.ndarray:
        """Split a mixture, steered by a guide instead of EEG.

        Parameters
        ----------
        audio : array of shape (n_samples,) or (n_samples, n_audio_channels)
            Mixture.
        audio_sfreq : float
            Its sampling rate in hertz.
        guide : array of shape (n_times,) or (n_times, n_features)
            Loudness of the attended sound over time, with any offset and scale; the mean over
            features is taken.
        sfreq : float
            Sampling rate of the guide in hertz.
        parts : sequence of array or of tuple of (array, rate), optional
            2 to 8 sounds of which one is attended, such as stems, instead of those of `separator`;
            see `cocktailparty.separation.steer`.

        Returns
        -------
        ndarray of shape (2, n_samples) or (2, n_samples, n_audio_channels)
            Attended and rest; their sum is the mixture.

        Raises
        ------
        ValueError
            If a parameter, a rate or a shape is impossible, a value is not finite, guide and audio
            differ in length, or the parts are none of this mixture.
        """
        blocks = self._blocks(audio, audio_sfreq, guide, sfreq, parts)
        return blocks[0] if isinstance(blocks, list) else blocks.whole()

    @one_blas_thread()
    def blocks_by_guide(
        self, audio: Any, audio_sfreq: float, guide: Any, sfreq: float, parts: Any = None
    ) -> Any:
        """Split a mixture as `separate_by_guide` does, but compute the sounds piece by piece.

        Parameters
        ----------
        audio : array of shape (n_samples,) or (n_samples, n_audio_channels)
            Mixture; a `numpy.memmap` is read in pieces as well.
        audio_sfreq : float
            Its sampling rate in hertz.
        guide : array of shape (n_times,) or (n_times, n_features)
            Loudness of the attended sound over time.
        sfreq : float
            Sampling rate of the guide in hertz.
        parts : sequence of array or of tuple of (array, rate), optional
            2 to 8 sounds of which one is attended; the result is then one block.

        Returns
        -------
        iterable of ndarray of shape (2, n_block_samples) or (2, n_block_samples, n_audio_channels)
            Consecutive pieces of attended and rest, computed each time they are iterated over. The
            choice is made before, and the attributes are there.

        Raises
        ------
        ValueError
            As in `separate_by_guide`.

        Examples
        --------
        >>> import numpy as np
        >>> noise = np.random.default_rng(0).normal(size=160000)
        >>> separator = NeuroSteeredSeparator(n_components=2, max_iter=10, random_state=0)
        >>> blocks = separator.blocks_by_guide(noise, 8000, np.ones(1280), 64)
        >>> [block.shape for block in blocks]
        [(2, 64000), (2, 64000), (2, 32000)]
        """
        return self._blocks(audio, audio_sfreq, guide, sfreq, parts)

    def _blocks(
        self, audio: Any, audio_sfreq: float, guide: Any, sfreq: float, parts: Any
    ) -> list[np.ndarray] | Separated:
        self._check_parameters()
        check_rate(audio_sfreq, "audio_sfreq")
        check_rate(sfreq, "sfreq")
        audio = float_array(audio, "audio")
        check_finite(audio, "audio")
        guide = check_guide(guide, sfreq, audio.shape[0] / audio_sfreq)
        self.n_fft_, self.hop_ = frame_grid(audio_sfreq, sfreq, self.window)
        if parts is None and self.separator is not None:
            parts = _parts_of(self.separator, audio, audio_sfreq)
        if parts is not None:
            found = steer(audio, audio_sfreq, parts, guide, sfreq, lag=self.lag, window=self.window)
            self.attention_, self.lag_ = found.attention, found.lag
            self.steered_: Steered | None = found
            self.artefacts_, self.notes_ = found.artefacts, found.notes
            return [found.sounds]
        self.steered_ = None
        guide, self.artefacts_ = without_artefacts(guide, sfreq)
        self.notes_ = [artefact_note(self.artefacts_)] if self.artefacts_ else []
        self._choose(audio, guide, sfreq, audio_sfreq / self.hop_)
        return Separated(
            audio,
            self.activations_,
            self.components_,
            self.attention_.weights.astype(self.activations_.dtype),
            self.n_fft_,
            self.hop_,
        )

    def _choose(self, audio: np.ndarray, guide: np.ndarray, sfreq: float, rate: float) -> None:
        """Find components, frames being at `rate` hertz, and choose those that follow the guide."""
        nmf = ContrastiveNMF(
            self.n_components,
            1,
            contrast_weight=0.0,
            init="random",
            max_iter=self.max_iter,
            device=self.device,
            random_state=self.random_state,
        )
        logger.info("looking for %d components in %.0f s", self.n_components, len(guide) / sfreq)
        found = find_components(audio, nmf, self.n_fft_, self.hop_, sample=SAMPLE)
        logger.info("weighing which of them follow the guide")
        self.activations_, self.components_ = found.activations, found.components
        frames = on_frames(guide, sfreq, rate, len(found.activations))
        loudness = found.loudness
        self.lag_ = self.lag or 0.0
        lags = lag_frames(self.lag_, rate)
        if self.n_sources is None:
            self.groups_ = None
            self.attention_ = attend(frames, loudness, found.gram, lags=lags)
        else:
            self.groups_ = group_components(
                loudness, found.components, found.positions, self.n_sources
            )
            self.attention_ = attend_to_groups(
                frames, loudness, found.gram, self.groups_, lags=lags
            )
        if self.lag is None and self.n_sources is None:
            late = better_lag(frames, loudness, lag_frames(None, rate))
            if late is not None:
                note = (
                    f"The guide fits far better as if it were {late / rate:.2f} s late: try that "
                    "lag."
                )
                self.notes_.append(note)
                warn(note, stacklevel=5)

    def _check_parameters(self) -> None:
        lag_frames(self.lag, 1.0)
        most = MAX_COMPONENTS if self.n_sources is None else _MOST_GROUPED
        if not 2 <= self.n_components <= most:
            why = "every set of components is weighed; n_sources groups them"
            raise ValueError(
                f"n_components must be from 2 to {most}, got {self.n_components!r}"
                + (f": {why}" if self.n_sources is None else "")
            )
        if self.n_sources is not None and not FEWEST <= self.n_sources <= min(
            MOST, self.n_components
        ):
            raise ValueError(
                f"n_sources must be from {FEWEST} to {MOST}, and at most n_components="
                f"{self.n_components}, or None, got {self.n_sources!r}"
            )


def _parts_of(separator: Any, audio: Any, audio_sfreq: float) -> Any:
    """Let a separator split a mixture, and see that it did."""
    name = type(separator).__name__
    if not hasattr(separator, "separate"):
        raise ValueError(
            f"separator must have separate(mixture, sfreq), got {name}: make one of a function by "
            "cocktailparty.separation.FunctionSeparator"
        )
    parts = separator.separate(audio, audio_sfreq)
    if isinstance(parts, Mapping):
        parts = _sounds_of(parts, name)
    lengths = [len(part) for part in parts]
    if any(length != len(audio) for length in lengths):
        raise ValueError(
            f"separator {name} returned parts of {lengths} samples for a mixture of {len(audio)}: "
            "it has to return (n_parts, n_samples) at the rate of the mixture"
        )
    return parts


def _sounds_of(talkers: Mapping[str, Any], name: str) -> list[Any]:
    """Waveforms of talkers that were found by name, the surest first."""
    if len(talkers) < FEWEST:
        found = ", ".join(map(repr, talkers)) or "nobody"
        raise ValueError(
            f"separator {name} found {found} in the mixture, and at least {FEWEST} have to be told "
            "apart: enroll the talkers, or lower the threshold of presence"
        )
    # What is asked for is who is attended among those that are there: the least sure may not be.
    return [getattr(talker, "waveform", talker) for talker in list(talkers.values())[:MOST]]
