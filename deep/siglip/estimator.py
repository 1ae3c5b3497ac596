"""Attention decoder that contrasts EEG and sound."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax
import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials
from deep.data.examples import Examples
from deep.data.windows import Recording, TrainingWindows
from deep.siglip.calibration import calibrated
from deep.siglip.inputs import Inputs, check_lengths, in_samples
from deep.siglip.networks.choice import (
    check_names,
    network_class,
    network_config,
    samples_after,
    trained,
)
from deep.siglip.outputs import Outputs
from deep.siglip.presets import PRESETS, check_ranges
from deep.siglip.task import ContrastTask
from deep.training.devices import choose_device
from deep.training.estimator import NetworkEstimator, split_groups
from deep.training.inference import mean_loss
from deep.training.network import Network
from deep.training.settings import Training
from deep.training.trees import n_parameters

_LEARNT = ("network_", "history_", "best_epoch_", "stopped_", "n_iter_")
_SUBJECTS = "subjects.weight"


class SigLIPDecoder(AttentionDecoderMixin, NetworkEstimator):
    r"""Decode attention by comparing embeddings of EEG and of sounds.

    By default this is closed-form ridge regression of several features of the envelope, with the
    models of subjects shrunk towards an average one, and a small trained readout on top whose
    contribution begins at zero; it holds no network of the EEG. `linear_aad.StackedTRF`, logistic
    regression on such correlations, takes seconds and does as well: compare with it.

    Two encoders are trained so that the embeddings of EEG and attended sound agree more than those
    of EEG and any other sound [1]_; from the former the attended envelope is reconstructed as well.
    A stimulus is scored by the similarity of its embedding with that of the EEG. The loss of the
    preset "default" contrasts the attended sound with its competitors as well as with other
    windows, but with none that has the same sound. Where training does not help on what is held
    out, the ridge models stay. Only EEG within `tmax` after a moment of sound is looked at.

    The preset "thesis" is a published architecture [2]_ in its original form: convolutions and
    attention over windows of 3 s, without the competing sounds in the loss. A subject who was not
    in training gets the mean of the subjects' matrices there.

    Settings that are None take the value of the preset, see `deep.siglip.presets`.

    Parameters
    ----------
    preset : {"default", "stacked", "thesis"}
        Network and settings. "stacked" is what "default" is now, and will remain so.
    network : {"siglip", "vlaai", "linear"}
        That of the preset; or one that only reconstructs, for comparison: a small relative of
        VLAAI, or one linear convolution.
    window : float
        Length of a training window in seconds. The network of the thesis decides longer windows by
        the mean score of windows of this length.
    overlap : float, optional
        Mean share of a training window that the next one has in common with it.
    tmax : float
        Longest lag of the EEG behind the sound in seconds; not used by the network of the thesis.
    target : int, optional
        Which feature of the stimuli is the broadband envelope; None for the mean of all.
    contrast_weight : float
        Weight of the contrast in the loss, in which the correlation of the reconstruction has
        weight 1. With 0 nothing is contrasted, and the reconstruction decides.
    masker_weight : float, optional
        Weight within the contrast of the sounds that competed with the attended one; segments from
        another time where there was a single sound.
    n_embedding, n_reconstructor : int, optional
        Features of the embeddings and within the reconstructor, of the network of the thesis.
    kernels : sequence of int, optional
        Lengths of its convolutions in samples; see `deep.siglip.presets.KERNELS`.
    n_hidden : int
        Width of the default network and half of that of the relative of VLAAI.
    eeg_dropout, sound_dropout : float, optional
        Shares of hidden values that are set to zero in training.
    eeg_gain : float
        Factor of what the default network adds to the ridge models from the EEG, which makes it
        learn more slowly than the network of the sound. With 0 all that is computed from EEG is
        linear: with some minutes of data, more only learns the noise.
    channel_dropout : float
        Share of the EEG channels silenced in training of the default network's part for the EEG,
        for subjects with few or unreliable electrodes; needs `eeg_gain`.
    average : float, optional
        Share of the training windows that train the average subject's matrix of channels.
    temperature, bias : float, optional
        Initial factor of the similarity, and what is subtracted from it. The default network starts
        from the best ones for its ridge models.
    training : Training, optional
        How the network is trained, such as ``Training(learning_rate=1e-3)``; its parameters are
        ``training__learning_rate`` in `set_params` and searches. What it leaves out comes from the
        preset. What is held out shares no attended sound with the rest; batches are at most as
        large as there are windows.
    max_epochs : int, optional
        Largest number of passes through the windows.
    random_state : int, RandomState or None
        Decides all that is random.

    Attributes
    ----------
    n_parameters_ : int
        Number of parameters trained by gradient steps: not the ridge models, which are solved, nor
        what the loss does not depend on, such as the network of the EEG without `eeg_gain`.
    history_ : dict of str to list of float
        Course of the training, see `deep.Fit`; "accuracy" and "r_accuracy" are shares of windows in
        which similarity and reconstruction preferred the attended sound, "r" is the correlation of
        the reconstruction.
    best_epoch_ : int
        Epoch whose weights are used; -1 if those from before the training.
    inputs_ : Inputs
        What was measured on the training trials, with the ridge models.
    classes_ : ndarray of int
        Indices of the stimuli.

    References
    ----------
    .. [1] Zhai et al. (2023), "Sigmoid loss for language image pre-training", ICCV,
       https://doi.org/10.1109/ICCV51070.2023.01100.
    .. [2] "Auditory attention classification with contrastive learning", Journal of Neural
       Engineering 22(3), 2025.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=6, duration=30, n_channels=8, random_state=0).trials
    >>> decoder = SigLIPDecoder(max_epochs=2, random_state=0).fit(trials[:5])
    >>> decoder.predict(trials[5:]).shape
    (1,)
    >>> decoder.reconstruct(trials[5:])[0].shape
    (1920, 1)
    """

    sfreq_: float
    inputs_: Inputs

    def __init__(
        self,
        preset: str = "default",
        network: str = "siglip",
        *,
        window: float = 3.0,
        overlap: float | None = None,
        tmax: float = 0.4,
        target: int | None = None,
        contrast_weight: float = 1.0,
        masker_weight: float | None = None,
        n_embedding: int | None = None,
        n_reconstructor: int | None = None,
        kernels: Sequence[int] | None = None,
        n_hidden: int = 8,
        eeg_dropout: float | None = None,
        sound_dropout: float | None = None,
        eeg_gain: float = 0.0,
        channel_dropout: float = 0.0,
        average: float | None = None,
        temperature: float | None = None,
        bias: float | None = None,
        training: Training | None = None,
        max_epochs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.preset = preset
        self.network = network
        self.window = window
        self.overlap = overlap
        self.tmax = tmax
        self.target = target
        self.contrast_weight = contrast_weight
        self.masker_weight = masker_weight
        self.n_embedding = n_embedding
        self.n_reconstructor = n_reconstructor
        self.kernels = kernels
        self.n_hidden = n_hidden
        self.eeg_dropout = eeg_dropout
        self.sound_dropout = sound_dropout
        self.eeg_gain = eeg_gain
        self.channel_dropout = channel_dropout
        self.average = average
        self.temperature = temperature
        self.bias = bias
        self.training = training
        self.max_epochs = max_epochs
        self.random_state = random_state

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "SigLIPDecoder":
        """Train on the trials of one or many subjects.

        Parameters
        ----------
        trials : sequence of Trial
            Training trials, each at least one window long.
        attended : array-like of int, shape (n_trials,), optional
            Index of the attended stimulus of each trial; None for the trials' own labels.

        Returns
        -------
        self : SigLIPDecoder
            Fitted.

        Raises
        ------
        ValueError
            If a setting is out of range, a label is missing, the trials do not fit together, or
            they are too short or too few to hold something out.
        """
        trainer = self.resolved()
        trials = check_trials(trials)
        labels = attended_labels(trials, attended)
        self.sfreq_ = trials[0].sfreq
        check_lengths(trials, self.window)
        self.classes_ = np.arange(max(trial.n_stimuli for trial in trials))
        self.inputs_ = Inputs.of(trials, labels, self.target, self._sees_windows)
        recordings, folds = self.inputs_.segments(trials, labels, self._n_window)
        examples, groups, learning, left = self._split(trainer, recordings, folds)
        if self._lagged:
            held_out = set() if left is None else set(groups[left.indices].tolist())
            self.inputs_.fit_ridge(recordings, folds, self._n_lags, held_out)
        settings = trainer.training
        settings.batch_size = min(settings.batch_size, len(learning))
        task = self._task(trainer)
        config = network_config(
            self.architecture, trainer, trials[0].n_channels, trials[0].n_features,
            len(self.inputs_.subjects), self._n_lags, len(self.inputs_.features.scale),
        )  # fmt: skip
        if self.contrast_weight and not self._sees_windows and "temperature" not in config:
            temperature, bias = calibrated(
                task, *self._start(trainer, config), learning, settings.batch_size,
                choose_device(settings.device), trainer.random_state,
            )  # fmt: skip
            config |= {"temperature": temperature, "bias": bias}
        trainable = trained(self.architecture, config, self.contrast_weight)
        trainer._train(task, config, examples, groups, trainable=trainable)
        self.__dict__.update({name: getattr(trainer, name) for name in _LEARNT})
        if self._lagged and left is not None:
            self._keep_if_better(trainer, task, self._start(trainer, config), left, trainable)
        arrays = self.network_.arrays
        if not config.get("average") and _SUBJECTS in arrays:
            # No window trained the average subject.
            arrays[_SUBJECTS][-1] = arrays[_SUBJECTS][:-1].mean(axis=0)
        self.n_parameters_ = n_parameters(self._network()[0], trainable)
        return self

    @one_blas_thread()
    def partial_fit(self, trials: Any, attended: Any = None) -> "SigLIPDecoder":
        """Learn what is special about new subjects, and leave all the rest as it is.

        An unknown subject starts as the average one. The ridge model, shrunk towards that of the
        average, and the matrix of channels, where there is a network of the EEG, are the subject's
        own; encoders, mixtures and reconstructor are frozen.

        Parameters
        ----------
        trials : sequence of Trial
            Trials of one or several subjects.
        attended : array-like of int, shape (n_trials,), optional
            As for `fit`.

        Returns
        -------
        self : SigLIPDecoder
            With the new subjects.

        Raises
        ------
        ValueError
            If the network has nothing that belongs to a single subject, or the trials do not fit.
        """
        check_is_fitted(self, "network_")
        trainer = self.resolved()
        trials = check_trials(trials, sfreq=self.sfreq_)
        labels = attended_labels(trials, attended)
        for trial in trials:
            self._check(trial)
        check_lengths(trials, self.window)
        if _SUBJECTS not in self.network_.arrays:
            raise ValueError(f"network={self.network!r} has nothing of a listener's own to learn")
        known = {trial.subject for trial in trials} & set(self.inputs_.subjects)
        if known and self._lagged and not self.eeg_gain:
            names = ", ".join(sorted(known))
            raise ValueError(f"{names} have ridge models already: fit again with all trials")
        trainer.set_params(training__weight_decay=0.0, average=0.0)
        for subject in dict.fromkeys(trial.subject for trial in trials):
            of_subject = [i for i, trial in enumerate(trials) if trial.subject == subject]
            self._fit_subject(trainer, subject, [trials[i] for i in of_subject], labels[of_subject])
        return self

    @one_blas_thread()
    def window_scores(
        self, trial: Trial, window: float = 5.0, hop: float | None = None
    ) -> np.ndarray:
        """Score every stimulus in every decision window.

        Parameters
        ----------
        trial : Trial
            Trial to decode; its subject need not have been in training.
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
        scores_of = dict(zip(fitting, scores, strict=True))
        return {w: scores_of.get(w, np.empty((0, trial.n_stimuli))) for w in windows}

    def reconstruct(self, trials: Any) -> list[np.ndarray]:
        """Reconstruct the attended envelope from EEG alone.

        Parameters
        ----------
        trials : sequence of Trial
            Trials; their stimuli are ignored.

        Returns
        -------
        reconstructions : list of ndarray of shape (n_times, 1)
            One per trial, of arbitrary scale.
        """
        check_is_fitted(self, "network_")
        trials = check_trials(trials, sfreq=self.sfreq_)
        for trial in trials:
            self._check(trial)
        outputs = self._outputs()
        return [outputs.reconstruction(self.inputs_.recording(t))[:, None] for t in trials]

    def resolved(self) -> Self:
        """Fill in the settings of the preset, and check all.

        Returns
        -------
        copy : estimator
            Unfitted, with a number as random state.

        Raises
        ------
        ValueError
            If a setting is out of range.
        """
        check_names(self.preset, self.network)
        copy: Self = clone(self)
        given, preset = copy.get_params(), PRESETS[self.preset]
        copy.set_params(**{k: v for k, v in preset.items() if given[k] is None})
        check_ranges(copy.get_params(deep=False))
        if self.channel_dropout and self._lagged and not self.eeg_gain:
            raise ValueError(
                f"channel_dropout={self.channel_dropout:g} has nothing to act on with eeg_gain=0: "
                "set eeg_gain, such as 0.005"
            )
        copy._check_settings()
        copy.random_state = copy._seed()
        return copy

    @property
    def architecture(self) -> Any:
        """Class of the network."""
        return network_class(self.preset, self.network)

    @property
    def _sees_windows(self) -> bool:
        return bool(self.architecture.unit_windows)

    @property
    def _lagged(self) -> bool:
        return "linear" in self.architecture.inputs

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
            bool(self.contrast_weight), self._device,
        )  # fmt: skip

    def _task(self, trainer: "SigLIPDecoder") -> ContrastTask:
        weights = float(self.contrast_weight), float(trainer.masker_weight)  # type: ignore[arg-type]
        return ContrastTask(*weights, self.preset != "thesis", self._n_window)

    def _split(
        self, trainer: "SigLIPDecoder", recordings: list[Recording], folds: np.ndarray
    ) -> tuple[TrainingWindows, np.ndarray, Any, Any]:
        """Windows, the fold of each, and those to learn from and held out."""
        hop = max(int(self._n_window * (1 - trainer.overlap) + 1e-9), 1)  # type: ignore[operator]
        n_after = samples_after(self.architecture, self._n_lags)
        examples = TrainingWindows(recordings, self._n_window, hop, n_after)
        groups = folds[examples.recording_of]
        learning, left = split_groups(
            examples, groups, trainer.training.validation_fraction, trainer.random_state
        )
        return examples, groups, learning, left

    def _start(self, trainer: "SigLIPDecoder", config: dict[str, Any]) -> tuple[Any, Any]:
        make = eqx.nn.make_with_state(self.architecture)
        return make(**config, key=jax.random.key(trainer.random_state))

    def _keep_if_better(
        self, trainer: "SigLIPDecoder", task: ContrastTask, start: Any, held_out: Examples,
        trainable: Any = None,
    ) -> None:  # fmt: skip
        """Keep the initial network if nothing that was learnt is better on what was held out."""
        model, state = start
        settings = trainer.training
        self.start_loss_ = mean_loss(
            task, model, state, held_out, trainable=trainable, batch_size=settings.batch_size,
            precision=settings.precision, device=choose_device(settings.device),
        )  # fmt: skip
        if self.start_loss_ <= self.history_["val_loss"][self.best_epoch_]:
            self.network_ = Network.of(model, state, self.network_.config)
            self.best_epoch_ = -1

    def _fit_subject(
        self, trainer: "SigLIPDecoder", subject: str, trials: list[Trial], labels: np.ndarray
    ) -> None:
        inputs, new = self.inputs_, subject not in self.inputs_.subjects
        recordings, folds = inputs.segments(trials, labels, self._n_window)
        if new:
            number = len(inputs.subjects)
            recordings = [one._replace(subject=number) for one in recordings]
        examples, groups, learning, left = self._split(trainer, recordings, folds)
        arrays = dict(self.network_.arrays)
        config = dict(self.network_.config)
        if new:
            held_out = set() if left is None else set(groups[left.indices].tolist())
            inputs = inputs.join(subject, recordings, folds, held_out)
            rows = arrays[_SUBJECTS]
            arrays[_SUBJECTS] = np.concatenate([rows, rows[-1:]])
            config["n_subjects"] += 1
        if self._lagged and not self.eeg_gain:
            self._add(Network(config, arrays, self.network_.version), inputs)
            return
        # No window may train the average subject.
        start = Network(config | {"average": 0.0}, arrays, self.network_.version)
        trainer.training.batch_size = min(self.resolved().training.batch_size, len(learning))
        trainer.network_ = start
        task = self._task(trainer)
        trainer._train(task, start.config, examples, groups, trainable=_is_own, go_on=True)
        self.__dict__.update({name: getattr(trainer, name) for name in _LEARNT})
        if left is not None:
            self._keep_if_better(trainer, task, start.restored(self.architecture), left, _is_own)
        self._add(replace(self.network_, config=config), inputs)

    def _add(self, network: Network, inputs: Inputs) -> None:
        self.network_, self.inputs_ = network, inputs
        trainable = trained(self.architecture, network.config, self.contrast_weight)
        self.n_parameters_ = n_parameters(self._network()[0], trainable)


def _is_own(name: str) -> bool:
    """Whether an array is trained for a new subject."""
    return name == _SUBJECTS
