"""Fixtures of the ground floor."""

import errno

import numpy as np
import pandas as pd
import pytest

from tests.cocktailparty.tested import records


@pytest.fixture(scope="session")
def comparison() -> pd.DataFrame:
    """Table as evaluation.compare returns it, with a decoder that works and one that guesses."""
    rng = np.random.default_rng(4)
    rows = []
    for decoder, slope in (("ridge", 0.006), ("guess", 0.0)):
        for subject in ("S1", "S2", "S3"):
            for fold, n_seconds in (("a", 240), ("b", 180), ("c", 200)):
                for window in (5.0, 20.0, 60.0):
                    n_windows = int(n_seconds // window)
                    n_correct = int(rng.binomial(n_windows, 0.6 + slope * window - 10 * slope))
                    rows.append(
                        {
                            "decoder": decoder,
                            "subject": subject,
                            "fold": fold,
                            "window": window,
                            "accuracy": n_correct / n_windows,
                            "n_correct": n_correct,
                            "n_windows": n_windows,
                            "r_attended": rng.normal(0.1, 0.05),
                            "r_unattended": rng.normal(0.05, 0.05),
                            "n_stimuli": 2,
                            "chance": 0.5,
                            "n_undecidable": 0,
                            "task": "attention",
                            "trials": records(
                                n_windows,
                                n_correct,
                                4,
                                4 * ("ab".find(fold) % 3 + 3 * int(subject[1])),
                                group=int(subject[1]),
                            ),
                        }
                    )
    return pd.DataFrame(rows)


@pytest.fixture
def full_disk(monkeypatch):
    """Let every file that is to be complete on the disk find no room there."""

    def fsync(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cocktailparty.files.os.fsync", fsync)
