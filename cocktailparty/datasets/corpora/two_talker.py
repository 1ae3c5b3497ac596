"""The two-talker EEG that E. Teoh published with her decoding example."""

import re
from pathlib import Path

import numpy as np

from cocktailparty.datasets.corpus import Corpus
from cocktailparty.datasets.readers.arrays import cells, read_mat
from cocktailparty.electrodes.biosemi import BIOSEMI_128
from cocktailparty.electrodes.caps import on_cap
from cocktailparty.trial import Trial

_SFREQ = 128.0
_TRIAL_FILE = re.compile(r"([12])_(\d+)\.mat")
_ORDER_FILE = "competing_speaker_order.mat"
# Of each talker's stories 1 to 20 are attended in one block, and some of 21 to 40 ignored in the
# other: the file name and the order file say which.
_IGNORED = {1: "blk1_M_Order", 2: "blk2_F_Order"}


def load(path: Path | str, reference: str | None = None) -> list[Trial]:
    """Load the two-talker trials.

    In block 1 a female talker was attended and a male one ignored, in block 2 the other way
    round. The stimuli are always in the order (female, male), so `attended` is 0 in block 1 and 1
    in block 2.

    Parameters
    ----------
    path : path-like
        Folder with the files ``{block}_{trial}.mat`` of one subject, `F_env.mat`, `M_env.mat` and
        `competing_speaker_order.mat`.
    reference : {None, "mastoids"}
        Subtract the mean of the mastoid channels, or leave the EEG as it was published: band-pass
        filtered, 128 channels, in a unit that is not stated (microvolts by its size).

    Returns
    -------
    trials : list of Trial
        Sorted by block and trial. The story is the attended one, such as "F01".

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    OSError
        If a file is damaged.
    ValueError
        If a file holds something else, or envelopes and EEG differ in length.
    """
    path = Path(path)
    if reference not in (None, "mastoids"):
        raise ValueError(f"reference must be None or 'mastoids', got {reference!r}")
    numbers = sorted(
        (int(match[1]), int(match[2]))
        for match in map(_TRIAL_FILE.fullmatch, _names(path))
        if match
    )
    if not numbers:
        raise FileNotFoundError(f"{path} has no file {{block}}_{{trial}}.mat, such as 1_1.mat")
    envelopes = {talker: _read_envelopes(path / f"{talker}_env.mat") for talker in "FM"}
    orders = read_mat(path / _ORDER_FILE, *_IGNORED.values())
    return [
        _load_trial(path, block, number, envelopes, orders[_IGNORED[block]].ravel(), reference)
        for block, number in numbers
    ]


def _detect(path: Path) -> bool:
    names = _names(path)
    return any(map(_TRIAL_FILE.fullmatch, names)) and bool(
        {"F_env.mat", "M_env.mat", _ORDER_FILE} & names
    )


CORPUS = Corpus(
    key="two-talker",
    title="Two-talker EEG (Teoh)",
    description=(
        "Attention to one of two simultaneous talkers: 1 subject, trials of 60 s, 128 channels at "
        "128 Hz, band-pass filtered, with broadband envelopes of both talkers"
    ),
    layout=(
        "1_1.mat, 1_2.mat, ... ({block}_{trial}.mat), F_env.mat, M_env.mat and "
        "competing_speaker_order.mat"
    ),
    obtain="GitHub, eteohx/EEG_cocktail_decoding, folder data; no licence is stated",
    reference="Teoh, E. S. EEG_cocktail_decoding (code and data). GitHub",
    detect=_detect,
    load=load,
    default_cv="trial",
)


def _names(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()}


def _read_envelopes(path: Path) -> list[np.ndarray]:
    envelopes = cells(read_mat(path, "stim1")["stim1"], f"{path}: stim1")
    return [np.ravel(envelope) for envelope in envelopes.ravel()]


def _load_trial(
    path: Path,
    block: int,
    number: int,
    envelopes: dict[str, list[np.ndarray]],
    order: np.ndarray,
    reference: str | None,
) -> Trial:
    file = path / f"{block}_{number}.mat"
    if number > len(order):
        raise ValueError(
            f"{file}: {_ORDER_FILE} names the ignored story of {len(order)} trials only"
        )
    attended, ignored = "FM" if block == 1 else "MF"
    stories = {attended: number, ignored: int(order[number - 1])}
    for talker, story in stories.items():
        if not 1 <= story <= len(envelopes[talker]):
            raise ValueError(
                f"{file} needs story {story} of {talker}_env.mat, which has "
                f"{len(envelopes[talker])}"
            )
    variables = read_mat(file, "eeg", *(["mast"] if reference else []))
    eeg = variables["eeg"]
    if eeg.shape[1] != len(BIOSEMI_128):
        raise ValueError(
            f"{file}: eeg must have {len(BIOSEMI_128)} channels, got shape {eeg.shape}"
        )
    if reference:
        eeg = eeg - variables["mast"].mean(axis=1, keepdims=True)
    trial = Trial(
        eeg,
        [envelopes[talker][stories[talker] - 1] for talker in "FM"],
        sfreq=_SFREQ,
        attended="FM".index(attended),
        subject="Subject1",
        story=f"{attended}{number:02d}",
        name=file.stem,
        channel_names=BIOSEMI_128,
        provenance={
            "eeg_file": file.name,
            "reference": "mean of the mastoids" if reference else "as in the files",
            "features": "broadband envelopes of the data set",
        },
    )
    return on_cap(trial, "biosemi128")
