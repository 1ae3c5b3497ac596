"""Separator that selects one talker from a mixture, by name or by a sound of the voice."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from deep.asam.extraction import Extracted, encode, extract
from deep.asam.inputs import (
    SHORTEST,
    check_cues,
    check_speakers,
    check_waveform,
    check_waveforms,
    level,
    resampled,
)
from deep.asam.memory import Recalled, VoiceMemory, check_name
from deep.asam.mixtures import Mixtures
from deep.asam.planning import epochs_in_time
from deep.asam.settings import _ASAMSettings
from deep.training.trees import n_parameters

# Slots for talkers who are enrolled later, besides those of the training.
_SPARE_SLOTS = 16
# Seconds of a mixture that go through the network at once.
_BLOCK = 4.0


class Talker(NamedTuple):
    """A talker in a mixture.

    Attributes
    ----------
    presence : float
        Probability that the talker is in it.
    waveform : ndarray of float32, shape (n_samples,)
        The talker's speech.
    """

    presence: float
    waveform: np.ndarray


class ASAMSeparator(_ASAMSettings):
    r"""Select a talker from a mixture, by name or by a sound of the voice.

    A cue, some seconds of a voice, becomes a vector; with it the network selects that voice from a
    mixture. Vectors of talkers with a name are kept in a lifelong memory of fixed size, from which
    the name alone recalls them (top-down); a sound that was never heard before is a cue as well
    (bottom-up) [1]_. New talkers are enrolled without training.

    Training needs clean utterances of some talkers. It mixes them anew at every step, and every
    talker of a mixture is selected in turn, under a cue from another utterance.

    Parameters
    ----------
    sfreq : float
        Rate of all waveforms in hertz. Files with a higher rate are resampled.
    preset : {"default", "paper"}
        "default": dilated convolutions, of which the first hear the mixture once for all cues and
        the later ones are scaled and shifted by the vector of the voice; a complex mask; trained
        for the ratio of signal to distortion. "paper": recurrent layers and attention on the
        magnitudes, trained for their squared error, as published; much slower.
    n_channels : int, optional
        Number of features of a layer, of units in each direction for "paper"; None for 160 or 300.
    n_voice : int, optional
        Length of the vector of a voice; None for 64, or 40 for "paper".
    n_layers : tuple of int
        Number of layers that hear the mixture only, and of those that are steered by the voice;
        "paper" always has two.
    mixture_duration : float
        Seconds of a mixture in training.
    cue_duration : float
        Seconds of the longest cue in training, where cues last at least half a second; longer ones
        are encoded in segments of this length.
    n_talkers : int or tuple of int
        Number of talkers in a mixture, or the smallest and the largest.
    snr : tuple of float
        Smallest and largest level of one talker above another in decibels.
    noise : tuple of float, optional
        Smallest and largest signal-to-noise ratio in decibels of coloured noise, which is added to
        half of the mixtures.
    speeds : tuple of float
        Factors of speed at which a talker sounds like another one, who is learnt from as well.
    n_slots : int, optional
        How many talkers the memory can hold; None for those of the training and 16 more.
    n_mixtures : int
        Number of mixtures in an epoch.
    training : Training, optional
        How the network is trained, such as ``Training(max_minutes=40)``; settings that it leaves
        out are those of the preset. With `max_minutes` as many epochs are planned as fit into it,
        so that the learning rate falls in time. Nothing can be held out.
    max_epochs : int
        Largest number of epochs.
    random_state : int, RandomState or None
        Decides all that is random.

    Attributes
    ----------
    memory_ : Recalled
        Known talkers: `names`, `values` (the voices), and `ages`.
    n_parameters_ : int
        Number of trained parameters.
    history_ : dict of str to list of float
        Course of the training, see `deep.Fit`: "gain" is the improvement of the ratio in decibels
        over the mixture, "voices" the share of cues whose voice is recognised.

    See Also
    --------
    cnmf.NeuroSteeredSeparator : Lets EEG decide whom to select.

    References
    ----------
    .. [1] Xu, Shi, Liu, Chen & Xu (2018), "Modeling attention and memory for auditory selection in
       a cocktail party environment", Proceedings of the AAAI Conference on Artificial
       Intelligence 32.

    Examples
    --------
    Two "voices" that are tones, low and high, and far too short a training:

    >>> rng = np.random.default_rng(0)
    >>> time = np.arange(8000) / 8000
    >>> beat = np.abs(np.sin(10 * time))
    >>> tones = [beat * np.sin(2 * np.pi * f * time) for f in (200, 210, 900, 920)]
    >>> asam = ASAMSeparator(n_channels=8, n_voice=4, n_layers=(0, 1), mixture_duration=0.5,
    ...                      cue_duration=0.5, n_mixtures=6, max_epochs=1, speeds=(),
    ...                      random_state=0)
    >>> asam = asam.fit(tones, ["low", "low", "high", "high"])
    >>> asam.enroll(np.sin(2 * np.pi * 3000 * time), "whistle").memory_.names
    ('high', 'low', 'whistle')
    >>> [x.shape for x in asam.predict([tones[0] + tones[2]], cue=["low"])]
    [(8000,)]
    """

    @one_blas_thread()
    def fit(self, utterances: Any, speakers: Any) -> "ASAMSeparator":
        """Train, and remember the voices of all talkers.

        Parameters
        ----------
        utterances : sequence of ndarray of shape (n_samples,), path or AudioClip
            Clean speech, as waveforms or files. A talker's only utterance is divided into two
            halves, for cue and target.
        speakers : sequence of str
            Talker of each utterance.

        Returns
        -------
        self : ASAMSeparator
            Fitted.

        Raises
        ------
        ValueError
            If a setting is out of range, an utterance cannot be used, or there are fewer talkers
            than in a mixture; says which.
        TypeError
            If a name is no string.
        OSError
            If a file cannot be read; names it.
        """
        training = self._check_settings()
        waves, names = self._checked(utterances, speakers)
        talkers = sorted(set(names))
        examples = self._mixtures(waves, names, talkers)
        config, task, max_epochs = self._config(len(talkers)), self._task(), self.max_epochs
        if training.max_minutes is not None:
            optimizer = self._optimizer(training, max_epochs, self.random_state)
            planned = epochs_in_time(self.architecture, config, task, optimizer, examples, training)
            max_epochs = min(planned, max_epochs)
        self._train(task, config, examples, max_epochs=max_epochs)
        self.talkers_ = talkers
        self.n_parameters_ = n_parameters(self._network()[0])
        slots = len(talkers) + _SPARE_SLOTS if self.n_slots is None else self.n_slots
        self.voices_ = VoiceMemory.empty(slots, self._chosen("n_voice"))
        self._remember(waves, names)
        return self

    @one_blas_thread()
    def partial_fit(self, utterances: Any, speakers: Any) -> "ASAMSeparator":
        """Continue training with further utterances, also of new talkers.

        The encoder of voices stays as it is, so that all voices in the memory keep their meaning;
        those of the new utterances are added to it.

        Parameters
        ----------
        utterances, speakers : sequence
            As for `fit`.

        Returns
        -------
        self : ASAMSeparator
            With another network; fitted from the start if it was not fitted.

        Raises
        ------
        ValueError, TypeError, OSError
            As for `fit`.
        """
        if not hasattr(self, "network_"):
            fitted: ASAMSeparator = self.fit(utterances, speakers)
            return fitted
        self._check_settings()
        waves, names = self._checked(utterances, speakers)
        examples = self._mixtures(waves, names, self.talkers_)
        self._train(self._task(), self.network_.config, examples, go_on=True, trainable=_no_encoder)
        self._remember(waves, names)
        return self

    @one_blas_thread()
    def enroll(self, waveform: Any, speaker: str) -> "ASAMSeparator":
        """Remember the voice of a talker, without training.

        Parameters
        ----------
        waveform : ndarray of shape (n_samples,), path or AudioClip
            At least a quarter of a second of clean speech; seconds are better. It is added to what
            the memory has of this talker.
        speaker : str
            Name of the talker.

        Returns
        -------
        self : ASAMSeparator
            With the same network: the voices of all others stay as they are, bit for bit.

        Raises
        ------
        ValueError
            If the waveform cannot be used.
        TypeError
            If the name is no string.

        Warns
        -----
        UserWarning
            If no slot is free and the oldest talker has to go; says who.
        """
        check_is_fitted(self, "network_")
        check_name(speaker)
        wave = check_waveform(waveform, "waveform", self.sfreq, SHORTEST)
        self._learn(speaker, self._encoded(wave))
        return self

    def forget(self, speaker: str) -> "ASAMSeparator":
        """Remove a talker from the memory.

        Parameters
        ----------
        speaker : str
            Name of the talker.

        Returns
        -------
        self : ASAMSeparator
            With all others unchanged.

        Raises
        ------
        ValueError
            If nobody has this name; lists the known talkers.
        """
        check_is_fitted(self, "network_")
        self.voices_ = self.voices_.forget(check_name(speaker))
        return self

    @property
    def memory_(self) -> Recalled:
        """Known talkers: `names`, `values` of shape (n_talkers, n_voice), and `ages`.

        An age is the number of other talkers that were learnt since.
        """
        voices: VoiceMemory | None = vars(self).get("voices_")
        if voices is None:
            # Before, code that looks for attributes of a fitted estimator finds none.
            raise AttributeError("memory_ is there after fit")
        return voices.content()

    @one_blas_thread()
    def predict(self, mixtures: Any, cue: Any) -> list[np.ndarray]:
        """Select one talker from each mixture.

        Parameters
        ----------
        mixtures : sequence of ndarray of shape (n_samples,), path or AudioClip
            Mixtures, of any length.
        cue : sequence of str or waveforms
            For each mixture a name from the memory, or a stimulus: at least a quarter of a second
            of the voice, as a waveform, a path object or an `AudioClip`. A text is a name.

        Returns
        -------
        waveforms : list of ndarray of float32, shape (n_samples,)
            As long as the mixtures, at the rate `sfreq`, as loud as the talker is in them.

        Raises
        ------
        ValueError
            If a name is unknown, listing the known ones, or a waveform cannot be used.
        """
        return [extracted.waveforms[0] for extracted in self._extracted(mixtures, cue)]

    @one_blas_thread()
    def predict_presence(self, mixtures: Any, cue: Any) -> np.ndarray:
        """Tell whether talkers are in mixtures.

        Parameters
        ----------
        mixtures, cue : sequence
            As for `predict`.

        Returns
        -------
        presence : ndarray of shape (n_mixtures,)
            Probability that the talker of the cue is in the mixture.

        Raises
        ------
        ValueError
            As for `predict`.
        """
        return np.array([extracted.presence[0] for extracted in self._extracted(mixtures, cue)])

    @one_blas_thread()
    def attention(self, mixture: Any, cue: Any) -> np.ndarray:
        """Compute how much of each time-frequency bin of a mixture is let through for a cue.

        Parameters
        ----------
        mixture : ndarray of shape (n_samples,), path or AudioClip
            Mixture.
        cue : str or waveform
            As for `predict`.

        Returns
        -------
        mask : ndarray of float32, shape (n_frames, n_freqs)
            Factor of the magnitude; frames last 32 ms and overlap by half.

        Raises
        ------
        ValueError
            As for `predict`.
        """
        mask = self._extracted([mixture], [cue], masks=True)[0].masks
        assert mask is not None
        return mask[0]

    @one_blas_thread()
    def separate(
        self, mixture: Any, sfreq: float | None = None, *, speakers: Any = None,
        threshold: float = 0.5,
    ) -> dict[str, Talker]:  # fmt: skip
        """Find out which of the known talkers are in a mixture, and select each of them.

        Parameters
        ----------
        mixture : ndarray of shape (n_samples,), path or AudioClip
            Mixture.
        sfreq : float, optional
            Rate in hertz of a mixture that is an array, and of the waveforms; None for that of the
            separator. Above half of the separator's rate the waveforms hold nothing.
        speakers : sequence of str, optional
            Whom to look for; None for all in the memory.
        threshold : float
            Smallest probability of presence.

        Returns
        -------
        talkers : dict of str to Talker
            `presence` and `waveform` of each that is present, the surest first.

        Raises
        ------
        ValueError
            If the mixture cannot be used, nobody is in the memory, or a name is unknown.
        """
        check_is_fitted(self, "network_")
        wave = check_waveform(mixture, "mixture", self.sfreq if sfreq is None else sfreq)
        n_samples, rate = len(wave), self.sfreq if sfreq is None else float(sfreq)
        if rate < self.sfreq:
            raise ValueError(f"sfreq={rate:g} is less than the {self.sfreq:g} Hz of the separator")
        names = list(self.voices_.names if speakers is None else speakers)
        if not names:
            raise ValueError("there is nobody to look for: enroll a talker first")
        voices = np.stack([self.voices_.recall(check_name(name)) for name in names])
        extracted = self._select(resampled(wave, rate, self.sfreq), voices)
        order = np.argsort(-extracted.presence, kind="stable")
        return {
            names[i]: Talker(
                float(extracted.presence[i]),
                resampled(extracted.waveforms[i], self.sfreq, rate, n_samples),
            )
            for i in order
            if extracted.presence[i] >= threshold
        }

    def _checked(self, utterances: Any, speakers: Any) -> tuple[list[np.ndarray], list[str]]:
        waves = check_waveforms(utterances, "utterances", self.sfreq, SHORTEST)
        names = check_speakers(speakers, len(waves))
        for i, (wave, name) in enumerate(zip(waves, names, strict=True)):
            if names.count(name) == 1 and len(wave) < 2 * SHORTEST * self.sfreq:
                raise ValueError(
                    f"utterances[{i}], the only one of {name!r}, is divided into cue and target: "
                    f"it lasts {len(wave) / self.sfreq:.3g} s, expected at least {2 * SHORTEST} s"
                )
        return [level(wave) for wave in waves], names

    def _mixtures(self, waves: list[np.ndarray], names: list[str], talkers: list[str]) -> Mixtures:
        numbers = {name: i for i, name in enumerate(talkers)}
        return Mixtures(waves, names, numbers, self._mixture_settings(), self.n_mixtures)

    def _remember(self, waves: list[np.ndarray], names: list[str]) -> None:
        """Learn the mean voice of all utterances of each talker."""
        vectors: dict[str, list[np.ndarray]] = {name: [] for name in sorted(set(names))}
        for wave, name in zip(waves, names, strict=True):
            vectors[name].append(self._encoded(wave))
        for name, voices in vectors.items():
            self._learn(name, np.mean(voices, axis=0))

    def _learn(self, name: str, vector: np.ndarray) -> None:
        self.voices_, evicted = self.voices_.learn(name, vector)
        if evicted is not None:
            warnings.warn(
                f"the memory is full: {evicted!r}, who was not updated for the longest time, gave "
                f"the slot to {name!r}; a larger n_slots keeps more talkers",
                stacklevel=3,
            )

    def _encoded(self, wave: np.ndarray) -> np.ndarray:
        return encode(self._network(), wave, self._n_cue, self._device)

    def _voice(self, cue: Any, name: str) -> np.ndarray:
        """Recall the voice of a name, or encode a stimulus as that of a stranger."""
        if isinstance(cue, str):
            return self.voices_.recall(cue)
        wave = check_waveform(cue, name, self.sfreq, SHORTEST)
        return self.voices_.hear(self._encoded(wave)).recall(None)

    def _extracted(self, mixtures: Any, cue: Any, masks: bool = False) -> list[Extracted]:
        check_is_fitted(self, "network_")
        waves = check_waveforms(mixtures, "mixtures", self.sfreq)
        cues = check_cues(cue, len(waves))
        voices = [self._voice(one, f"cue[{i}]") for i, one in enumerate(cues)]
        return [self._select(w, v[None], masks) for w, v in zip(waves, voices, strict=True)]

    def _select(self, wave: np.ndarray, voices: np.ndarray, masks: bool = False) -> Extracted:
        hop = self._n_fft // 2
        n_core = round(_BLOCK * self.sfreq / hop) * hop
        return extract(self._network(), wave, voices, n_core, self._device, masks)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that the samples are waveforms and not rows of a table."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags


def _no_encoder(name: str) -> bool:
    """Whether an array is outside of the encoder of voices."""
    return not name.startswith(("network.encoder.", "network.talkers"))
