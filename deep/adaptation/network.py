"""The network of a classifier in adaptation: its scores, statistics, weights and loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from deep.adaptation.objective import Objective
from deep.layers import BatchNorm, LayerNorm
from deep.layers.batching import BATCH
from deep.layers.normalisation import Gathered
from deep.training.trees import array_names

_NETWORK = "network."


class AdaptedNetwork(eqx.Module):
    """Network of a classifier, what follows it, and the weights that it is drawn back to.

    `linear` holds mean, scale, weights and offsets of the logistic regression on its embeddings,
    where it has no layer for classes; `source` the trained weights, in the order of `array_names`.
    """

    network: Any
    linear: tuple[jax.Array, ...] | None
    source: list[jax.Array]

    def scores(
        self, x: jax.Array, state: Any, source: Any = None, weights: jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        """Score waveforms, (n_clips, n_samples): logits, (n_clips, n_classes), and new statistics.

        `source` is the share of these clips in the statistics, see
        `deep.layers.normalisation.Gathered`; None leaves them as they are. `weights`, (n_clips,),
        is how much each clip counts in them.
        """
        weights = jnp.ones(len(x)) if weights is None else weights

        def one(x: jax.Array, weight: jax.Array) -> Any:
            how = "running" if source is None else Gathered(source, weight)
            return self.network(x, state=state, source=how)

        outputs, state = jax.vmap(one, out_axes=(0, None), axis_name=BATCH)(x, weights)
        if self.linear is None:
            return outputs.logits, state
        mean, scale, coefficients, offsets = self.linear
        return (outputs.embedding - mean) / scale @ coefficients.T + offsets, state


def adapted_network(classifier: Any) -> tuple[AdaptedNetwork, Any]:
    """Assemble a fitted classifier's network, in inference mode, and its statistics for adaptation.

    The classifier stays as it is.
    """
    network, state = classifier.network_.restored(classifier.architecture)
    linear = None
    if classifier.linear_ is not None:
        weights, offsets = classifier.linear_.coef_, classifier.linear_.intercept_
        if len(weights) == 1:  # two classes: the score of the first is zero
            weights = jnp.concatenate([0 * weights, weights])
            offsets = jnp.concatenate([0 * offsets, offsets])
        constants = (classifier.embedding_mean_, classifier.embedding_scale_, weights, offsets)
        linear = tuple(jnp.asarray(constant, jnp.float32) for constant in constants)
    arrays = [leaf for leaf in jax.tree.leaves(network) if eqx.is_array(leaf)]
    model = AdaptedNetwork(eqx.nn.inference_mode(network), linear, arrays)
    return model, state


def norm_arrays(model: Any, kinds: tuple[type, ...] = (BatchNorm, LayerNorm)) -> set[str]:
    """Name the scales and offsets of the normalisations of a model, as `array_names` does."""
    names: set[str] = set()
    leaves = jax.tree_util.tree_flatten_with_path(model, is_leaf=lambda x: isinstance(x, kinds))[0]
    for path, leaf in leaves:
        if isinstance(leaf, kinds):
            place = jax.tree_util.keystr(path, simple=True, separator=".")
            names |= {f"{place}.{name}".lstrip(".") for name in array_names(leaf)}
    return names


def trained_names(model: Any, parameters: str | Callable[[str], bool]) -> frozenset[str]:
    """Choose the arrays of a network that adaptation may change, at least one, by name.

    `parameters`: "norm" for scales and offsets of the normalisations, "all", or a function of a
    name. Raises `ValueError` for anything else, or if nothing is chosen; says what there is.
    """
    names = array_names(model)
    if callable(parameters):
        chosen = {name for name in names if parameters(name)}
    elif parameters == "all":
        chosen = set(names)
    elif parameters == "norm":
        chosen = norm_arrays(model)
        if not chosen:
            raise ValueError(
                "parameters='norm' chooses nothing, as this network has no normalisation with "
                "weights: take 'all', or a function of names such as 'head.weight'"
            )
    else:
        raise ValueError(
            f"parameters must be 'norm', 'all' or a function of a name, got {parameters!r}"
        )
    if not chosen:
        raise ValueError(f"parameters chooses none of the arrays {names}")
    return frozenset(chosen)


def check_statistics(model: Any, statistics: str) -> None:
    """Raise `ValueError` for statistics other than "stored" of a network without a batch norm."""
    if statistics != "stored" and not norm_arrays(model, (BatchNorm,)):
        raise ValueError(
            f"statistics={statistics!r} adapts batch norms, and this network has none: take "
            "statistics='stored', with parameters='all' or a function of names"
        )


@dataclass(frozen=True)
class Trainable:
    """Whether an array of an `AdaptedNetwork` is trained: one of the network's with these names."""

    names: frozenset[str]

    def __call__(self, name: str) -> bool:
        """Look the name up."""
        return name.startswith(_NETWORK) and name[len(_NETWORK) :] in self.names


@dataclass(frozen=True)
class AdaptationTask:
    """Loss of unlabelled clips, each seen in two views that are shifted to either side.

    `shift` is the largest shift as a share of the clip, `pull` the weight of half the squared
    distance from the weights of the source.
    """

    objective: Objective
    shift: float
    pull: float

    def __call__(
        self, model: AdaptedNetwork, state: Any, batch: dict[str, jax.Array], key: jax.Array
    ) -> Any:
        """Compute the loss; the statistics stay as they are."""
        x = batch["x"]
        n, length = x.shape
        most = int(self.shift * length)
        amounts = jnp.floor(jax.random.uniform(key, (2, n)) * (most + 1)).astype(int)
        roll = jax.vmap(jnp.roll)
        views = jnp.concatenate([roll(x, amounts[0]), roll(x, -amounts[1])])
        # A copy, as the network replaces statistics where they are.
        logits, _ = model.scores(views, jax.tree.map(lambda a: a, state), batch["share"])
        loss = self.objective(logits[:n], logits[n:])
        if self.pull:
            now = [leaf for leaf in jax.tree.leaves(model.network) if eqx.is_array(leaf)]
            away = sum(jnp.square(a - b).sum() for a, b in zip(now, model.source, strict=True))
            loss += self.pull / 2 * away
        return loss, (state, {})


def scores_of(model: AdaptedNetwork, state: Any, batch: dict[str, jax.Array]) -> jax.Array:
    """Score the clips ``x`` of a batch, each on its own: logits, (n_clips, n_classes)."""
    return model.scores(batch["x"], state)[0]


def gathered_state(model: AdaptedNetwork, state: Any, batch: dict[str, jax.Array]) -> Any:
    """Let the clips ``x`` of a batch move the statistics, by their ``weights`` and ``share``."""
    return model.scores(batch["x"], state, batch["share"], batch["weights"])[1]


def views_of(model: AdaptedNetwork, state: Any, batch: dict[str, jax.Array]) -> Any:
    """Score clips ``x`` and copies moved by a tenth to either side: (n_clips, 3, n_classes)."""
    x = batch["x"]
    most = max(x.shape[1] // 10, 1)
    scores = [model.scores(jnp.roll(x, by, axis=1), state)[0] for by in (0, most, -most)]
    return jnp.stack(scores, axis=1)
