import json

import numpy as np
import pytest
import soundfile

from cocktailparty.datasets.sounds import SOUND_CORPORA, load_sounds
from cocktailparty.datasets.sounds.icbhi import scores
from cocktailparty.recordings.audio.clips import read_clip


def sound(path, n=40, sfreq=8000, value=0.25):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(n, value), sfreq)


def test_spoken_digits_as_single_files(tmp_path):
    for digit in (1, 0):
        for take in (0, 10, 4, 5):
            sound(tmp_path / f"{digit}_anna_{take}.wav", 40 + take)
    found = load_sounds(tmp_path)
    assert found.labels.tolist() == 4 * ["0"] + 4 * ["1"]
    assert found.metadata["take"].tolist() == 2 * [0, 4, 5, 10]
    assert set(found.metadata["speaker"]) == {"anna"}
    assert found.split.tolist() == 2 * ["test", "test", "train", "train"]
    assert len(found) == 8
    train = found.part("train")
    assert train.labels.tolist() == ["0", "0", "1", "1"]
    assert read_clip(train.clips[1]).shape == (50,)
    with pytest.raises(ValueError, match=r"no clips of the split 'validation', but of \['test'"):
        found.part("validation")


def test_spoken_digits_joined_with_an_index(tmp_path):
    x = np.arange(100) / 200
    soundfile.write(tmp_path / "anna.flac", x, 8000)
    (tmp_path / "index.csv").write_text(
        "file,digit,speaker,sex,take,start,frames,official_split\n"
        "fsdd/anna.flac,3,anna,female,7,20,30,train\nfsdd/anna.flac,3,anna,female,0,0,20,test\n"
    )
    found = load_sounds(tmp_path)
    assert found.metadata["sex"].tolist() == ["female", "female"]
    assert found.split.tolist() == ["test", "train"]
    np.testing.assert_allclose(read_clip(found.clips[1]), x[20:50], atol=1e-4)
    (tmp_path / "index.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="it is no index of digits"):
        load_sounds(tmp_path, "spoken-digits")


def test_the_real_digits(shared_data):
    found = load_sounds(shared_data("audio/fsdd"))
    assert len(found) == 2000
    assert {(found.labels == digit).sum() for digit in map(str, range(10))} == {200}
    assert len(set(found.metadata["speaker"])) == 4
    lengths = [clip.rate_and_length()[1] for clip in found.clips[::100]]
    assert min(lengths) > 500
    assert np.isfinite(read_clip(found.clips[-1])).all()


@pytest.fixture
def lungs(tmp_path):
    folder = tmp_path / "database"
    for name, rows in {
        "101_1b1_Al_sc_Meditron": "0.0\t1.0\t0\t0\n1.0\t2.0\t1\t0\n",
        "102_1b1_Ar_mc_AKGC417L": "0.5\t1.5\t0\t1\n1.5\t2.0\t1\t1\n",
    }.items():
        sound(folder / f"{name}.wav", 400, 200)
        (folder / f"{name}.txt").write_text(rows)
    (tmp_path / "ICBHI_challenge_train_test.txt").write_text(
        "101_1b1_Al_sc_Meditron\ttrain\n102_1b1_Ar_mc_AKGC417L\ttest\n"
    )
    (tmp_path / "ICBHI_Challenge_demographic_information.txt").write_text(
        "101 3 F NA 19 99\n102 75 M 33.7 NA NA\n103 NA NA NA NA NA\n"
    )
    return folder


def test_breath_cycles(lungs):
    found = load_sounds(lungs)
    assert found.labels.tolist() == ["normal", "crackle", "wheeze", "both"]
    assert found.split.tolist() == ["train", "train", "test", "test"]
    assert found.metadata["patient"].tolist() == ["101", "101", "102", "102"]
    assert found.metadata["age_group"].tolist() == ["child", "child", "adult", "adult"]
    assert found.metadata["sex"].tolist() == ["F", "F", "M", "M"]
    assert found.metadata["device"].tolist()[2] == "AKGC417L"
    assert found.groups == "patient"
    assert [len(read_clip(clip)) for clip in found.clips] == [200, 200, 200, 100]
    (lungs.parent / "ICBHI_Challenge_demographic_information.txt").unlink()
    assert set(load_sounds(lungs).metadata["age"]) == {None}


def test_breath_cycles_with_something_missing(lungs):
    annotation = lungs / "101_1b1_Al_sc_Meditron.txt"
    annotation.write_text("0.0\t1.0\t0\n")
    with pytest.raises(ValueError, match=r"Meditron\.txt, line 1: expected start, end, crackles"):
        load_sounds(lungs)
    annotation.unlink()
    with pytest.raises(FileNotFoundError, match=r"the annotation .*Meditron\.txt is missing"):
        load_sounds(lungs)
    (lungs.parent / "ICBHI_challenge_train_test.txt").write_text("101_1b1_Al_sc_Meditron test\n")
    annotation.write_text("0.0\t1.0\t0\t0\n")
    with pytest.raises(ValueError, match="does not name 102_1b1"):
        load_sounds(lungs)
    (lungs.parent / "ICBHI_challenge_train_test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"no official split .*bhichallenge"):
        load_sounds(lungs)


def test_scores_of_the_challenge():
    true = np.repeat(["normal", "crackle", "wheeze", "both"], [10, 4, 2, 2])
    found = scores(true, np.where(np.arange(18) < 14, true, "normal"))
    assert found == {"specificity": 1.0, "sensitivity": 0.5, "score": 0.75}
    with pytest.raises(ValueError, match="need normal and abnormal cycles"):
        scores(true[:10], true[:10])
    with pytest.raises(ValueError, match="differ in shape"):
        scores(true, true[:3])


def test_words_of_speech_commands(tmp_path):
    words = ("yes/0a7c2a8d_nohash_0", "no/0a7c2a8d_nohash_1", "no/1b1b1b1b_nohash_0")
    for name in (*words, "_background_noise_/white_noise"):
        sound(tmp_path / f"{name}.wav")
    (tmp_path / "testing_list.txt").write_text("no/1b1b1b1b_nohash_0.wav\n")
    with pytest.raises(FileNotFoundError, match=r"validation_list\.txt is missing: get Speech"):
        load_sounds(tmp_path)
    (tmp_path / "validation_list.txt").write_text("yes/0a7c2a8d_nohash_0.wav\n")
    found = load_sounds(tmp_path)
    assert found.labels.tolist() == ["no", "no", "yes"]
    assert found.split.tolist() == ["train", "test", "validation"]
    assert found.metadata["speaker"].tolist() == ["0a7c2a8d", "1b1b1b1b", "0a7c2a8d"]


def test_sounds_of_voices(tmp_path):
    for name in ("f0003_0_cough", "m0010_0_laughter"):
        sound(tmp_path / "audio_16k" / f"{name}.wav")
    with pytest.raises(FileNotFoundError, match=r"tr\.json is missing"):
        load_sounds(tmp_path)
    (tmp_path / "datafiles").mkdir()
    for side, name in (("tr", "f0003_0_cough"), ("te", "m0010_0_laughter"), ("val", "none")):
        entry = {"wav": f"/data/{name}.wav", "labels": "/m/x"}
        (tmp_path / "datafiles" / f"{side}.json").write_text(json.dumps({"data": [entry]}))
    found = load_sounds(tmp_path)
    assert found.labels.tolist() == ["cough", "laughter"]
    assert found.metadata["sex"].tolist() == ["f", "m"]
    assert found.split.tolist() == ["train", "test"]


def test_scenes(tmp_path):
    for side in ("Train", "Val", "Test"):
        for scene in ("Bus", "Park"):
            sound(tmp_path / side / scene / f"{scene}_user1_0.wav")
    found = load_sounds(tmp_path)
    assert found.labels.tolist() == 3 * ["Bus", "Park"]
    assert found.split.tolist() == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    for file in (tmp_path / "Val" / "Bus").iterdir():
        file.unlink()
    assert len(load_sounds(tmp_path)) == 5


def test_own_folders_and_tables(tmp_path):
    sound(tmp_path / "dog" / "b.wav")
    sound(tmp_path / "cat" / "a.flac")
    found = load_sounds(tmp_path)
    assert found.labels.tolist() == ["cat", "dog"]
    assert not len(found.split)
    table = tmp_path / "table.csv"
    table.write_text("file,label,start,stop,who,split\ndog/b.wav,dog,0.001,0.003,anna,train\n"
                     "cat/a.flac,cat,,,,test\n")  # fmt: skip
    found = load_sounds(table)
    assert found.metadata["who"].tolist() == ["anna", None]
    assert (found.clips[0].start, found.clips[0].stop) == (0.001, 0.003)
    assert read_clip(found.clips[1]).shape == (40,)
    table.write_text("file,label,start\ndog/b.wav,dog,soon\n")
    with pytest.raises(ValueError, match=r"table\.csv, line 2: could not convert"):
        load_sounds(table)
    table.write_text("name\nx\n")
    with pytest.raises(ValueError, match="must have the columns file and label"):
        load_sounds(table)


@pytest.mark.parametrize("key", SOUND_CORPORA)
def test_an_empty_folder_says_what_is_missing_and_where_it_is(tmp_path, key):
    with pytest.raises(FileNotFoundError) as caught:
        load_sounds(tmp_path, key)
    assert str(tmp_path) in str(caught.value)
    if key != "folders":
        assert "get" in str(caught.value)


def test_paths_that_cannot_be(tmp_path):
    with pytest.raises(FileNotFoundError, match="give a folder of sounds or a CSV table"):
        load_sounds(tmp_path / "none")
    with pytest.raises(ValueError, match="layout of no known set"):
        load_sounds(tmp_path)
    with pytest.raises(ValueError, match="corpus must be one of"):
        load_sounds(tmp_path, "esc")
