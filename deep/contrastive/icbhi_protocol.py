"""Protocol of the ICBHI challenge: all methods, several seeds, official split."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cocktailparty.datasets.sounds.icbhi import scores
from cocktailparty.datasets.sounds.sound_set import SoundSet
from deep.contrastive.task import METHODS

# Metadata to contrast: who was examined. The device would tell of the hospital.
_METADATA = ("sex", "age_group")


def icbhi_table(
    sounds: SoundSet,
    make: Callable[[str, int], Any],
    seeds: Iterable[int],
    done: list[dict[str, Any]],
    keep: Callable[[list[dict[str, Any]]], None],
) -> dict[str, dict[str, tuple[float, float]]]:
    """Train on the official training part and score on the official test part.

    Patients of the training part who are held out decide which epoch counts; the test part decides
    nothing.

    `sounds` are from `cocktailparty.datasets.sounds.icbhi.load`; `make(method, seed)` makes a
    classifier; rows of earlier calls in `done` are not computed again, and `keep` is called with
    all rows after each one. Returns for each method mean and standard deviation over the seeds of
    "specificity", "sensitivity" and "score", in per cent.
    """
    learning, testing = sounds.part("train"), sounds.part("test")
    rows = list(done)
    finished = {(row["method"], row["seed"]) for row in rows}
    for seed in seeds:
        for method in METHODS:
            if (method, seed) in finished:
                continue
            metadata = None
            if method == "mscl":
                metadata = np.stack([learning.metadata[name] for name in _METADATA], axis=1)
            classifier = make(method, seed)
            classifier.fit(
                learning.clips, learning.labels, metadata=metadata,
                groups=learning.metadata["patient"],
            )  # fmt: skip
            results = scores(testing.labels, classifier.predict(testing.clips))
            rows.append({"method": method, "seed": seed, **results})
            keep(rows)
    table = {}
    for method in METHODS:
        of_method = [row for row in rows if row["method"] == method]
        table[method] = {
            name: (
                100 * float(np.mean([row[name] for row in of_method])),
                100
                * float(np.std([row[name] for row in of_method], ddof=min(len(of_method) - 1, 1))),
            )
            for name in ("specificity", "sensitivity", "score")
        }
    return table
