"""A model, a loss and an estimator as small as they can be: all that a new model has to add."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from deep import ArrayExamples, NetworkEstimator
from deep.layers import BatchNorm, Linear, batched
from deep.training.settings import DEFAULTS


class Tiny(eqx.Module):
    first: Linear
    norm: BatchNorm
    dropout: eqx.nn.Dropout
    last: Linear

    def __init__(self, n_inputs, n_classes, n_hidden=4, *, key):
        keys = jax.random.split(key)
        self.first = Linear(n_inputs, n_hidden, key=keys[0])
        self.norm = BatchNorm(n_hidden)
        self.dropout = eqx.nn.Dropout(0.1)
        self.last = Linear(n_hidden, n_classes, key=keys[1])

    def __call__(self, x, *, state, key=None, source=None):
        x, state = self.norm(self.first(x), state, source)
        return self.last(self.dropout(jnp.tanh(x), key=key)), state


traced = []  # grows when a program is made, not when it runs


def classify(model, state, batch, key):
    traced.append(batch["x"].shape)
    logits, state = batched(model, batch["x"], state=state, key=key)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), batch["y"][:, None], axis=1)
    return -chosen.mean(), (state, {"accuracy": (logits.argmax(1) == batch["y"]).mean()})


def forward(model, state, batch):
    return batched(model, batch["x"], state=state)[0]


class TinyClassifier(ClassifierMixin, NetworkEstimator):
    architecture = Tiny
    training_defaults = DEFAULTS | {
        "batch_size": 8, "validation_fraction": 0.25, "learning_rate": 0.01,
    }  # fmt: skip

    def __init__(self, *, training=None, max_epochs=3, random_state=None):
        self.training = training
        self.max_epochs = max_epochs
        self.random_state = random_state

    def fit(self, X, y, groups=None):
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, y = np.unique(y, return_inverse=True)
        config = {"n_inputs": X.shape[1], "n_classes": len(self.classes_)}
        self._train(classify, config, ArrayExamples({"x": X, "y": y}), groups)
        return self

    def decision_function(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        logits = self._apply(forward, ArrayExamples({"x": X}))
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X):
        scores = self.decision_function(X)
        chosen = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[chosen.astype(int)]


def made(n_examples=40, n_inputs=3, seed=0) -> tuple[Any, np.ndarray, np.ndarray]:
    """Examples of two classes that overlap, as source and as arrays."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n_examples)
    x = rng.normal(size=(n_examples, n_inputs)).astype(np.float32) + y[:, None]
    return ArrayExamples({"x": x, "y": y}), x, y


def tiny(seed=0, n_inputs=3):
    return eqx.nn.make_with_state(Tiny)(n_inputs, 2, key=jax.random.key(seed))
