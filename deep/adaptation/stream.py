"""A network that moves with a stream: programs of fixed shapes, arrays that stay on the device."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import numpy as np

from deep.adaptation.network import gathered_state, scores_of, views_of
from deep.contrastive.spectra import spectra_of
from deep.training.step import Report, Stepper
from deep.training.trees import TreeStructure, split

# Few clips are computed in a batch of their own, and not in one that is mostly filling.
_FEW = 8


class Stream:
    """Network, statistics and optimizer of an adaptation.

    All batches have one of two sizes, whatever comes: they are filled up with repetitions that
    count nothing, so that no program is compiled twice.

    Parameters
    ----------
    model, state : object
        From `deep.adaptation.network.adapted_network`.
    task : AdaptationTask
        Loss of the steps.
    optimizer : Optimizer
        How gradients change the weights.
    trainable : callable
        Which arrays.
    batch_size : int
        Number of clips of a step, and the most that are computed at once.
    seed : int
        Decides shifts.
    device : jax.Device
        Where to compute.
    """

    def __init__(
        self, model: Any, state: Any, task: Any, optimizer: Any, trainable: Callable[[str], bool],
        batch_size: int, seed: int, device: jax.Device,
    ) -> None:  # fmt: skip
        self.stepper = Stepper(
            model, state, task, optimizer, seed=seed, trainable=trainable, device=device
        )
        self.front = split(model.network.encoder.front)[1]
        self.batch_size = batch_size
        self.start = self.stepper.snapshot()
        self.n_statistics = len(jax.tree.leaves(state))

    def probabilities(self, clips: np.ndarray) -> np.ndarray:
        """Predict clips, each on its own.

        Parameters
        ----------
        clips : ndarray of shape (n_clips, n_samples)
            Waveforms.

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes)
            In double precision.
        """
        return _softmax(self._computed(scores_of, clips))

    def source_probabilities(self, clips: np.ndarray) -> np.ndarray:
        """Predict clips as the classifier does that is not adapted.

        Parameters
        ----------
        clips : ndarray of shape (n_clips, n_samples)
            Waveforms.

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_classes)
            In double precision.
        """
        learnt = self.start[: len(self.stepper.learnt)]
        return _softmax(self._computed(scores_of, clips, learnt))

    def views(self, clips: np.ndarray) -> np.ndarray:
        """Predict clips and shifted copies of them.

        Parameters
        ----------
        clips : ndarray of shape (n_clips, n_samples)
            Waveforms.

        Returns
        -------
        probabilities : ndarray of shape (n_clips, n_views, n_classes)
            The first view is the clip itself.
        """
        return _softmax(self._computed(views_of, clips))

    def spectra(self, clips: np.ndarray) -> np.ndarray:
        """Compute mean spectra of clips.

        Parameters
        ----------
        clips : ndarray of shape (n_clips, n_samples)
            Waveforms.

        Returns
        -------
        spectra : ndarray of shape (n_clips, n_mels)
            See `deep.contrastive.spectra.spectra_of`.
        """
        program = _front_program(self.front)
        # On the host before it is cut: each cut of another size would be another program.
        outputs = [
            np.asarray(program(self.stepper.load(batch)))[:n] for batch, n in self._filled(clips)
        ]
        return np.concatenate(outputs)

    def gather(self, clips: np.ndarray, weight: float, anew: bool) -> float:
        """Let clips move the statistics of all batch norms.

        Parameters
        ----------
        clips : ndarray of shape (n_clips, n_samples)
            Waveforms.
        weight : float
            Number of clips that the statistics stand for already.
        anew : bool
            Whether they are first set back to those of the source.

        Returns
        -------
        weight : float
            Number of clips that they stand for now.
        """
        if anew:
            self._set_statistics(self.start)
        for batch, n in self._filled(clips):
            batch["share"] = np.float32(n / (weight + n))
            batch["weights"] = (np.arange(len(batch["x"])) < n).astype(np.float32)
            statistics = self._program(_statistics)(
                self.stepper.learnt, self.stepper.fixed, self.stepper.load(batch)
            )
            n_learnt = len(self.stepper.learnt)
            arrays = self.stepper.arrays
            self.stepper.arrays = [
                *arrays[: n_learnt - self.n_statistics], *statistics, *arrays[n_learnt:]
            ]  # fmt: skip
            weight += n
        return weight

    def step(self, clips: np.ndarray, share: float) -> Report:
        """Take one step along the gradient.

        Parameters
        ----------
        clips : ndarray of shape (batch_size, n_samples)
            Waveforms.
        share : float
            Share of these clips in the statistics that they are normalised by.

        Returns
        -------
        report : Report
            Of the step.
        """
        return self.stepper.step({"x": clips, "share": np.float32(share)})

    def reset(self) -> None:
        """Go back to the source, bit for bit."""
        self.stepper.restore(self.start)

    def result(self) -> tuple[Any, Any]:
        """Network of the classifier, and its state, as they are now.

        Returns
        -------
        network, state : object
            In inference mode.
        """
        model, state = self.stepper.result()
        return model.network, state

    def arrays(self) -> list[np.ndarray]:
        """All that the next steps depend on.

        Returns
        -------
        arrays : list of ndarray
            On the host, for `restore`.
        """
        return [np.asarray(array) for array in self.stepper.arrays]

    def restore(self, arrays: list[np.ndarray]) -> None:
        """Go on from where an equal stream was.

        Parameters
        ----------
        arrays : list of ndarray
            From `arrays`.
        """
        self.stepper.restore(arrays)

    def _set_statistics(self, arrays: list[Any]) -> None:
        n = len(self.stepper.learnt)
        statistics = slice(n - self.n_statistics, n)
        now = list(self.stepper.arrays)
        now[statistics] = [jax.numpy.array(array, copy=True) for array in arrays[statistics]]
        self.stepper.arrays = now

    def _computed(
        self, function: Callable, clips: np.ndarray, learnt: list[jax.Array] | None = None
    ) -> np.ndarray:
        program = self._program(function)
        learnt = self.stepper.learnt if learnt is None else learnt
        outputs = []
        for batch, n in self._filled(clips):
            output = program(learnt, self.stepper.fixed, self.stepper.load(batch))
            outputs.append(np.asarray(output)[:n])
        return np.concatenate(outputs)

    def _program(self, function: Callable) -> Callable:
        forward = self.stepper.config.forward
        return _program(function, forward.learnt, forward.fixed)

    def _filled(self, clips: np.ndarray) -> Iterator[tuple[dict[str, Any], int]]:
        """Batches of one of two sizes, and how many of each are not repetitions."""
        for first in range(0, len(clips), self.batch_size):
            chosen = clips[first : first + self.batch_size]
            size = _FEW if len(chosen) <= _FEW < self.batch_size else self.batch_size
            filling = np.minimum(np.arange(size), len(chosen) - 1)
            yield {"x": chosen[filling]}, len(chosen)


def _statistics(model: Any, state: Any, batch: Any) -> list[jax.Array]:
    return jax.tree.leaves(gathered_state(model, state, batch))


# The same for all adaptations of equal networks, whatever their objective.
@lru_cache(maxsize=32)
def _program(function: Callable, learnt: TreeStructure, fixed: TreeStructure) -> Callable:
    def run(arrays: list, fixed_arrays: list, batch: Any) -> Any:
        weights, state = learnt.join(arrays)
        return function(eqx.combine(weights, fixed.join(fixed_arrays)), state, batch)

    return jax.jit(run)


@lru_cache(maxsize=16)
def _front_program(front: TreeStructure) -> Callable:
    return jax.jit(lambda batch: spectra_of(front.join([]), None, batch))


def _softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(float)
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(p / p.sum(axis=-1, keepdims=True))
