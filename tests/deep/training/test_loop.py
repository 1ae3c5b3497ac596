import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from deep import ArrayExamples, Optimizer
from tests.deep import tiny as tinies
from tests.deep.tiny import classify, made, tiny
from tests.deep.trainings import arrays, identical, trained

ROOT = Path(__file__).parents[3]


def test_it_learns_what_can_be_learnt():
    examples, x, y = made(400)
    _, x_test, y_test = made(1000, seed=9)
    fit = trained(examples=examples, max_epochs=30, batch_size=40)
    logits, _ = tinies.batched(eqx.nn.inference_mode(fit.model), x_test, state=fit.state)
    accuracy = np.mean(np.argmax(logits, 1) == y_test)
    best = LogisticRegression().fit(x, y).score(x_test, y_test)  # the true boundary is a plane
    assert accuracy >= best - 0.02
    assert fit.history["loss"][-1] < 0.8 * fit.history["loss"][0]
    assert len({len(column) for column in fit.history.values()}) == 1
    assert set(fit.history) == {
        "loss", "accuracy", "val_loss", "val_accuracy", "gradient_norm", "learning_rate", "seconds",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_weights():
    first, again, other = trained(), trained(), trained(seed=4)
    assert identical(first, again)
    assert not identical(first, other)
    assert first.history["loss"] == again.history["loss"]


def test_the_model_that_was_given_stays():
    model = tiny()
    before = [np.array(x) for x in arrays(tinies_fit(model))]
    trained(model=model)
    assert all(map(np.array_equal, arrays(tinies_fit(model)), before))


def tinies_fit(model):
    return type("Pair", (), {"model": model[0], "state": model[1]})


def test_programs_are_made_once():
    trained(max_epochs=1)
    tinies.traced.clear()
    trained(max_epochs=4, seed=8, optimizer=Optimizer("adam", 0.0123))
    # A training step. The evaluations, of which no optimizer decides anything, are there already.
    assert tinies.traced == [(8, 3)]
    trained(max_epochs=2, seed=9, optimizer=Optimizer("adam", 0.0123))
    assert len(tinies.traced) == 1  # not even for another training


def test_the_best_epoch_is_restored_and_the_training_ends_in_time():
    def worse(model, state, batch, key):
        # In inference mode, which validation uses, the loss is that of an aim that is passed.
        loss, rest = classify(model, state, batch, key)
        if model.dropout.inference:
            loss = jnp.square(model.last.bias[0] - start - 0.05)
        else:
            loss = 0 * loss - model.last.bias[0]
        return loss, rest

    start = float(tiny()[0].last.bias[0])
    fit = trained(worse, max_epochs=50, patience=3, optimizer=Optimizer("sgd", 0.004))
    # Five steps an epoch of 0.004: 0.02, 0.04, 0.06 ... of which 0.04 and 0.06 are as close.
    assert float(fit.model.last.bias[0]) - start == pytest.approx(
        0.02 * (fit.best_epoch + 1), abs=1e-5
    )
    assert fit.best_epoch in (1, 2)
    assert len(fit.history["loss"]) == fit.best_epoch + 4
    assert fit.stopped == "no smaller validation loss for 3 epochs"
    assert fit.best_epoch == int(np.argmin(fit.history["val_loss"]))


def test_without_validation_the_last_weights_are_kept():
    fit = trained(validation=None, max_epochs=2)
    assert fit.best_epoch == 1
    assert "val_loss" not in fit.history
    assert fit.stopped == "max_epochs=2 reached"


def spoilt(far):
    """A task that moves a bias at an even pace, and has no loss when it has come too far."""
    start = float(tiny()[0].last.bias[0])

    def task(model, state, batch, key):
        loss, (state, metrics) = classify(model, state, batch, key)
        moved = model.last.bias[0] - start
        return 0 * loss - model.last.bias[0] + jnp.where(moved > far, jnp.nan, 0.0), (
            state,
            metrics,
        )

    return task


@pytest.mark.parametrize("validation", [None, made(17, seed=1)[0]])
def test_a_loss_that_is_no_number_stops_with_the_last_good_weights(validation):
    start = float(tiny()[0].last.bias[0])
    sgd = Optimizer("sgd", 0.01)
    with pytest.warns(ConvergenceWarning, match=r"the loss is nan in batch 4 of epoch 2; the weig"):
        fit = trained(spoilt(0.075), validation=validation, optimizer=sgd, max_epochs=9)
    # Eight steps were good; with validation, the weights are those after the first epoch.
    good = 0.08 if validation is None else 0.05
    assert float(fit.model.last.bias[0]) - start == pytest.approx(good, abs=1e-5)
    assert fit.stopped == "the loss is nan in batch 4 of epoch 2"
    assert len(fit.history["loss"]) == 2
    assert {len(column) for column in fit.history.values()} == {2}
    assert all(np.isfinite(x).all() for x in arrays(fit))


def test_a_loss_that_is_no_number_at_once_is_an_error():
    _, x, y = made(40)
    x[::2] = np.nan
    with pytest.raises(ValueError, match="the loss is nan in the first batch: look for NaN"):
        trained(examples=ArrayExamples({"x": x, "y": y}))


def test_a_validation_loss_that_is_no_number_stops():
    _, x, y = made(17, seed=1)
    x[3] = np.nan
    with pytest.warns(ConvergenceWarning, match="the validation loss is nan after epoch 1"):
        fit = trained(validation=ArrayExamples({"x": x, "y": y}))
    assert all(np.isfinite(x).all() for x in arrays(fit))


def test_a_killed_training_goes_on_as_if_nothing_had_been(tmp_path):
    command = [sys.executable, "-m", "tests.deep.killed", str(tmp_path), "3"]
    killed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert killed.returncode == -9, killed.stderr
    (file,) = tmp_path.iterdir()
    epochs = []
    fit = trained(checkpoint=tmp_path, callback=lambda h: epochs.append(len(h["loss"])))
    assert epochs == [4]  # the first three are not repeated; the last is reported by the result
    whole = trained()
    assert identical(fit, whole)
    for name in ("loss", "val_loss", "learning_rate"):
        assert fit.history[name] == whole.history[name]
    assert fit.best_epoch == whole.best_epoch
    assert not file.exists()


def test_an_exception_leaves_a_checkpoint_only_for_the_same_training(tmp_path):
    def interrupt(history):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=tmp_path, callback=interrupt)
    seen = []
    for options in ({"seed": 5}, {"batch_size": 4}, {"max_epochs": 6}, {"patience": 4}):
        trained(checkpoint=tmp_path, callback=lambda h: seen.append(len(h["loss"])), **options)
        assert seen[0] == 1  # from the start
        seen.clear()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_callback_ends_the_training():
    fit = trained(callback=lambda history: len(history["loss"]) == 2)
    assert len(fit.history["loss"]) == 2
    assert fit.stopped == "the callback ended it"


