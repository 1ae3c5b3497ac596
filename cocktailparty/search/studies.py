"""Optuna studies: opened or resumed, quiet, and recognised by what they search."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np

from cocktailparty.model_selection.splits import Fold
from cocktailparty.search.claims import Claim, claimed

if TYPE_CHECKING:
    import optuna

#: Names and distributions of the parameters, or a function of an Optuna trial that suggests them
#: and returns what the decoder is to be given.
Space = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]

_FINGERPRINT = "cocktailparty"
# Seconds that a writer waits for another one; SQLite's own 5 s are short on a network drive.
_PATIENCE = 60
# Errors of databases when two make the same tables at once, and for how long to try again.
_AT_ONCE = ("already exists", "UNIQUE constraint", "database is locked")
_AT_ONCE_FOR = 20.0


@contextmanager
def quiet_optuna() -> Iterator[Any]:
    """Import Optuna, without its log and its warnings of experimental parts.

    ImportError says how to install it.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise ImportError(
            "a search needs Optuna, which is not installed: pip install 'cocktailparty[search]'"
        ) from error
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield optuna
    finally:
        optuna.logging.set_verbosity(level)


@contextmanager
def open_study(
    optuna: Any, storage: str | None, name: str, fingerprint: str, *, seed: int, min_folds: int
) -> Iterator[tuple["optuna.Study", Claim | None]]:
    """Open a study, or make it, and keep other searches from it.

    `storage` is the address of a database, such as ``sqlite:///study.db``, or None for memory;
    `fingerprint` comes from `fingerprint_of`; every trial gets `min_folds` folds. Yields the study,
    with a seeded TPE sampler and pruning by successive halving, and a claim to be checked now and
    then (None for a study in memory).

    Raises
    ------
    StudyInUseError
        If another search works on the study.
    OSError
        If the database cannot be opened.
    ValueError
        If the study holds another search.
    """
    study = _opened(optuna, storage, name)
    with nullcontext() if storage is None else claimed(study) as claim:
        _prepare(optuna, study, storage, fingerprint, seed, min_folds)
        yield study, claim


def _prepare(
    optuna: Any, study: Any, storage: str | None, fingerprint: str, seed: int, min_folds: int
) -> None:
    stored = study.user_attrs.setdefault(_FINGERPRINT, fingerprint)
    if stored != fingerprint:
        raise ValueError(
            f"study {study.study_name!r} in {storage!r} holds another search (other data, decoder, "
            "space, split or window): choose another folder or name"
        )
    study.set_user_attr(_FINGERPRINT, fingerprint)
    # With the seed alone, a resumed study would draw the same parameters once more.
    state = np.random.SeedSequence([seed, len(study.trials)]).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(seed=int(state[0]))
    study.pruner = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=min_folds, reduction_factor=2
    )


def fingerprint_of(
    optuna: Any, decoder: Any, space: Space, folds: Sequence[Fold], window: float
) -> str:
    """Hash a search: decoder, space, data and split, and window in seconds.

    The same search has the same fingerprint.
    """
    hashes: dict[int, str] = {}
    for trial in (trial for fold in folds for trial in (*fold.train, *fold.test)):
        if id(trial) not in hashes:
            hashes[id(trial)] = joblib.hash(trial.replace(metadata={}))  # which no decoder sees
    data = [
        (fold.name, [[hashes[id(trial)] for trial in side] for side in (fold.train, fold.test)])
        for fold in folds
    ]
    if isinstance(space, Mapping):
        to_json = optuna.distributions.distribution_to_json
        searched: Any = {name: to_json(distribution) for name, distribution in space.items()}
    else:
        searched = _name_of(space)
    described = (
        (type(decoder).__name__, decoder.get_params()) if hasattr(decoder, "get_params") else ""
    )
    return str(joblib.hash((described or _name_of(decoder), searched, data, float(window))))


def suggest(trial: Any, space: Space) -> dict[str, Any]:
    """Draw the parameters of a decoder, or read those that the trial has already.

    A space with anything other than distributions is a TypeError.
    """
    if not isinstance(space, Mapping):
        return dict(space(trial))
    parameters: dict[str, Any] = {}
    for name, among in space.items():
        kind = type(among).__name__
        if kind == "CategoricalDistribution":
            parameters[name] = trial.suggest_categorical(name, among.choices)
        elif kind in ("FloatDistribution", "IntDistribution"):
            draw = trial.suggest_float if kind == "FloatDistribution" else trial.suggest_int
            step = {} if among.step is None or among.log else {"step": among.step}
            parameters[name] = draw(name, among.low, among.high, log=among.log, **step)
        else:
            raise TypeError(
                f"space[{name!r}] must be an Optuna distribution, got {type(among).__name__}"
            )
    return parameters


@contextmanager
def writable(optuna: Any, storage: str | None) -> Iterator[None]:
    """Raise an OSError that names the database where a study cannot be written any more.

    It replaces the error of Optuna, as on a full disk.
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise OSError(f"the study in {storage!r} cannot be written: {reason}") from error


def _opened(optuna: Any, storage: str | None, name: str) -> "optuna.Study":
    if storage is None:
        return optuna.create_study(study_name=name, direction="maximize")
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    end = time.monotonic() + _AT_ONCE_FOR
    sqlite = storage.startswith("sqlite")
    # A pool would hold the file open for as long as anybody holds the study.
    of_file = {"connect_args": {"timeout": _PATIENCE}, "poolclass": NullPool}
    engine = of_file if sqlite else {"pool_pre_ping": True}
    while True:
        try:
            database = optuna.storages.RDBStorage(storage, engine_kwargs=engine)
            return optuna.create_study(
                storage=database, study_name=name, direction="maximize", load_if_exists=True
            )
        except (SQLAlchemyError, ImportError, RuntimeError, ValueError) as error:
            # Another search makes the same tables at this moment.
            if any(hint in str(error) for hint in _AT_ONCE) and time.monotonic() < end:
                time.sleep(0.2)
                continue
            reason = " ".join(str(error).split())
            raise OSError(f"the study cannot be kept in {storage!r}: {reason}") from error


def _name_of(thing: Any) -> str:
    return f"{thing.__module__}:{getattr(thing, '__qualname__', type(thing).__name__)}"
