"""Choice of whole groups of examples to hold out, with about the same share of each class."""

import numpy as np


def stratified_groups(
    groups: np.ndarray, classes: np.ndarray, fraction: float, seed: int
) -> np.ndarray:
    """Choose whole groups with about a share of the examples of each class: mask, (n_examples,).

    Groups are added one by one, always the one that brings the shares of the classes nearest to
    `fraction`, until none does; at least one. No class loses its last group. `groups` and `classes`
    have shape (n_examples,); `seed` decides between groups that are equally good.

    Raises `ValueError` if the classes are not one per example, or each group has all examples of a
    class, so that none can be held out.

    Examples
    --------
    >>> groups, classes = np.arange(8) // 2, np.array([0, 0, 1, 1, 0, 0, 1, 1])
    >>> chosen = stratified_groups(groups, classes, 0.5, seed=0)
    >>> np.bincount(classes[chosen]).tolist()
    [2, 2]
    """
    if classes.shape != groups.shape:
        raise ValueError(
            f"classes has shape {classes.shape}, expected one for each of {len(groups)} examples"
        )
    names, group_of = np.unique(groups, return_inverse=True)
    n_classes, class_of = np.unique(classes, return_inverse=True)
    counts = np.zeros((len(names), len(n_classes)))
    np.add.at(counts, (group_of, class_of), 1.0)
    shares = counts / counts.sum(axis=0)
    n_groups_of_class = (counts > 0).sum(axis=0)
    # The order of the draw decides between groups that are as good.
    waiting = np.random.default_rng(seed).permutation(len(names))
    have = np.zeros(len(n_classes))
    chosen: list[int] = []
    while len(waiting):
        taken = (counts[chosen] > 0).sum(axis=0)
        left = n_groups_of_class - taken - (counts[waiting] > 0)
        allowed = (left > 0).all(axis=1)
        error = np.square(have + shares[waiting] - fraction).sum(axis=1)
        error[~allowed] = np.inf
        best = int(np.argmin(error))
        worse = error[best] >= np.square(have - fraction).sum()
        if not allowed.any() or (chosen and worse):
            break
        chosen.append(int(waiting[best]))
        have = have + shares[waiting[best]]
        waiting = np.delete(waiting, best)
    if not chosen:
        raise ValueError(
            "no group of examples can be held out: each is the only one of some class. Pass more "
            "groups, or set validation_fraction=0"
        )
    return np.isin(group_of, chosen)
