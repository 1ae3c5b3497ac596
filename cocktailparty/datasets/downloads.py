"""Downloads of the files of a Zenodo record, checked against the checksums that the host states."""

import json
import tempfile
import zipfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from cocktailparty.datasets.corpus import Corpus

_API = "https://zenodo.org/api/records/{}"


def fetch_json(address: str) -> Any:
    """Fetch a JSON document; an OSError if the host cannot be reached, or has no such document."""
    try:
        with urlopen(address, timeout=60) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise OSError(f"{address} cannot be read ({error}): try again later") from error


def fetch_record(corpus: Corpus, folder: Path, progress: bool, fetch: Callable[[str], Any]) -> Path:
    """Fetch and unpack the files of a corpus.

    Parameters
    ----------
    corpus : Corpus
        Description that names the record and its files.
    folder : Path
        Where to store them.
    progress : bool
        Show a progress bar.
    fetch : callable
        Takes the address of the record, returns its description.

    Returns
    -------
    path : Path
        Folder that the reader of the corpus takes.

    Raises
    ------
    ValueError
        If there is no record, or a file has another checksum than the host states.
    OSError
        If the record cannot be reached or is not as expected.
    """
    import pooch

    if corpus.zenodo is None:
        raise ValueError(
            f"{corpus.key} has to be downloaded by hand: get {corpus.layout} from {corpus.obtain}"
        )
    address = _API.format(corpus.zenodo)
    wanted = _wanted_files(fetch(address), corpus.files, address)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (link, checksum) in wanted.items():
        file = Path(pooch.retrieve(link, checksum, fname=name, path=folder, progressbar=progress))
        if file.suffix == ".zip":
            _unpack(file, folder / file.stem)
    places = [folder, *sorted(place for place in folder.iterdir() if place.is_dir())]
    for place in places:
        if corpus.detect(place):
            return place
    raise OSError(
        f"{folder} does not hold {corpus.layout} after the download of {corpus.files}: has record "
        f"{corpus.zenodo} changed?"
    )


def _wanted_files(
    record: Any, patterns: tuple[str, ...], address: str
) -> dict[str, tuple[str, str]]:
    """Address and checksum of each file of a record that a pattern asks for."""
    try:
        sources = {
            entry["key"]: (entry["links"]["self"], entry["checksum"]) for entry in record["files"]
        }
    except (KeyError, TypeError) as error:
        raise OSError(f"{address} does not list files as expected: {error!r}") from error
    missing = [p for p in patterns if not any(fnmatch(name, p) for name in sources)]
    if missing:
        raise OSError(f"{address} has no file {missing}, only {sorted(sources)}")
    return {
        # A name is no path: what a host says must not lead out of the folder.
        Path(name).name: source
        for name, source in sources.items()
        if any(fnmatch(name, p) for p in patterns)
    }


def _unpack(archive: Path, target: Path) -> None:
    """Unpack an archive as a folder, whether or not its files lie in a folder in it."""
    if target.exists():
        return
    with tempfile.TemporaryDirectory(dir=archive.parent) as temporary:
        with zipfile.ZipFile(archive) as content:
            names = [name for name in content.namelist() if not name.startswith("__MACOSX")]
            content.extractall(temporary, names)
        unpacked = Path(temporary, "unpacked")
        entries = list(Path(temporary).iterdir())
        if len(entries) == 1 and entries[0].is_dir():
            entries[0].rename(unpacked)
        else:
            unpacked.mkdir()
            for entry in entries:
                entry.rename(unpacked / entry.name)
        unpacked.rename(target)
