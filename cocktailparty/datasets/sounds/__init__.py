"""Sets of labelled sounds, found by their files and read lazily.

A set is a module, or a part of `folders`, with a `SoundCorpus` that describes it, and one line in
`SOUND_CORPORA`. Nothing is shipped or downloaded.
"""

from pathlib import Path

from cocktailparty.datasets.sounds import folders, icbhi, spoken_digits
from cocktailparty.datasets.sounds.sound_set import SoundCorpus, SoundSet

__all__ = ["SOUND_CORPORA", "SoundCorpus", "SoundSet", "load_sounds"]

#: Known sets by name; the more special layouts come first.
SOUND_CORPORA: dict[str, SoundCorpus] = {
    corpus.key: corpus
    for corpus in (
        spoken_digits.CORPUS,
        icbhi.CORPUS,
        folders.WORDS,
        folders.VOCAL,
        folders.SCENES,
        folders.FOLDERS,
    )
}


def load_sounds(path: Path | str, corpus: str | None = None) -> SoundSet:
    """Read a set of labelled sounds; the files themselves are read when they are needed.

    Parameters
    ----------
    path : path-like
        Folder of a set, folder with a folder for each class, or a CSV table with the columns
        ``file`` and ``label``, see `cocktailparty.datasets.sounds.folders.load_table`.
    corpus : str, optional
        Name of the set, one of `SOUND_CORPORA`; None to find it out by the files.

    Returns
    -------
    sounds : SoundSet
        Clips with classes, metadata and split.

    Raises
    ------
    FileNotFoundError
        If the path or a part of the set is missing; says where to get it.
    ValueError
        If the name is unknown, or the folder has no known layout.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: give a folder of sounds or a CSV table")
    if path.is_file():
        return folders.load_table(path)
    if corpus is not None:
        if corpus not in SOUND_CORPORA:
            raise ValueError(f"corpus must be one of {sorted(SOUND_CORPORA)}, got {corpus!r}")
        return SOUND_CORPORA[corpus].load(path)
    detected = next((one for one in SOUND_CORPORA.values() if one.detect(path)), None)
    if detected is None:
        known = "; ".join(f"{one.key} ({one.layout})" for one in SOUND_CORPORA.values())
        raise ValueError(f"{path} has the layout of no known set of sounds, expected: {known}")
    return detected.load(path)
