import subprocess
import sys

from deep.siglip.presets import KERNELS, THESIS_SPACE
from deep.siglip.space import THESIS_BUDGET, suggest


class Recorder:
    """A trial that takes one of the choices and remembers what it was offered."""

    def __init__(self, index):
        self.index = index
        self.offered = {}

    def suggest_categorical(self, name, choices):
        self.offered[name] = choices
        return choices[self.index % len(choices)]

    def suggest_float(self, name, low, high, *, log):
        self.offered[name] = (low, high, log)
        return (low * high) ** 0.5


def test_the_space_of_the_thesis():
    trial = Recorder(0)
    suggest(trial)
    assert len(trial.offered.pop("kernels")) == 15
    assert trial.offered == {
        "overlap": (0.5, 0.6, 0.7),
        "learning_rate": (1e-5, 1e-3, True),
        "batch_size": (64, 128),
        "temperature": (5, 10),
        "bias": (5, 10, 20),
        "n_embedding": (8, 10, 16),
        "n_reconstructor": (28, 30, 32, 34),
        "weight_decay": (1e-5, 1e-3, True),
        "sound_dropout": (0.2, 0.3, 0.4, 0.5),
        "eeg_dropout": (0.2, 0.3, 0.4, 0.5),
    }
    assert THESIS_BUDGET == {"n_trials": 50, "max_epochs": 100}


def test_every_list_of_kernels_can_be_drawn():
    drawn = [suggest(Recorder(i))["kernels"] for i in range(15)]
    assert sorted(drawn) == sorted(KERNELS)
    assert len(set(drawn)) == 15


def test_drawn_names_are_parameters_of_the_decoder():
    code = "import sys, deep.siglip.space; print('jax' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
    drawn = suggest(Recorder(3))
    assert set(drawn) == {*THESIS_SPACE, "preset", "max_epochs"}


def test_decoder_takes_what_is_drawn():
    from deep.siglip.estimator import SigLIPDecoder

    drawn = suggest(Recorder(2))
    parameters = SigLIPDecoder().set_params(**drawn).get_params()
    assert {name: parameters[name] for name in drawn} == drawn
