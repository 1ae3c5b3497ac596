import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnmf.solver import solve
from cnmf.updates.workspace_numba import Means, locked

FORKED = """
import os
import numpy as np
from cnmf import ContrastiveNMF
x = np.random.default_rng(0).uniform(size=(3000, 100))
def fit():
    model = ContrastiveNMF(4, 2, contrast_weight=0, init="random", max_iter=3, random_state=0)
    return model.fit(x).components_
here, (reader, writer) = fit(), os.pipe()
if os.fork() == 0:
    os.write(writer, fit().tobytes())
    os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert os.read(reader, 2 * here.nbytes) == here.tobytes()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_gets_the_same():
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], check=True, timeout=300)


def test_two_threads_of_python_do_not_disturb_each_other(problem):
    p = problem(n_frames=3000, n_freqs=100, n_components=8, dtype="float32")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: solve(*p, 20, 0.0), range(8)))
    for one in found:
        np.testing.assert_array_equal(one.components, found[0].components)


def test_memory_is_made_once_in_whole_vectors():
    means = Means()
    first = means.room("sums", (3, 5), np.float32)
    assert means.room("sums", (3, 5), np.float32) is first
    assert means.room("sums", (3, 5), np.float64) is not first
    matrix = np.arange(15, dtype=np.float32).reshape(5, 3).T
    copy = means.vectors("w", matrix)
    np.testing.assert_array_equal(copy[:, :5], matrix)
    assert not copy[:, 5:].any()
    assert not copy.flags.writeable


def test_locked_views_share_memory_where_they_can():
    x = np.ones((2, 3))
    assert np.shares_memory(locked(x), x)
    assert x.flags.writeable
    assert not locked(x).flags.writeable
    assert locked(x.T).flags.c_contiguous
