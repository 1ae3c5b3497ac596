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

# Up to this many clips have a small batch of their own, not one that is mostly filling.
_FEW = 8


class Stream:
    """Network, statistics and optimizer of an adaptation.

    All batches have one of two sizes, whatever comes: they are filled up with repetitions that do
    not count, so that no program is compiled twice.

    `model` and `state` are from `deep.adaptation.network.adapted_network`; `trainable` tells which
    arrays move; `batch_size` is the number of clips of a step, and the most that are computed at
    once; `seed` decides shifts.
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
        """Predict waveforms, (n_clips, n_samples), separately: float64, (n_clips, n_classes)."""
        return _softmax(self._computed(scores_of, clips))

    def source_probabilities(self, clips: np.ndarray) -> np.ndarray:
        """Predict as `probabilities`, by the classifier before adaptation."""
        learnt = self.start[: len(self.stepper.learnt)]
        return _softmax(self._computed(scores_of, clips, learnt))

    def views(self, clips: np.ndarray) -> np.ndarray:
        """Predict clips and shifted copies: (n_clips, n_views, n_classes), the clip first."""
        return _softmax(self._computed(views_of, clips))

    def spectra(self, clips: np.ndarray) -> np.ndarray:
        """Mean spectra of clips, (n_clips, n_mels), see `deep.contrastive.spectra.spectra_of`."""
        program = _front_program(self.front)
        # On the host before it is cut: each cut of another size would be another program.
        outputs = [
            np.asarray(program(self.stepper.load(batch)))[:n] for batch, n in self._filled(clips)
        ]
        return np.concatenate(outputs)

    def gather(self, clips: np.ndarray, weight: float, anew: bool) -> float:
        """Let clips, (n_clips, n_samples), move the statistics of all batch norms.

        `weight` is the number of clips that the statistics stand for already; the new one is
        returned. With `anew` they are first set back to those of the source.
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
        """Take one step along the gradient with clips, (batch_size, n_samples).

        `share` is the share of these clips in the statistics that normalise them.
        """
        return self.stepper.step({"x": clips, "share": np.float32(share)})

    def reset(self) -> None:
        """Return to the source, bit for bit."""
        self.stepper.restore(self.start)

    def result(self) -> tuple[Any, Any]:
        """Present network of the classifier, and its state, in inference mode."""
        model, state = self.stepper.result()
        return model.network, state

    def arrays(self) -> list[np.ndarray]:
        """All that the next steps depend on, on the host, for `restore`."""
        return [np.asarray(array) for array in self.stepper.arrays]

    def restore(self, arrays: list[np.ndarray]) -> None:
        """Continue from the `arrays` of an equal stream."""
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
        """Batches of one of two sizes, and how many clips of each are not repetitions."""
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
