"""Networks with published weights as they are, for embeddings and tags of sounds."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from deep.contrastive.clips import Clips, check_clips, durations
from deep.contrastive.panns import BACKBONES, N_TAGS, PANNs, front_of
from deep.contrastive.weights import published_layout, rate_of, read_weights, with_weights
from deep.layers import batched
from deep.training.devices import choose_device
from deep.training.inference import apply


class PANNsEmbedding(TransformerMixin, BaseEstimator):
    """Embed sounds with published weights of PANNs, and tag them [1]_.

    Parameters
    ----------
    weights : path
        The published ``.pth``, or the output of ``cocktailparty convert``; the names of the arrays
        tell which network it is.
    sfreq : float
        Sampling rate of the clips in hertz; they are resampled to that of the weights.
    clip_duration : float, optional
        Seconds that the network hears; None for the longest clip of each call. Shorter ones are
        repeated.
    batch_size : int
        Number of clips that are computed at once.
    device : {None, "cpu", "cuda"}
        Where to compute; None for a GPU if JAX sees one.

    Attributes
    ----------
    backbone_ : str
        Name of the network.
    rate_ : float
        Sampling rate of the weights in hertz.

    References
    ----------
    .. [1] Kong et al. (2020), "PANNs: large-scale pretrained audio neural networks for audio
       pattern recognition", IEEE/ACM TASLP 28, https://doi.org/10.1109/TASLP.2020.3030497.
    """

    def __init__(
        self, weights: str, sfreq: float = 32000.0, clip_duration: float | None = None,
        batch_size: int = 16, device: str | None = None,
    ) -> None:  # fmt: skip
        self.weights = weights
        self.sfreq = sfreq
        self.clip_duration = clip_duration
        self.batch_size = batch_size
        self.device = device

    def fit(self, X: Any = None, y: Any = None) -> "PANNsEmbedding":
        """Read the weights; nothing is learnt from the arguments.

        Raises `ValueError` if the file holds the weights of no network of PANNs.
        """
        arrays = read_weights(self.weights)
        fitting = [name for name in BACKBONES if set(published_layout(name)) <= set(arrays)]
        if not fitting:
            raise ValueError(
                f"{self.weights} holds the weights of none of {sorted(BACKBONES)} with their layer "
                f"for tags: its arrays begin with {sorted(arrays)[:6]}"
            )
        # The names of CNN6 are among those of CNN10, and those of CNN10 among those of CNN14.
        self.backbone_ = max(fitting, key=lambda name: len(published_layout(name)))
        self.rate_ = rate_of(arrays, str(self.weights))
        front = front_of(self.rate_, published=True)
        model, state = eqx.nn.make_with_state(PANNs)(
            self.backbone_, front, n_tags=N_TAGS, key=jax.random.key(0)
        )
        self._model = with_weights(model, state, arrays, self.backbone_, str(self.weights))
        self.n_shortest_ = int(np.ceil(front["n_fft"] * self.sfreq / self.rate_))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Embed clips: float32, (n_clips, n_embedding), with 512 features, or 2048 of CNN14.

        Clips are those of `deep.ContrastiveAudioClassifier.fit`.
        """
        return self._outputs(X)["embedding"]

    def tag(self, X: Any) -> np.ndarray:
        """Give the probabilities of AudioSet's classes, float32 of shape (n_clips, 527).

        Each is decided separately, in the order of AudioSet's list of classes.
        """
        return self._outputs(X)["tags"]

    @one_blas_thread()
    def _outputs(self, X: Any) -> dict[str, np.ndarray]:
        check_is_fitted(self, "backbone_")
        clips = check_clips(X, self.sfreq, self.n_shortest_)
        front = self._model[0].front
        shortest = (2 ** BACKBONES[self.backbone_].n_halvings - 1) * front.hop / self.rate_
        seconds = self.clip_duration or float(durations(clips, self.sfreq).max())
        n_samples = int(np.ceil(max(seconds, shortest) * self.rate_))
        examples = Clips(clips, self.sfreq, self.rate_, n_samples, self.n_shortest_)
        outputs: dict[str, np.ndarray] = apply(
            _embedded, *self._model, examples, batch_size=self.batch_size,
            device=choose_device(self.device),
        )  # fmt: skip
        return outputs


def _embedded(model: Any, state: Any, batch: dict[str, jax.Array]) -> dict[str, jax.Array]:
    embeddings, _ = batched(model, batch["x"], state=state)
    return {"embedding": embeddings, "tags": model.tag(embeddings)}
