import json

import numpy as np
import pytest

from cocktailparty import Trial
from cocktailparty.cli import main
from cocktailparty.datasets import (
    TrialStore,
    detect,
    load,
    simulate_two_talkers,
    write_trial_store,
)
from linear_aad import AttentionDecoder, BackwardTRF


@pytest.fixture(scope="module")
def trials():
    return simulate_two_talkers(
        n_subjects=2, n_trials=2, duration=10, n_channels=4, random_state=0
    ).trials


@pytest.fixture
def store(trials, tmp_path):
    return write_trial_store(trials, tmp_path / "store", {"about": "test"})


def test_trials_come_back(store, trials):
    assert len(store) == len(trials)
    assert store.sfreq == 64
    assert store.description == {"about": "test"}
    assert store.subjects == [trial.subject for trial in trials]
    assert store.stories == [trial.story for trial in trials]
    for came, wrote in zip(TrialStore(store.folder), trials, strict=True):
        np.testing.assert_array_equal(came.eeg, wrote.eeg.astype(np.float32))
        np.testing.assert_array_equal(came.stimuli, wrote.stimuli.astype(np.float32))
        for name in ("sfreq", "attended", "label", "channel_names", "provenance", "metadata"):
            assert getattr(came, name) == getattr(wrote, name)


def test_arrays_stay_on_the_disk(store):
    assert isinstance(store[0].eeg, np.memmap)
    assert isinstance(store[0].stimuli, np.memmap)
    assert not store[0].eeg.flags.writeable


def test_all_that_a_trial_has_comes_back(trials, tmp_path, rng):
    trial = trials[0].replace(
        audio=rng.normal(size=80000),
        audio_sfreq=8000,
        channel_positions=0.1 * np.eye(4, 3),
        metadata={"age": 40},
    )
    [came] = write_trial_store([trial], tmp_path / "store")
    np.testing.assert_allclose(came.audio, trial.audio, rtol=1e-6)
    np.testing.assert_allclose(came.channel_positions, trial.channel_positions, rtol=1e-6)
    assert came.audio_sfreq == 8000
    assert came.metadata == {"age": 40}


def test_streams_come_back(trials, tmp_path, rng):
    fast = Trial(rng.normal(size=(1280, 3)), rng.random((2, 1280)), 128)
    [came] = write_trial_store([trials[0].replace(streams={"fast": fast})], tmp_path / "store")
    assert came.streams["fast"].sfreq == 128
    np.testing.assert_allclose(came.streams["fast"].eeg, fast.eeg, rtol=1e-6)
    (tmp_path / "store" / "000000.0.eeg.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"000000\.0\.eeg\.npy is missing"):
        TrialStore(tmp_path / "store")


def test_store_is_a_sequence(store, trials):
    assert [trial.name for trial in store[1:3]] == [trial.name for trial in trials[1:3]]
    assert store[-1].label == trials[-1].label
    assert "4 trials of 2 subject(s) at 64 Hz" in repr(store)
    with pytest.raises(IndexError):
        store[4]


def test_store_is_found_by_its_files(store):
    assert detect(store.folder).key == "store"
    trials = load(store.folder)
    assert [trial.label for trial in trials] == [trial.label for trial in store]
    assert isinstance(trials[0].eeg, np.memmap)


def test_command_line_reads_a_store(store, tmp_path, capsys):
    run = ["compare", "--data", str(store.folder), "--decoders", "ledoit-wolf", "--cv", "trial"]
    run += ["--windows", "5", "--out", str(tmp_path / "out")]
    assert main([*run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    (store.folder / "000000.eeg.npy").write_bytes(b"")
    assert main(run) == 2
    assert "truncated" in capsys.readouterr().err


def test_decoders_take_a_store(store, trials):
    decoder = AttentionDecoder(BackwardTRF(0, 0.2, 64, 0.1, alpha_convention="relative"))
    of_store = decoder.fit(store).window_scores(store[0], 5)
    of_trials = decoder.fit(trials).window_scores(trials[0], 5)
    np.testing.assert_allclose(of_store, of_trials, atol=1e-3)


def test_one_trial_is_in_memory_at_a_time(trials, tmp_path):
    written = []

    def one_by_one():
        for i, trial in enumerate(trials):
            written.append(len(list((tmp_path / "store").glob("*.eeg.npy"))) == i)
            yield trial

    write_trial_store(one_by_one(), tmp_path / "store")
    assert written == [True] * len(trials)


def test_interrupted_writing_leaves_no_store(trials, tmp_path):
    def broken():
        yield trials[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trial_store(broken(), tmp_path / "store")
    with pytest.raises(FileNotFoundError, match="writing was interrupted"):
        TrialStore(tmp_path / "store")
    with pytest.raises(FileExistsError, match="new or empty folder"):
        write_trial_store(trials, tmp_path / "store")


def test_store_of_another_version(store):
    path = store.folder / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(ValueError, match=r"is of version 99 .* reads version 1"):
        TrialStore(store.folder)


def test_store_of_another_rate(store):
    assert TrialStore(store.folder, sfreq=64).sfreq == 64
    with pytest.raises(ValueError, match="at 64 Hz, expected sfreq=128: resample"):
        TrialStore(store.folder, sfreq=128)


def test_truncated_array(store):
    path = store.folder / "000001.eeg.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OSError, match=r"000001\.eeg\.npy has \d+ bytes, expected \d+: .*truncated"):
        TrialStore(store.folder)


def test_missing_array(store):
    (store.folder / "000000.stimuli.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"000000\.stimuli\.npy is missing"):
        TrialStore(store.folder)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", OSError, "is damaged"),
        ("[]", ValueError, "is not the index of a trial store"),
        ('{"format": "other"}', ValueError, "is not the index of a trial store"),
    ],
)
def test_damaged_index(store, text, error, message):
    (store.folder / "store.json").write_text(text)
    with pytest.raises(error, match=message):
        TrialStore(store.folder)


def test_trials_must_agree(trials, tmp_path, rng):
    other = Trial(rng.normal(size=(640, 3)), rng.random((2, 640)), 64)
    with pytest.raises(ValueError, match=r"trials\[1\] has n_channels=3 but trials\[0\] has 4"):
        write_trial_store([trials[0], other], tmp_path / "store")
    with pytest.raises(TypeError, match=r"trials\[0\] is a int"):
        write_trial_store([1], tmp_path / "other")  # type: ignore[list-item]
    with pytest.raises(ValueError, match="no trials were given"):
        write_trial_store([], tmp_path / "empty")
