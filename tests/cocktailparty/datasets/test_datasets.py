import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from cocktailparty import datasets
from cocktailparty.datasets import CORPORA
from cocktailparty.electrodes.montages import locate
from cocktailparty.model_selection.splits import SPLITS, folds
from tests.cocktailparty.datasets import miniatures, originals, rawfiles

WRITERS = {
    "two-talker": miniatures.write_two_talker,
    "dtu-single-talker": miniatures.write_dtu,
    "cnd": miniatures.write_cnd,
    "etard-outputs": miniatures.write_etard,
    "kul-correlations": miniatures.write_kul,
    "kul": originals.write_kul_aad,
    "dtu": originals.write_dtu_aad,
    "dtu-raw": originals.write_dtu_raw,
    "broderick-cocktail-party": originals.write_broderick_cocktail_party,
    "broderick-natural-speech": originals.write_broderick_natural_speech,
    "sparrkulee": originals.write_sparrkulee,
    "sparrkulee-raw": rawfiles.write_sparrkulee_raw,
    "madeeg": originals.write_madeeg,
    "etard": rawfiles.write_etard_raw,
}

CAPS = {
    **dict.fromkeys(
        ("two-talker", "broderick-cocktail-party", "broderick-natural-speech"), "biosemi128"
    ),
    **dict.fromkeys(("dtu-single-talker", "dtu", "dtu-raw", "kul"), "biosemi64"),
    **dict.fromkeys(("sparrkulee", "sparrkulee-raw"), "biosemi64"),
    "etard": "easycap-M1",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder of a corpus, written once: no test here changes it."""

    @cache
    def write(key):
        folder = tmp_path_factory.mktemp(key)
        WRITERS[key](folder, np.random.default_rng(20260))
        return folder

    return write


@pytest.fixture
def corpus_folder(written, request):
    """Folder of the corpus that a test names as its parameter `key`."""
    key = request.getfixturevalue("key")
    if key == "madeeg":
        pytest.importorskip("yaml")
    return written(key)


@pytest.mark.parametrize("key", WRITERS)
def test_folder_is_recognised_by_its_own_corpus_alone(corpus_folder, key):
    assert [corpus.key for corpus in CORPORA.values() if corpus.detect(corpus_folder)] == [key]
    assert datasets.detect(str(corpus_folder)) is CORPORA[key]


@pytest.mark.parametrize("key", [key for key in WRITERS if CORPORA[key].load])
def test_load_finds_the_reader(corpus_folder, key):
    trials = datasets.load(str(corpus_folder))
    named = datasets.load(corpus_folder, corpus=key)
    assert len(trials) == len(named) >= 3
    for trial, same in zip(trials, named, strict=True):
        np.testing.assert_array_equal(trial.eeg, same.eeg)
    if key in CAPS:
        expected = locate(trials[0].channel_names, CAPS[key]).positions
        assert not np.isnan(expected).any()
        for trial in trials:
            np.testing.assert_array_equal(trial.channel_positions, expected)
            assert (
                trial.provenance["positions"]
                == f"the montage {CAPS[key]!r}, the cap of the data set"
            )


@pytest.mark.parametrize("key", [key for key in WRITERS if CORPORA[key].load])
def test_default_split_fits_the_labels(corpus_folder, key):
    parts = folds(datasets.load(corpus_folder), CORPORA[key].default_cv, n_splits=2, gap=0.1)
    assert len(parts) >= 2


@pytest.mark.parametrize("key", [key for key in WRITERS if not CORPORA[key].load])
def test_folder_without_eeg_names_its_reader(corpus_folder, key):
    reader = CORPORA[key].reader
    assert reader in datasets.__all__
    with pytest.raises(ValueError, match=rf"holds no EEG but .*cocktailparty\.datasets\.{reader}"):
        datasets.load(corpus_folder)


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist: give the folder"):
        datasets.load(tmp_path / "nowhere")


def test_file_in_place_of_a_folder_is_refused(tmp_path, rng):
    miniatures.write_dtu(tmp_path, rng)
    with pytest.raises(NotADirectoryError, match=r"DTU_S2_000\.npz is a file: give the folder"):
        datasets.detect(tmp_path / "DTU_S2_000.npz")


def test_unknown_layout_lists_what_is_known(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="layout of no known corpus") as error:
        datasets.load(tmp_path)
    for corpus in CORPORA.values():
        assert f"{corpus.key} ({corpus.layout})" in str(error.value)


def test_folder_of_two_corpora_asks_which(tmp_path, rng):
    miniatures.write_cnd(tmp_path, rng)
    miniatures.write_dtu(tmp_path, rng)
    with pytest.raises(ValueError, match=r"layout of \['dtu-single-talker', 'cnd'\]"):
        datasets.load(tmp_path)
    assert len(datasets.load(tmp_path, corpus="dtu-single-talker")) == 4


def test_unknown_corpus_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"corpus must be one of .*'cnd'.*, got 'kull'"):
        datasets.load(tmp_path, corpus="kull")


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA)
def test_corpora_with_eeg_have_a_split(corpus):
    assert (corpus.default_cv in SPLITS) == (corpus.load is not None)


def test_import_is_light():
    heavy = {"h5py", "mne", "librosa", "matplotlib", "pandas", "scipy.io", "soundfile"}
    code = f"import sys, cocktailparty.datasets; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
