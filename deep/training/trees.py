"""Models as lists of arrays and a hashable rest, as compilation and saving need them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax


class TreeStructure(NamedTuple):
    """A tree without its arrays; equal for trees that one program computes."""

    treedef: Any
    rest: tuple[Any, ...]

    def join(self, arrays: Any) -> Any:
        """Put arrays back into the tree: as many as `split` took out."""
        arrays = iter(arrays)
        leaves = [next(arrays) if leaf is _ARRAY else leaf for leaf in self.rest]
        return jax.tree.unflatten(self.treedef, leaves)


class _Array:
    """Stands for an array in a structure."""


_ARRAY = _Array()


def split(tree: Any) -> tuple[list[Any], TreeStructure]:
    """Split a tree, such as model and state, into its JAX arrays and the rest.

    `TreeStructure.join` of the rest makes the tree again.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> arrays, structure = split({"a": jnp.ones(2), "b": "text"})
    >>> structure.join([array + 1 for array in arrays])["a"].tolist()
    [2.0, 2.0]
    """
    leaves, treedef = jax.tree.flatten(tree)
    arrays = [leaf for leaf in leaves if eqx.is_array(leaf)]
    rest = tuple(_ARRAY if eqx.is_array(leaf) else leaf for leaf in leaves)
    return arrays, TreeStructure(treedef, rest)


def array_names(tree: Any) -> list[str]:
    """Name the arrays of a tree by their place, in the order of `split`.

    Descriptions of arrays (`jax.ShapeDtypeStruct`) count as arrays.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> array_names({"a": [jnp.ones(2), "text", jnp.zeros(1)]})
    ['a.0', 'a.2']
    """
    names = []
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        if eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct):
            names.append(jax.tree_util.keystr(path, simple=True, separator="."))
    return names


def frozen_parts(model: Any, trained: set[str]) -> tuple[str, ...]:
    """Find the largest parts of a model that have arrays but none that is trained, by name.

    `trained` holds the names of the trained arrays. Empty if all of the model is trained.

    Examples
    --------
    >>> import jax
    >>> from deep.layers import Linear
    >>> model = {"one": Linear(1, 1, key=jax.random.key(0)), "two": [jax.numpy.ones(1)]}
    >>> frozen_parts(model, {"one.bias"})
    ('two',)
    """
    trained_above: set[str] = set()
    every_part: dict[str, None] = {}
    for name in array_names(model):
        places = name.split(".")
        above = [".".join(places[:i]) for i in range(1, len(places))]
        every_part.update(dict.fromkeys(above))
        if name in trained:
            trained_above.update(above)
    frozen: list[str] = []
    for part in every_part:  # the larger ones come first
        if part not in trained_above and not part.startswith(tuple(f"{f}." for f in frozen)):
            frozen.append(part)
    return tuple(frozen)


def in_inference(model: Any, parts: tuple[str, ...]) -> Any:
    """Set the flags `inference` of parts of a model, named as by `frozen_parts`."""
    if not parts:
        return model
    begins = tuple(f"{part}." for part in parts)

    def set_flag(path: Any, leaf: Any) -> Any:
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        return (
            True if isinstance(leaf, bool) and _is_flag(name) and name.startswith(begins) else leaf
        )

    return jax.tree_util.tree_map_with_path(set_flag, model)


def _is_flag(name: str) -> bool:
    return name.rpartition(".")[2] == "inference"


def n_parameters(model: Any, trainable: Callable[[str], bool] | None = None) -> int:
    """Count the elements of the trained floating-point arrays of a model.

    `trainable` tells by the name of an array whether it is trained, see
    `deep.training.programs.start`; None for all.
    """
    arrays = [leaf for leaf in jax.tree.leaves(model) if eqx.is_array(leaf)]
    return sum(
        array.size
        for name, array in zip(array_names(model), arrays, strict=True)
        if eqx.is_inexact_array(array) and (trainable is None or trainable(name))
    )
