"""Networks as arrays and a configuration, which is what estimators pickle and save."""

from dataclasses import dataclass, fields
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deep.training.trees import array_names, split


@dataclass
class Network:
    """A trained network without its code.

    It holds nothing of JAX, so that it can be pickled; `cocktailparty.decoding.saving` writes it as
    part of an estimator: the arrays as safetensors, the rest as JSON.

    Attributes
    ----------
    config : dict of str to object
        Arguments of the model's class except its random key: numbers, strings, lists.
    arrays : dict of str to ndarray
        Weights and state, named by their place in the model.
    version : int
        Version of the model's class, see `Network.of`.
    """

    config: dict[str, Any]
    arrays: dict[str, np.ndarray]
    version: int

    @classmethod
    def of(cls, model: Any, state: Any, config: dict[str, Any]) -> Self:
        """Store a model.

        Parameters
        ----------
        model : equinox.Module
            Its class may have a number `version`, to be raised when the meaning of its arrays
            changes; 1 if it has none.
        state : equinox.nn.State
            Its state.
        config : dict of str to object
            What the class of the model was called with.

        Returns
        -------
        network : Network
            With copies of the arrays on the host.
        """
        arrays, _ = split((model, state))
        host = [np.array(array) for array in jax.device_get(arrays)]
        return cls(
            dict(config), dict(zip(_names(model, state), host, strict=True)), _version(model)
        )

    def restored(self, architecture: Any) -> tuple[Any, Any]:
        """Rebuild the model.

        Parameters
        ----------
        architecture : type
            Class of the model.

        Returns
        -------
        model, state : object
            The same objects at each call.

        Raises
        ------
        ValueError
            If the arrays are not those of such a model: by name, shape, type or version.
        """
        restored: tuple[Any, Any] | None = vars(self).get("_restored")
        if restored is None:
            restored = vars(self)["_restored"] = self._restore(architecture)
        return restored

    def _restore(self, architecture: Any) -> tuple[Any, Any]:
        name = architecture.__name__
        if self.version != _version(architecture):
            raise ValueError(
                f"the network was made by version {self.version} of {name}, this library has "
                f"version {_version(architecture)}: fit again, or install the library it is from"
            )
        # Only the shapes: no weights are drawn to be thrown away.
        model, state = eqx.filter_eval_shape(
            eqx.nn.make_with_state(architecture), **self.config, key=jax.random.key(0)
        )
        leaves, treedef = jax.tree.flatten((model, state))
        names = _names(model, state)
        missing, unknown = set(names) - set(self.arrays), set(self.arrays) - set(names)
        if missing or unknown:
            raise ValueError(
                f"the arrays are not those of a {name} with {self.config}: missing "
                f"{sorted(missing)}, unknown {sorted(unknown)}"
            )
        remaining = iter(names)
        for i, leaf in enumerate(leaves):
            if isinstance(leaf, jax.ShapeDtypeStruct):
                key = next(remaining)
                array = self.arrays[key]
                if array.shape != leaf.shape or array.dtype != leaf.dtype:
                    raise ValueError(
                        f"the array {key} of a {name} is {array.dtype} of shape {array.shape}, "
                        f"expected {leaf.dtype} of shape {leaf.shape}"
                    )
                leaves[i] = jnp.array(array)
        restored: tuple[Any, Any] = jax.tree.unflatten(treedef, leaves)
        return restored

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _version(model: Any) -> int:
    return int(getattr(model, "version", 1))


def _names(model: Any, state: Any) -> list[str]:
    """Names of the arrays of a model and its state, which hides its own names from JAX."""
    names = array_names(model)
    for key, value in zip(*reversed(state.tree_flatten()), strict=True):
        place = key.partition(".")[2]  # without the name of the class
        names += [f"state.{place}.{part}".strip(".") for part in array_names(value)]
    return names
