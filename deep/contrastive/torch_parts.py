"""What a file of weights is made of, as descriptions that nothing can change."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Foreign:
    """Something that was not made, because its class is not known here.

    Attributes
    ----------
    name : str
        Global name in the file, such as "numpy.core.multiarray._reconstruct".
    """

    name: str


@dataclass(frozen=True)
class Storage:
    """Numbers that lie elsewhere in the file.

    Attributes
    ----------
    key : str
        Name within the file.
    kind : str
        Type, such as "FloatStorage".
    n : int
        Number of elements; of bytes for "UntypedStorage".
    first : int
        First element of a view into it.
    """

    key: str
    kind: str
    n: int
    first: int = 0


@dataclass(frozen=True)
class Tensor:
    """A view into a storage.

    Attributes
    ----------
    storage : Storage
        Its numbers.
    offset : int
        First element.
    shape, strides : tuple of int
        In elements.
    kind : str
        Type of the elements where the storage does not tell; empty if it does.
    negative, conjugated : bool
        Whether the sign, or that of the imaginary part, is still to be turned.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    kind: str = ""
    negative: bool = False
    conjugated: bool = False
