"""Classifier of sounds, trained by cross-entropy, contrast, and contrast of metadata."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from deep.contrastive.amaut import AMAUT
from deep.contrastive.clips import Clips, check_clips, durations
from deep.contrastive.labels import check_labels, check_metadata
from deep.contrastive.panns import BACKBONES, front_of
from deep.contrastive.settings import _ContrastiveSettings
from deep.contrastive.spectra import SpectraOfClasses, kept_of_classes, spectra_of
from deep.contrastive.task import ClassificationTask, VariedOutputs, outputs_of
from deep.contrastive.weights import rate_of, read_weights, with_weights
from deep.data.dealing import Balanced
from deep.data.examples import Subset
from deep.losses import balanced_weights
from deep.training.inference import apply
from deep.training.trees import n_parameters

# A clip is as long as all but the longest twentieth of the training clips.
_COVERED = 0.95


class ContrastiveAudioClassifier(_ContrastiveSettings):
    r"""Classify clips of sound with a convolutional network of PANNs.

    Four methods train it: cross-entropy ("ce"); supervised contrast, in which clips of one class
    attract each other ("scl"); both at once ("hybrid"); and contrast of the classes and of
    metadata, such as who speaks ("mscl") [1]_. After a contrast alone, logistic regression on the
    embeddings of a few varied copies of the training clips gives the classes. Each clip is seen in
    two random variations at every step.

    The network starts from random weights, or from those that were trained on AudioSet
    (`pretrained`) [2]_, which are not part of this library: the guide tells where they are.

    Parameters
    ----------
    method : {"ce", "scl", "hybrid", "mscl"}
        What the network is trained for.
    backbone : str
        Network of PANNs ("cnn6", "cnn10" or "cnn14"), or AMAuT, a transformer ("amaut-small",
        "amaut-words", "amaut-voices" or "amaut-scenes"; all except the first are large).
    sfreq : float
        Sampling rate of all clips in hertz.
    pretrained : path, optional
        File of weights of this backbone: the published ``.pth``, or the output of ``cocktailparty
        convert``. Clips are resampled to the rate of the weights.
    width : float
        Factor of the number of features in each layer, for small machines and few data.
    clip_duration : float, optional
        Seconds of a clip that the network hears. Longer clips are cut, shorter ones repeated. None
        takes what 95 % of the training clips do not exceed.
    temperature : float
        Divides the similarities of a contrast.
    alpha : float
        Weight of the contrast relative to the cross-entropy, for "hybrid".
    lam : float
        Weight of the classes relative to the metadata, for "mscl".
    augmentation : Augmentation, optional
        How clips are varied, see `deep.audio.augmentation`; None for its defaults.
    noise : tuple of float, optional
        Smallest and largest signal-to-noise ratio in decibels of coloured noise that is added to
        half of the training clips, for a classifier that has to hear through noise.
    class_weight : {None, "balanced"}
        Whether the cross-entropy weighs classes by how rare they are. Training batches have all
        classes equally often, except with "balanced".
    n_items : int
        Clips of a class that are dealt into a batch together.
    n_views : int
        Number of copies of each training clip, all except one varied, from which logistic
        regression learns.
    C : float
        Inverse of its penalty.
    dropout : float
        Share of values set to zero in training after each block of the network.
    backbone_factor : float
        Factor of the learning rate of the backbone, for one that is pretrained; 0 trains only what
        is on top of it.
    training : Training, optional
        How the network is trained, such as ``Training(batch_size=24)``. By default Adam with a
        learning rate that falls from 0.003 to zero, and batches of 40; batches are at most as large
        as there are clips. Nothing is held out by default: a few clips would choose no better epoch
        than the last. If something is, the accuracy on it decides.
    max_epochs : int
        Largest number of passes through the clips.
    random_state : int, RandomState or None
        Decides all that is random.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes.
    clip_duration_ : float
        Seconds that the network hears.
    linear_ : LogisticRegression or None
        What follows a contrast alone.
    spectra_ : SpectraOfClasses
        Mean spectra of some training clips of each class, by which `deep.TestTimeAdapter` notices
        other surroundings.
    n_parameters_ : int
        Number of trained parameters of the network.
    history_ : dict of str to list of float
        Course of the training, see `deep.Fit`; "accuracy" is that of the network's layer for
        classes, or of the nearest other clip of a batch without such a layer.

    References
    ----------
    .. [1] Moummad and Farrugia (2022), "Learning audio features with metadata and contrastive
       learning", https://doi.org/10.48550/arXiv.2210.16192.
    .. [2] Kong et al. (2020), "PANNs: large-scale pretrained audio neural networks for audio
       pattern recognition", IEEE/ACM TASLP 28, https://doi.org/10.1109/TASLP.2020.3030497.

    Examples
    --------
    Noise bursts, low or high:

    >>> rng = np.random.default_rng(0)
    >>> clips = [np.convolve(rng.normal(size=3000), [1, s]) for s in (1, -1) * 4]
    >>> clf = ContrastiveAudioClassifier("ce", sfreq=8000, width=0.06, max_epochs=1, random_state=0)
    >>> clf.fit(clips, ["low", "high"] * 4).predict_proba(clips[:3]).shape
    (3, 2)
    """

    @one_blas_thread()
    def fit(
        self, X: Any, y: Any, metadata: Any = None, groups: Any = None
    ) -> "ContrastiveAudioClassifier":
        """Train on clips.

        Parameters
        ----------
        X : sequence of ndarray of shape (n_samples,), path or AudioClip
            Clips, as waveforms or files.
        y : array-like of shape (n_clips,)
            Their classes.
        metadata : array-like of shape (n_clips,) or (n_clips, n_columns), optional
            What else is known, such as who speaks; for "mscl" only. None, NaN and the empty text
            are missing values.
        groups : array-like of shape (n_clips,), optional
            Clips of one group, such as of one patient, are held out together; needs
            `validation_fraction` of the training.

        Returns
        -------
        self : ContrastiveAudioClassifier
            Fitted.

        Raises
        ------
        ValueError
            If a setting is out of range, a clip cannot be used, or labels or metadata do not fit;
            says which.
        OSError
            If a file cannot be read; names it.
        """
        training = self._check_settings()
        arrays = None if self.pretrained is None else read_weights(self.pretrained)
        rate = self.sfreq if arrays is None else rate_of(arrays, str(self.pretrained))
        front = front_of(rate, published=arrays is not None)
        self.n_shortest_ = int(np.ceil(front["n_fft"] * self.sfreq / rate))
        clips = check_clips(X, self.sfreq, self.n_shortest_)
        self.classes_, labels = check_labels(y, len(clips))
        more = {"y": labels} | self._metadata(metadata, len(clips))
        self.rate_ = float(rate)
        self.clip_duration_ = self._duration(clips, front)
        examples = self._clips(clips, more, self._dealing(labels))
        task = self._task(labels)
        n_projectors = {"ce": 0, "scl": 1, "hybrid": 1}.get(self.method)
        if n_projectors is None:
            n_projectors = 1 + more["metadata"].shape[1]
        own_layer = self.method in ("ce", "hybrid")
        config: dict[str, Any] = {
            "encoder": {"backbone": self.backbone, "front": front, "width": self.width,
                        "dropout": self.dropout},
            "n_classes": len(self.classes_) if own_layer else 0,
            "n_projectors": n_projectors,
        }  # fmt: skip
        if self.backbone in AMAUT:  # its positions are learnt for clips of this length
            config["encoder"]["n_samples"] = int(np.ceil(self.clip_duration_ * self.rate_))
        # One seed for network, training and copies, even if a generator is given.
        seed = self._seed()
        n_left = len(clips) - round(training.validation_fraction * len(clips))
        n_groups = max(min(training.batch_size, n_left) // self.n_items, 1)
        training.batch_size = n_groups * self.n_items
        start = None if arrays is None else self._pretrained(config, arrays, seed)
        self._train(
            task, config, examples, groups, training=training, seed=seed, classes=labels,
            start=start,
        )  # fmt: skip
        self.linear_ = None if own_layer else self._fit_linear(examples, labels, seed)
        self.spectra_ = self._spectra(examples, labels)
        self.n_parameters_ = n_parameters(self._network()[0])
        return self

    @one_blas_thread()
    def transform(self, X: Any) -> np.ndarray:
        """Embed clips.

        Parameters
        ----------
        X : sequence of clips
            As for `fit`.

        Returns
        -------
        embeddings : ndarray of float32, shape (n_clips, n_embedding)
            Output of the network's last layer before those for classes and contrast. That of a clip
            does not depend on the others.
        """
        return self._outputs(X)["embedding"]

    @one_blas_thread()
    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : sequence of clips
            As for `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes)
            In the order of `classes_`; rows sum to 1.
        """
        outputs = self._outputs(X)
        if self.linear_ is None:
            return np.asarray(softmax(outputs["logits"].astype(float), axis=1))
        scaled = (outputs["embedding"] - self.embedding_mean_) / self.embedding_scale_
        return np.asarray(self.linear_.predict_proba(scaled))

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class.

        Parameters
        ----------
        X : sequence of clips
            As for `fit`.

        Returns
        -------
        classes : ndarray of shape (n_clips,)
            Of `classes_`.
        """
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def _metadata(self, metadata: Any, n_clips: int) -> dict[str, np.ndarray]:
        if self.method == "mscl":
            if metadata is None:
                raise ValueError(
                    "method='mscl' contrasts metadata: give some, such as who speaks, or take "
                    "method='scl'"
                )
            return {"metadata": check_metadata(metadata, n_clips)}
        if metadata is not None:
            raise ValueError(f"method={self.method!r} uses no metadata: take method='mscl'")
        return {}

    def _duration(self, clips: list[Any], front: dict[str, Any]) -> float:
        """Seconds that the network hears, enough for all of its poolings."""
        if self.backbone in AMAUT:
            n_frames = 2 ** (3 + len(AMAUT[self.backbone].depths))
        else:
            n_frames = 2 ** BACKBONES[self.backbone].n_halvings
        shortest = (n_frames - 1) * front["hop"] / front["sfreq"]
        if self.clip_duration is not None:
            if self.clip_duration < shortest:
                raise ValueError(
                    f"clip_duration={self.clip_duration:g} s is too short for {self.backbone}, "
                    f"which needs {n_frames} frames: take at least {shortest:.3g} s"
                )
            return float(self.clip_duration)
        covered = float(np.quantile(durations(clips, self.sfreq), _COVERED))
        return max(covered, shortest)

    def _dealing(self, labels: np.ndarray) -> Balanced | None:
        return None if self.class_weight else Balanced(labels, self.n_items)

    def _clips(
        self, clips: list[Any], more: dict[str, np.ndarray] | None = None, dealing: Any = None
    ) -> Clips:
        n_samples = int(np.ceil(self.clip_duration_ * self.rate_))
        return Clips(clips, self.sfreq, self.rate_, n_samples, self.n_shortest_, more, dealing)

    def _task(self, labels: np.ndarray) -> ClassificationTask:
        weights = None
        if self.class_weight:
            weights = tuple(balanced_weights(labels, len(self.classes_)).tolist())
        return ClassificationTask(
            self.method, float(self.temperature), float(self.alpha), float(self.lam), weights,
            self._variation,
        )  # fmt: skip

    def _pretrained(
        self, config: dict[str, Any], arrays: dict[str, np.ndarray], seed: int
    ) -> tuple[Any, Any]:
        make = eqx.nn.make_with_state(self.architecture)
        model, state = make(**config, key=jax.random.key(seed))
        encoder: Any = model.encoder  # of PANNs, or the settings would have been refused
        encoder, state = with_weights(encoder, state, arrays, self.backbone, str(self.pretrained))
        return eqx.tree_at(lambda m: m.encoder, model, encoder), state

    def _outputs(self, X: Any) -> dict[str, np.ndarray]:
        check_is_fitted(self, "network_")
        clips = check_clips(X, self.sfreq, self.n_shortest_)
        outputs: dict[str, np.ndarray] = self._apply(outputs_of, self._clips(clips))
        return outputs

    def _spectra(self, examples: Clips, labels: np.ndarray) -> SpectraOfClasses:
        """Spectra of some clips, by which adaptation notices other surroundings."""
        kept = kept_of_classes(labels)
        spectra = apply(
            spectra_of, self._network()[0].encoder.front, None, Subset(examples, kept),
            batch_size=self._training.batch_size, device=self._device,
        )  # fmt: skip
        return SpectraOfClasses(spectra, labels[kept])

    def _fit_linear(self, examples: Clips, labels: np.ndarray, seed: int) -> LogisticRegression:
        """Learn the classes from embeddings of the clips, as they are and varied."""
        copies = [self._apply(outputs_of, examples)["embedding"]]
        forward = VariedOutputs(self._variation)
        rng = np.random.default_rng(seed)
        more = examples.more
        for _ in range(self.n_views - 1):
            examples.more = {"seed": rng.integers(2**32, size=len(labels), dtype=np.uint32)}
            copies.append(self._apply(forward, examples))
        examples.more = more
        embeddings = np.concatenate(copies).astype(float)
        self.embedding_mean_ = embeddings.mean(axis=0)
        scale = embeddings.std(axis=0)
        # What is never active stays where it is.
        self.embedding_scale_ = np.where(scale > 0, scale, 1.0)
        embeddings = (embeddings - self.embedding_mean_) / self.embedding_scale_
        linear = LogisticRegression(C=self.C, class_weight=self.class_weight, max_iter=1000)
        return linear.fit(embeddings, np.tile(labels, self.n_views))
