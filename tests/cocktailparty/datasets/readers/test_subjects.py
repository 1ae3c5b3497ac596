import re

import pytest

from cocktailparty.datasets.readers.subjects import chosen, subject_files

PATTERN = re.compile(r"S(\d+)\.mat")


def test_files_are_sorted_by_number(tmp_path):
    for name in ("S10.mat", "S2.mat", "S1.mat.part", "notes.txt"):
        (tmp_path / name).touch()
    files = subject_files(tmp_path, PATTERN, "S1.mat")
    assert files == {"S2": tmp_path / "S2.mat", "S10": tmp_path / "S10.mat"}
    assert list(files) == ["S2", "S10"]
    assert list(subject_files(tmp_path, PATTERN, "S1.mat", ["S10"])) == ["S10"]


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_no_file_gives_an_example(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"has no file of a subject, such as S1\.mat"):
        subject_files(tmp_path / folder, PATTERN, "S1.mat")


def test_choice_keeps_the_order_of_the_corpus(tmp_path):
    found = {"S1": 1, "S2": 2, "S10": 10}
    assert list(chosen(found, ["S10", "S1"], tmp_path)) == ["S1", "S10"]
    assert chosen(found, "S2", tmp_path) == {"S2": 2}
    assert chosen(found, None, tmp_path) == found
    for wrong in (["S3"], ["S1", "S3"], []):
        with pytest.raises(ValueError, match="has S1, S2, S10; name one or more"):
            chosen(found, wrong, tmp_path)
