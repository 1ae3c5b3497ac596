"""Adaptation to a whole set of clips in several passes, with a stopping rule without labels."""

from typing import Any

import joblib
import numpy as np

from deep.adaptation.memory import collapsed, shared_information
from deep.adaptation.stream import Stream
from deep.training.checkpoints import Checkpoint


def adapt_to_all(
    settings: Any, stream: Stream, clips: np.ndarray, row: dict[str, Any]
) -> list[dict[str, Any]]:
    """Adapt a stream in place to clips, (n_clips, n_samples), in several passes, and keep the best.

    Before the first pass the statistics gather all clips, and again after each, as the weights have
    changed. Passes are compared by the information that the predictions of a clip and of its
    shifted copies share. Returns the history, one row per pass, each beginning with `row`; the
    first is that of the statistics alone.
    """
    source = stream.probabilities(clips)
    checkpoint = Checkpoint(settings.checkpoint, _decided_by(settings, clips))
    saved = checkpoint.load()
    history: list[dict[str, Any]] = []
    best: list[Any] = []
    if saved is not None:
        history = saved[1]["history"]
        best = saved[0]["best"]
        stream.stepper.restore(saved[0]["now"])
    else:
        _gather_all(settings, stream, clips)
        best = stream.stepper.snapshot()
        history = [row | _measured(stream, clips, 0, 0, None)]
    while settings.objective is not None and not _finished(settings, history):
        epoch = len(history)
        n_steps, loss, healthy = _pass(settings, stream, clips, epoch)
        _gather_all(settings, stream, clips)
        report = row | _measured(stream, clips, epoch, n_steps, loss)
        if not healthy:
            report["reset"] = "not finite"
        elif settings.collapse is not None and collapsed(
            stream.probabilities(clips), source, settings.collapse
        ):
            report["reset"] = "collapse"
        history.append(report)
        if _best(history) == epoch or (settings.patience is None and not report["reset"]):
            best = stream.stepper.snapshot()
        checkpoint.save({"now": stream.stepper.snapshot(), "best": best}, {"history": history})
    stream.stepper.restore(best)
    chosen = len(history) - 1 if settings.patience is None else _best(history)
    if history[chosen]["reset"]:
        chosen = _best(history)
    for one in history:
        one["chosen"] = one["epoch"] == chosen
    checkpoint.remove()
    return history


def _pass(settings: Any, stream: Stream, clips: np.ndarray, epoch: int) -> tuple[int, float, bool]:
    """Take one step with each batch of all clips in random order."""
    rng = np.random.default_rng([settings.random_state, epoch])
    order, size = rng.permutation(len(clips)), settings.batch_size
    # The last batch is filled up from the beginning, as all have one size.
    order = np.resize(order, -(-len(order) // size) * size)
    share = 1.0 if settings.statistics == "batch" else 0.0
    reports = [stream.step(clips[chosen_clips], share) for chosen_clips in order.reshape(-1, size)]
    loss = float(np.mean([float(report.loss) for report in reports]))
    return len(reports), loss, bool(reports[-1].healthy)


def _gather_all(settings: Any, stream: Stream, clips: np.ndarray) -> None:
    if settings.statistics != "stored":
        weight = 0 if settings.statistics == "batch" else settings.source_weight
        stream.gather(clips, float(weight), True)


def _measured(
    stream: Stream, clips: np.ndarray, epoch: int, n_steps: int, loss: float | None
) -> dict[str, Any]:
    information = shared_information(stream.views(clips))
    return {
        "epoch": epoch, "n_steps": n_steps, "loss": loss, "information": information,
        "reset": None,
    }  # fmt: skip


def _best(history: list[dict[str, Any]]) -> int:
    good = [row["information"] if row["reset"] is None else -np.inf for row in history]
    return int(np.argmax(good))


def _finished(settings: Any, history: list[dict[str, Any]]) -> bool:
    last = len(history) - 1
    if last >= settings.max_epochs or history[-1]["reset"] is not None:
        return True
    return settings.patience is not None and last - _best(history) >= settings.patience


def _decided_by(settings: Any, clips: np.ndarray) -> dict[str, Any]:
    """All that decides the result, if there is a checkpoint."""
    if settings.checkpoint is None:
        return {}
    kept = {
        name: value
        for name, value in settings.get_params(deep=False).items()
        if name not in ("classifier", "checkpoint", "device")
    }
    network = settings.classifier.network_
    return kept | {"clips": joblib.hash(clips), "network": joblib.hash(network.arrays)}
