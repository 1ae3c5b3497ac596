"""Contents of a file of weights, as immutable descriptions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Foreign:
    """Something that was not made, because its class is not known here.

    `name` is the global name in the file, such as "numpy.core.multiarray._reconstruct".
    """

    name: str


@dataclass(frozen=True)
class Storage:
    """Numbers that lie elsewhere in the file, from its element `first` on.

    `key` is its name within the file, `kind` its type, such as "FloatStorage"; `n` counts elements,
    or bytes for "UntypedStorage".
    """

    key: str
    kind: str
    n: int
    first: int = 0


@dataclass(frozen=True)
class Tensor:
    """A view into a storage, with offset, shape and strides in elements.

    `kind` is the type of the elements where the storage does not tell; `negative` and `conjugated`
    say that the sign, or that of the imaginary part, is still to be turned.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    kind: str = ""
    negative: bool = False
    conjugated: bool = False
