"""Classifier of sounds that adapts to a stream without labels, with guards against harm."""

import copy
from typing import Any

import numpy as np

from cocktailparty.blas import one_blas_thread
from deep.adaptation.offline import adapt_to_all
from deep.adaptation.online import _OnlineAdaptation
from deep.training.network import Network


class TestTimeAdapter(_OnlineAdaptation):
    """Adapt a classifier of sounds to what it hears, without labels.

    On a stream, `partial_fit` takes clips as they come and `predict` classifies. `fit` adapts to a
    whole set at once, in several passes. Two things move: the statistics by which the batch norms
    standardise, and weights, along the gradient of an `objective` of the predictions alone. The
    classifier stays as it is, and before the first `partial_fit` the adapter predicts exactly what
    it predicts. A prediction never changes anything, nor depends on the other clips.

    Adaptation without labels can do harm: statistics of a stream in which the classes come one
    after the other are wrong, gradients on few clips are noise, and predictions may collapse onto
    one class. Guards prevent that; each has a switch, and `history_` tells which acted when.

    Parameters
    ----------
    classifier : ContrastiveAudioClassifier
        Fitted.
    objective : str, Objective or None
        What is minimised: "nuclear" [1]_, "fast", "column", "entropy", "generalized",
        "information", "ntta", which mixes several as a published system does, or any `Objective`;
        None moves statistics alone.
    parameters : {"norm", "all"} or callable
        Weights that move: scales and offsets of normalisations; all; or a function that tells by
        the name of an array, such as "encoder.norm.weight".
    statistics : {"tracked", "stored", "batch", "mixed"}
        Of the batch norms. "tracked" starts from those of the training, which count as
        `source_weight` clips, gathers the stream and forgets beyond `most_clips`; "stored" keeps
        those of the training; "batch" takes those of the last clips given to `partial_fit`; "mixed"
        weighs these and the training's.
    online : bool
        Whether `partial_fit` may be called; False leaves only `fit`.
    gate : {"auto", None} or float
        Guard: adapt only while the mean spectrum of the last clips is farther than this from any
        mixture of the training classes, see `Gate`, and return to the classifier when it is not.
        "auto" takes the distance from the training clips; None adapts always.
    window : int
        Number of clips that the gate looks at.
    source_weight, most_clips : int
        Weight of the training in the statistics, and the largest weight of what came so far, in
        clips.
    min_clips : int
        Guard: number of new clips before a gradient is taken; a memory gathers them.
    memory_size : int or None
        Number of clips that gradients draw from; None forgets them after each step.
    balanced : bool
        Guard: a full memory first forgets clips of the class that is predicted most often.
    pull : float
        Guard: weight of half the squared distance of the weights from those of the training.
    collapse : float or None
        Guard: return to the classifier when the effective number of predicted classes in the memory
        falls below this share of what the classifier itself predicts for it.
    patience : int or None
        Guard of `fit`: stop after this many passes in which the information shared by the predicted
        classes of a clip and of its shifted copies did not grow, and take the best pass; None does
        all passes and takes the last.
    shift : float
        Each clip is seen in two views in a step, moved by up to this share of its length to either
        side.
    optimizer, learning_rate : object
        See `Optimizer`.
    batch_size : int
        Number of clips of a step, and the most that are computed at once; larger batches of a
        stream are split.
    max_epochs : int
        Number of passes of `fit`.
    checkpoint : path, optional
        Folder where an unfinished `fit` is kept, to resume after it was killed.
    device : {None, "cpu", "cuda"}
        Where to compute; None for a GPU if JAX sees one.
    random_state : int
        Decides shifts and which clips of the memory are drawn.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Those of the classifier.
    history_ : list of dict
        A row for each batch of the stream, or pass of `fit`: number of clips (``n_clips``), state
        of the gate and what it measured (``gate``, ``distance``, ``threshold``), number of
        gradients (``n_steps``), ``loss``, and which guard returned to the classifier (``reset``:
        None, "gate", "collapse" or "not finite"). Passes of `fit` have ``epoch``, ``information``,
        and ``chosen``.

    References
    ----------
    .. [1] Cui et al. (2020), "Towards discriminability and diversity: batch nuclear-norm
       maximization under label insufficient situations", CVPR,
       https://doi.org/10.1109/CVPR42600.2020.00400.

    Examples
    --------
    >>> from deep import ContrastiveAudioClassifier
    >>> rng = np.random.default_rng(0)
    >>> clips = [np.convolve(rng.normal(size=3000), [1, s]) for s in (1, -1) * 4]
    >>> clf = ContrastiveAudioClassifier("ce", sfreq=8000, width=0.06, max_epochs=1, random_state=0)
    >>> adapter = TestTimeAdapter(clf.fit(clips, ["low", "high"] * 4), objective=None, gate=None)
    >>> noisy = [clip + rng.normal(size=clip.shape) for clip in clips]
    >>> adapter.partial_fit(noisy).predict(noisy).shape
    (8,)
    """

    # Its name begins like that of a test.
    __test__ = False

    @one_blas_thread()
    def partial_fit(self, X: Any, y: None = None) -> "TestTimeAdapter":
        """Adapt to the next clips of a stream.

        Parameters
        ----------
        X : sequence of clips
            As for the classifier; any number.
        y : None
            There are no labels.

        Returns
        -------
        self : TestTimeAdapter
            Adapted.

        Raises
        ------
        TypeError
            If labels are given.
        ValueError
            If a setting is out of range or a clip cannot be used; says which. Nothing is adapted
            then.
        RuntimeError
            If the adapter is not `online`.
        """
        _no_labels(y)
        if not self.online:
            raise RuntimeError("this adapter has online=False: call fit, or set online=True")
        clips = self._checked(X)
        self._begin()
        for first in range(0, len(clips), self.batch_size):
            self.history_.append(self._adapt(clips[first : first + self.batch_size]))
        return self

    @one_blas_thread()
    def fit(self, X: Any, y: None = None) -> "TestTimeAdapter":
        """Forget what came so far, and adapt to a whole set of clips in several passes.

        Parameters
        ----------
        X : sequence of clips
            As for the classifier.
        y : None
            There are no labels.

        Returns
        -------
        self : TestTimeAdapter
            Adapted.

        Raises
        ------
        TypeError
            If labels are given.
        ValueError
            As for `partial_fit`.
        """
        _no_labels(y)
        clips = self._checked(X)
        self.reset()
        self._begin()
        row: dict[str, Any] = {"n_clips": len(clips), "gate": None}
        if self._gate is not None:
            self._gate.window = len(clips)
            row |= self._gate.look(self._stream.spectra(clips))
            self._gate.window = self.window
            if not self._gate.is_open:
                self.history_ = [row | {"n_steps": 0, "reset": None}]
                return self
        self.history_ = adapt_to_all(self, self._stream, clips, row)
        self._adapted = True
        return self

    def reset(self) -> "TestTimeAdapter":
        """Return to the classifier, bit for bit, and forget the stream.

        Returns
        -------
        self : TestTimeAdapter
            As if it were new.
        """
        for name in ("_stream", "_gate", "_memory", "history_"):
            self.__dict__.pop(name, None)
        return self

    @one_blas_thread()
    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class, and change nothing.

        Parameters
        ----------
        X : sequence of clips
            As for the classifier.

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes)
            In the order of `classes_`.
        """
        if not hasattr(self, "_stream"):
            self._check_classifier()
            return np.asarray(self.classifier.predict_proba(X))
        return self._stream.probabilities(self._checked(X))

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class, and change nothing.

        Parameters
        ----------
        X : sequence of clips
            As for the classifier.

        Returns
        -------
        classes : ndarray of shape (n_clips,)
            Of `classes_`.
        """
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def adapted_classifier(self) -> Any:
        """Copy the classifier with its present weights and statistics.

        Returns
        -------
        classifier : ContrastiveAudioClassifier
            Fitted, for `cocktailparty.decoding.save_model`. The logistic regression of a contrast
            is that of the training.
        """
        self._check_classifier()
        adapted = copy.copy(self.classifier)
        if hasattr(self, "_stream"):
            model, state = self._stream.result()
            adapted.network_ = Network.of(model, state, self.classifier.network_.config)
        return adapted

    @property
    def classes_(self) -> np.ndarray:
        """Classes of the classifier, (n_classes,), in the order of the probabilities."""
        self._check_classifier()
        return np.asarray(self.classifier.classes_)

    def __sklearn_clone__(self) -> "TestTimeAdapter":
        # With the same classifier, which adaptation does not change; a clone of it is not fitted.
        return type(self)(**self.get_params(deep=False))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self.classifier, "network_")

    def __getstate__(self) -> dict[str, Any]:
        kept = dict(super().__getstate__())
        if "_stream" in kept:
            kept["_stream"] = self._stream.arrays()
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        arrays = kept.pop("_stream", None)
        super().__setstate__(kept)
        if arrays is not None:
            later = {name: kept[name] for name in kept if name not in self.get_params(deep=False)}
            self._begin()
            self.__dict__.update(later)
            self._stream.restore(arrays)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that the samples are clips and not rows of a table."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _no_labels(y: Any) -> None:
    if y is not None:
        raise TypeError(
            "adaptation takes no labels: it is meant for clips whose classes nobody knows; to "
            "learn from labels, fit a classifier"
        )
