"""Attention decoding by contrast of EEG and sound."""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import numpy as np
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials
from deep.data.examples import Examples
from deep.data.windows import Recording, TrainingWindows
from deep.siglip.calibration import calibrated
from deep.siglip.decoding import _SigLIPDecoding
from deep.siglip.inputs import Inputs, check_lengths
from deep.siglip.networks.choice import network_config, samples_after, trained
from deep.siglip.presets import PRESETS
from deep.siglip.task import ContrastTask
from deep.training.devices import choose_device
from deep.training.estimator import split_groups
from deep.training.inference import mean_loss
from deep.training.network import Network
from deep.training.trees import n_parameters

_LEARNT = ("network_", "history_", "best_epoch_", "stopped_", "n_iter_")
_SUBJECTS = "subjects.weight"


class SigLIPDecoder(_SigLIPDecoding):
    r"""Decode attention by comparing embeddings of EEG and of sounds.

    By default this is closed-form ridge regression of several features of the envelope, for each
    listener drawn to an average one, with a small trained readout on top whose contribution begins
    at zero; it holds no network of the EEG. `linear_aad.StackedTRF`, logistic regression on such
    correlations, takes seconds and does as well: compare with it.

    Two encoders are trained so that the embeddings of EEG and attended sound agree more than
    those of EEG and any other sound [1]_; from the former the attended envelope is reconstructed
    as well. A stimulus is scored by the similarity of its embedding with that of the EEG. The loss
    of the preset "default" contrasts the attended sound with those that competed with it as well
    as with other windows, but with none that has the same sound. Where training helps nothing on
    what is held out, the ridge models stay. EEG within `tmax` after a moment of sound is all that
    is looked at.

    The preset "thesis" is a published architecture [2]_ in its original form: convolutions and
    attention over windows of 3 s, without the competing sounds in the loss. A listener who was
    not in training gets the mean of the listeners' matrices there.

    Settings that are None take the value of the preset, see `deep.siglip.presets`.

    Parameters
    ----------
    preset : {"default", "thesis"}
        Network and settings.
    network : {"siglip", "vlaai", "linear"}
        That of the preset; or one that only reconstructs, for comparison: a small relative of
        VLAAI, or one linear convolution.
    window : float
        Length of a training window in seconds. The network of the thesis decides longer windows
        by the mean score of windows of this length.
    overlap : float, optional
        Share of a training window that the next one has in common with it on average.
    tmax : float
        Longest lag of the EEG behind the sound in seconds; not used by the network of the thesis.
    target : int, optional
        Which feature of the stimuli is the broadband envelope; None for the mean of all.
    contrast_weight : float
        Weight of the contrast in the loss, in which the correlation of the reconstruction has
        weight 1. With 0 nothing is contrasted, and the reconstruction decides.
    masker_weight : float, optional
        Weight within the contrast of the sounds that competed with the attended one; stretches
        from another time where there was one sound alone.
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
        learn more slowly than the network of the sound does. With 0 all that is computed from EEG
        is linear: with some minutes of data, more only learns the noise.
    channel_dropout : float
        Share of the EEG channels that are silenced in training of the default network's part
        for the EEG, for listeners with few or unreliable electrodes; needs `eeg_gain`.
    average : float, optional
        Share of the training windows that train the average listener's matrix of channels.
    temperature, bias : float, optional
        Start of the factor of the similarity and of what is subtracted from it. The default
        network starts from the best ones for its ridge models.
    optimizer : str or callable, optional
        See `NeuralEstimator`, here and below.
    learning_rate : float, optional
        Largest size of a step.
    schedule : str or callable
        How the learning rate changes.
    weight_decay : float, optional
        How much large weights cost.
    clip_norm : float, optional
        Longer gradients are shortened to this norm.
    batch_size, max_epochs, patience : int, optional
        Batches are at most as large as there are windows.
    validation_fraction : float, optional
        Share that is held out; it shares no stretch of any attended sound with the rest.
    precision : {"float32", "bfloat16"}
        Of the computation.
    device : {None, "cpu", "cuda"}
        Where to compute; None for a GPU if JAX sees one.
    checkpoint : str, optional
        Folder for unfinished trainings.
    random_state : int, RandomState or None
        Decides all that is random.
    verbose : bool
        Show the progress.

    Attributes
    ----------
    n_parameters_ : int
        Number of parameters that are trained by gradient steps. Ridge models are solved and not
        among them, nor is what the loss does not depend on, such as the network of the EEG without
        `eeg_gain`.
    history_ : dict of str to list of float
        How the training went, see `deep.Fit`; "accuracy" and "r_accuracy" are shares of windows
        in which similarity and reconstruction preferred the attended sound, "r" is the
        correlation of the reconstruction.
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

    @one_blas_thread()
    def fit(self, trials: Any, attended: Any = None) -> "SigLIPDecoder":
        """Train on the trials of one or many listeners.

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
        recordings, parts = self.inputs_.stretches(trials, labels, self._n_window)
        examples, groups, learning, left = self._split(trainer, recordings, parts)
        if self._lagged:
            held_out = set() if left is None else set(groups[left.indices].tolist())
            self.inputs_.fit_ridge(recordings, parts, self._n_lags, held_out)
        trainer.batch_size = min(trainer.batch_size, len(learning))
        task = self._task(trainer)
        config = network_config(
            self.architecture, trainer, trials[0].n_channels, trials[0].n_features,
            len(self.inputs_.subjects), self._n_lags, len(self.inputs_.features.scale),
        )  # fmt: skip
        if self.contrast_weight and not self._sees_windows and "temperature" not in config:
            temperature, bias = calibrated(
                task, *self._start(trainer, config), learning, trainer.batch_size,
                choose_device(self.device), trainer.random_state,
            )  # fmt: skip
            config |= {"temperature": temperature, "bias": bias}
        trainable = trained(self.architecture, config, self.contrast_weight)
        trainer._train(task, config, examples, groups, trainable=trainable)
        self.__dict__.update({name: getattr(trainer, name) for name in _LEARNT})
        if self._lagged and left is not None:
            self._keep_if_better(trainer, task, self._start(trainer, config), left, trainable)
        arrays = self.network_.arrays
        if not config.get("average") and _SUBJECTS in arrays:
            # No window trained the average listener.
            arrays[_SUBJECTS][-1] = arrays[_SUBJECTS][:-1].mean(axis=0)
        self.n_parameters_ = n_parameters(self._network()[0], trainable)
        return self

    @one_blas_thread()
    def partial_fit(self, trials: Any, attended: Any = None) -> "SigLIPDecoder":
        """Learn what is special about new listeners, and leave all the rest as it is.

        A listener who is not known starts as the average one. The ridge model, drawn to that of
        the average, and the matrix of channels, where there is a network of the EEG, are the
        listener's own; encoders, mixtures and reconstructor are frozen.

        Parameters
        ----------
        trials : sequence of Trial
            Trials of one or several listeners.
        attended : array-like of int, shape (n_trials,), optional
            As for `fit`.

        Returns
        -------
        self : SigLIPDecoder
            With the new listeners.

        Raises
        ------
        ValueError
            If there is nothing of a listener's own to learn, or the trials do not fit.
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
        trainer.set_params(weight_decay=0.0, average=0.0)
        for subject in dict.fromkeys(trial.subject for trial in trials):
            own = [i for i, trial in enumerate(trials) if trial.subject == subject]
            self._fit_listener(trainer, subject, [trials[i] for i in own], labels[own])
        return self

    def _task(self, trainer: "SigLIPDecoder") -> ContrastTask:
        weights = float(self.contrast_weight), float(trainer.masker_weight)  # type: ignore[arg-type]
        return ContrastTask(*weights, self.preset != "thesis", self._n_window)

    def _split(
        self, trainer: "SigLIPDecoder", recordings: list[Recording], parts: np.ndarray
    ) -> tuple[TrainingWindows, np.ndarray, Any, Any]:
        """Windows, to which part each belongs, and those to learn from and held out."""
        hop = max(int(self._n_window * (1 - trainer.overlap) + 1e-9), 1)  # type: ignore[operator]
        n_after = samples_after(self.architecture, self._n_lags)
        examples = TrainingWindows(recordings, self._n_window, hop, n_after)
        groups = parts[examples.recording_of]
        learning, left = split_groups(
            examples, groups, trainer.validation_fraction, trainer.random_state
        )
        return examples, groups, learning, left

    def _start(self, trainer: "SigLIPDecoder", config: dict[str, Any]) -> tuple[Any, Any]:
        make = eqx.nn.make_with_state(self.architecture)
        return make(**config, key=jax.random.key(trainer.random_state))

    def _keep_if_better(
        self, trainer: "SigLIPDecoder", task: ContrastTask, start: Any, held_out: Examples,
        trainable: Any = None,
    ) -> None:  # fmt: skip
        """Stay with what was there if nothing that was learnt is better on what was held out."""
        model, state = start
        self.start_loss_ = mean_loss(
            task, model, state, held_out, trainable=trainable,
            batch_size=trainer.batch_size, precision=self.precision,
            device=choose_device(self.device),
        )  # fmt: skip
        if self.start_loss_ <= self.history_["val_loss"][self.best_epoch_]:
            self.network_ = Network.of(model, state, self.network_.config)
            self.best_epoch_ = -1

    def _fit_listener(
        self, trainer: "SigLIPDecoder", subject: str, trials: list[Trial], labels: np.ndarray
    ) -> None:
        inputs, new = self.inputs_, subject not in self.inputs_.subjects
        recordings, parts = inputs.stretches(trials, labels, self._n_window)
        if new:
            number = len(inputs.subjects)
            recordings = [one._replace(subject=number) for one in recordings]
        examples, groups, learning, left = self._split(trainer, recordings, parts)
        arrays = dict(self.network_.arrays)
        config = dict(self.network_.config)
        if new:
            held_out = set() if left is None else set(groups[left.indices].tolist())
            inputs = inputs.join(subject, recordings, parts, held_out)
            rows = arrays[_SUBJECTS]
            arrays[_SUBJECTS] = np.concatenate([rows, rows[-1:]])
            config["n_subjects"] += 1
        if self._lagged and not self.eeg_gain:
            self._add(Network(config, arrays, self.network_.version), inputs)
            return
        # No window may train the average listener.
        start = Network(config | {"average": 0.0}, arrays, self.network_.version)
        asked = self.batch_size or PRESETS[self.preset]["batch_size"]
        trainer.batch_size = min(asked, len(learning))
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
    """Tell what is trained for a new listener."""
    return name == _SUBJECTS
