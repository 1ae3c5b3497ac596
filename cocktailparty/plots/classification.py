"""Figures of classifiers: confused classes, and maps of embeddings."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.plots.style import COLORS, axes_for, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def confusion_matrix(
    labels: Any, predicted: Any, classes: Any = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw which classes are confused with which.

    Parameters
    ----------
    labels, predicted : array-like of shape (n_clips,)
        True and predicted classes.
    classes : array-like, optional
        Order of the classes; None to sort them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        Shares of the clips of each true class (row) in per cent.

    Raises
    ------
    ValueError
        If the lengths differ, or there is nothing to draw.
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.shape != predicted.shape or not labels.size:
        raise ValueError(
            f"labels {labels.shape} and predicted {predicted.shape} must be equally long and not "
            "empty"
        )
    both = np.concatenate([labels, predicted])
    names = np.unique(both) if classes is None else np.asarray(classes)
    counts = np.array([[(predicted[labels == a] == b).sum() for b in names] for a in names])
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 1.5 + 0.45 * len(names)
    ax = axes_for(ax, (size + 0.5, size))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    for i, row in enumerate(shares):
        for k, share in enumerate(row):
            if counts[i, k]:
                color = "white" if share > 50 else "black"
                ax.text(k, i, f"{share:.0f}", ha="center", va="center", color=color, fontsize=8)
    texts = [plain(name) for name in names]
    ax.set_xticks(range(len(names)), texts, rotation=45, ha="right")
    ax.set_yticks(range(len(names)), texts)
    ax.set(xlabel="Predicted", ylabel="True (rows sum to 100 %)")
    return ax


def embedding_map(
    embeddings: Any, labels: Any, ax: "Axes | None" = None, random_state: int = 0
) -> "Axes":
    """Draw embeddings in a plane in which neighbours stay neighbours (t-SNE [1]_).

    Distances between far points mean nothing in it.

    Parameters
    ----------
    embeddings : array-like of shape (n_clips, n_features)
        Such as what `transform` gives.
    labels : array-like of shape (n_clips,)
        Labels that colours and markers show, such as the classes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new figure.
    random_state : int
        Decides the map.

    Returns
    -------
    ax : matplotlib.axes.Axes
        A point for each clip.

    Raises
    ------
    ValueError
        If there are fewer than three clips, or the lengths differ.

    References
    ----------
    .. [1] van der Maaten and Hinton (2008), "Visualizing data using t-SNE", JMLR 9,
       https://www.jmlr.org/papers/v9/vandermaaten08a.html.
    """
    from sklearn.manifold import TSNE

    embeddings, labels = np.asarray(embeddings), np.asarray(labels)
    if embeddings.ndim != 2 or len(embeddings) != len(labels) or len(labels) < 3:
        raise ValueError(
            f"embeddings {embeddings.shape} must be of at least 3 clips, with a label for each, "
            f"got {labels.shape}"
        )
    perplexity = min(30.0, (len(labels) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=random_state).fit_transform(
        embeddings
    )
    ax = axes_for(ax, (5.5, 4.5))
    for i, name in enumerate(np.unique(labels)):
        points = places[labels == name]
        marker = "osD^vP"[i // len(COLORS) % 6]
        color = COLORS[i % len(COLORS)]
        ax.scatter(
            points[:, 0],
            points[:, 1],
            s=12,
            marker=marker,
            color=color,
            label=plain(name),
            linewidths=0,
        )
    ax.set(xticks=[], yticks=[])
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    return ax
