"""Train, and be killed after an epoch: ``python -m tests.deep.killed FOLDER EPOCH``."""

import os
import signal
import sys

from tests.deep.trainings import trained


def die(history):
    if len(history["loss"]) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    trained(checkpoint=sys.argv[1], callback=die)
