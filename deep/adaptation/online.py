"""Adaptation to each batch of a stream: gate, statistics, gradient, and the returns."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from deep.adaptation.gate import Gate
from deep.adaptation.memory import ClipMemory, collapsed
from deep.adaptation.network import (
    AdaptationTask,
    Trainable,
    adapted_network,
    check_statistics,
    trained_names,
)
from deep.adaptation.objective import Objective
from deep.adaptation.settings import _AdaptationSettings
from deep.adaptation.stream import Stream
from deep.contrastive.clips import check_clips
from deep.training.devices import choose_device

# Fewer clips than this have no meaningful mean spectrum.
_LEAST_SEEN = 16


class _OnlineAdaptation(_AdaptationSettings):
    """Adaptation of `deep.TestTimeAdapter` to one batch after the other."""

    def _check_classifier(self) -> None:
        if not hasattr(self.classifier, "_clips") or not hasattr(self.classifier, "architecture"):
            raise TypeError(
                "classifier must be a ContrastiveAudioClassifier, got "
                f"{type(self.classifier).__name__}"
            )
        check_is_fitted(self.classifier, "network_")

    def _checked(self, X: Any) -> np.ndarray:
        """Clips as the network hears them; all are read before any is used."""
        self._check_classifier()
        classifier = self.classifier
        clips = classifier._clips(check_clips(X, classifier.sfreq, classifier.n_shortest_))
        x: np.ndarray = clips.take(np.arange(len(clips)), None)["x"]
        return x

    def _begin(self) -> None:
        """Make all that adaptation needs, or check that it is there."""
        if hasattr(self, "_stream"):
            return
        objective, optimizer = self._check_settings()
        model, state = adapted_network(self.classifier)
        check_statistics(model.network, self.statistics)
        names = trained_names(model.network, self.parameters)
        gate = self._new_gate()
        # Without a gradient the task is never computed.
        task = AdaptationTask(
            objective or Objective(entropy=1.0), float(self.shift), float(self.pull)
        )
        self._stream = Stream(
            model, state, task, optimizer, Trainable(names), self.batch_size, self.random_state,
            choose_device(self.device),
        )  # fmt: skip
        self._gate = gate
        self._memory = ClipMemory(self.memory_size or self.batch_size, self.balanced)
        self._rng = np.random.default_rng(self.random_state)
        self._weight, self._n_new = float(self.source_weight), 0
        self._waiting: list[np.ndarray] = []
        self._adapted = False
        self.history_: list[dict[str, Any]] = []

    def _new_gate(self) -> Gate | None:
        if self.gate is None:
            return None
        if getattr(self.classifier, "spectra_", None) is None:
            raise ValueError(
                "this classifier has no spectra of its training clips for the gate: fit it again, "
                "or adapt always with gate=None"
            )
        threshold = None if self.gate == "auto" else float(self.gate)
        return Gate(self.classifier.spectra_, threshold, self.window, _LEAST_SEEN)

    def _adapt(self, clips: np.ndarray) -> dict[str, Any]:
        """Adapt to at most a batch, and report."""
        row: dict[str, Any] = {
            "n_clips": len(clips), "gate": None, "distance": None, "threshold": None,
            "n_steps": 0, "loss": None, "reset": None,
        }  # fmt: skip
        if self._gate is not None:
            row |= self._gate.look(self._stream.spectra(clips))
            if row["gate"] == "waiting":
                self._waiting.append(clips)
                return row
            if row["gate"] == "closed":
                self._waiting = []
                if self._adapted:
                    row["reset"] = "gate"
                    self._go_back()
                return row
            clips = np.concatenate([*self._waiting, clips])
            self._waiting = []
        self._adapted = True
        if self.objective is not None:
            # Before anything moves: what the classifier says of these clips.
            self._remember(clips)
        self._gather(clips)
        if self.objective is not None and self._n_new >= self.min_clips:
            self._step(row)
        return row

    def _gather(self, clips: np.ndarray) -> None:
        if self.statistics == "stored":
            return
        if self.statistics == "tracked":
            weight = self._stream.gather(clips, self._weight, False)
            self._weight = min(weight, float(self.most_clips))
        else:
            weight = 0.0 if self.statistics == "batch" else float(self.source_weight)
            self._stream.gather(clips, weight, True)

    def _remember(self, clips: np.ndarray) -> None:
        source = self._stream.source_probabilities(clips)
        now = self._stream.probabilities(clips)
        self._memory.add(clips, source, now.argmax(axis=1))
        self._n_new += len(clips)

    def _step(self, row: dict[str, Any]) -> None:
        drawn = self._memory.draw(self.batch_size, self._rng)
        # The other statistics have these clips in them already.
        report = self._stream.step(drawn, 1.0 if self.statistics == "batch" else 0.0)
        row["n_steps"], row["loss"], self._n_new = 1, float(report.loss), 0
        if not bool(report.healthy):
            row["reset"] = "not finite"
        elif self.collapse is not None:
            now = self._stream.probabilities(np.stack(self._memory.clips))
            if collapsed(now, np.stack(self._memory.source), self.collapse):
                row["reset"] = "collapse"
        if row["reset"]:
            self._go_back()
        elif self.memory_size is None:
            self._memory.clear()

    def _go_back(self) -> None:
        self._stream.reset()
        self._memory.clear()
        self._weight, self._n_new, self._adapted = float(self.source_weight), 0, False