def test_progress_is_shown(capsys):
    trained(max_epochs=1, verbose=True)
    shown = capsys.readouterr().err
    assert "5/5" in shown
    assert "val_loss" in shown
    trained(max_epochs=1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"max_epochs": 0}, "max_epochs must be at least 1, got 0"),
        ({"validation": None, "patience": 3}, "patience=3 needs validation examples"),
        ({"batch_size": 41}, r"batches of 41 cannot be made of 40 sample\(s\)"),
        ({"device": "tpu"}, "device must be None, 'cpu' or 'cuda', got 'tpu'"),
    ],
)
def test_arguments_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        trained(**options)


@pytest.mark.parametrize(
    ("monitor", "column", "best"),
    [("val_loss", "val_loss", np.argmin), ("-val_loss", "val_loss", np.argmax),
     ("-val_accuracy", "val_accuracy", np.argmax)],
)  # fmt: skip
def test_any_metric_chooses_the_epoch(monitor, column, best):
    fit = trained(monitor=monitor)
    assert fit.best_epoch == int(best(fit.history[column]))


def test_a_metric_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"monitor must be one of \['val_loss', 'val_accuracy'\]"):
        trained(monitor="-val_auc", max_epochs=1)
    fit = trained(monitor="-val_accuracy", max_epochs=30, patience=2)
    assert fit.stopped == "no better -val_accuracy for 2 epochs"


def test_minutes_end_a_training():
    fit = trained(max_minutes=1e-9)
    assert fit.stopped == "max_minutes=1e-09 reached"
    assert len(fit.history["loss"]) == 1
    assert len(trained(max_minutes=60).history["loss"]) == 5
    with pytest.raises(ValueError, match=r"max_minutes must be positive, got 0"):
        trained(max_minutes=0)
