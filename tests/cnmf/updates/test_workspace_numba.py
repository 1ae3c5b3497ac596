import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from cnmf.updates.workspace_numba import Workspace, read_only

ROOT = Path(__file__).parents[3]

# The suite runs with one thread of Numba.
TWO_THREADS = {**os.environ, "NUMBA_NUM_THREADS": "2"}


def test_two_threads():
    """See `tests.cnmf.updates.two_threads`; one process for all, since a start takes seconds."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.cnmf.updates.two_threads"]
    found = subprocess.run(command, capture_output=True, text=True, env=TWO_THREADS, cwd=ROOT)
    assert found.returncode == 0, found.stderr


def test_memory_is_made_once_in_whole_vectors():
    workspace = Workspace()
    first = workspace.buffer("sums", (3, 5), np.float32)
    assert workspace.buffer("sums", (3, 5), np.float32) is first
    assert workspace.buffer("sums", (3, 5), np.float64) is not first
    matrix = np.arange(15, dtype=np.float32).reshape(5, 3).T
    copy = workspace.padded_copy("w", matrix)
    np.testing.assert_array_equal(copy[:, :5], matrix)
    assert not copy[:, 5:].any()
    assert not copy.flags.writeable


def test_read_only_views_share_memory_where_they_can():
    x = np.ones((2, 3))
    assert np.shares_memory(read_only(x), x)
    assert x.flags.writeable
    assert not read_only(x).flags.writeable
    assert read_only(x.T).flags.c_contiguous
