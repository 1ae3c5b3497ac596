"""``cocktailparty adapt``: a classifier that adapts to sounds unlike its training."""

import argparse
from pathlib import Path
from typing import Any

from cocktailparty.cli.arguments import Commands, print_json

_OBJECTIVES = ("nuclear", "fast", "column", "entropy", "generalized", "information", "ntta", "none")
_SHOWN = 20


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "adapt",
        help="classify sounds with a classifier that adapts to them without labels",
        description="Predict sounds with a classifier as it is, and as it adapts to them in the "
        "order of their names, and show both side by side. Tells which guard acted and when.",
    )
    parser.set_defaults(run=run, interrupted="interrupted; nothing was written")
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="model.safetensors of `train-audio`")
    add("data", type=Path, metavar="FOLDER", help="folder of sound files, or a set of labelled "
        "sounds, whose labels only count how many predictions are right")  # fmt: skip
    add("--offline", action="store_true", help="adapt to all sounds in several passes, and predict "
        "then; default: adapt to each batch and predict it")  # fmt: skip
    add("--batch", type=int, default=32, help="sounds that come together; default: %(default)s")
    add("--objective", choices=_OBJECTIVES, default="nuclear", help="default: %(default)s; none "
        "adapts statistics alone")  # fmt: skip
    add("--no-gate", action="store_true", help="adapt also to sounds like those of the training")
    add("--save", type=Path, metavar="FILE", help="write the adapted classifier, .safetensors")
    add("--json", action="store_true", help="print the outcome for machines")


def run(options: argparse.Namespace) -> None:
    """Adapt to sounds, and show predictions.

    Raises
    ------
    ValueError
        If the batch is empty, or the model or the name of the output is of another kind.
    """
    from cocktailparty.decoding.saving import load_model, save_model
    from deep import TestTimeAdapter

    if options.batch < 1:
        raise ValueError(f"--batch must be at least 1, got {options.batch}")
    if options.save is not None and options.save.suffix != ".safetensors":
        raise ValueError(f"--save {options.save} must end in .safetensors")
    classifier = load_model(options.model)
    if not hasattr(classifier, "spectra_"):
        raise ValueError(
            f"{options.model} holds a {type(classifier).__name__}, expected a classifier of "
            "`train-audio`, of this version"
        )
    clips, names, labels = _sounds(options.data)
    adapter = TestTimeAdapter(
        classifier,
        objective=None if options.objective == "none" else options.objective,
        gate=None if options.no_gate else "auto",
    )
    before = classifier.predict(clips)
    after = _adapted(adapter, clips, options)
    if options.save is not None:
        save_model(adapter.adapted_classifier(), options.save)
    results = {
        "files": names, "before": [str(x) for x in before], "after": [str(x) for x in after],
        "guards": adapter.history_, "saved": None if options.save is None else str(options.save),
    }  # fmt: skip
    if labels is not None:
        results["accuracy"] = [float((x == labels).mean()) for x in (before, after)]
    if options.json:
        print_json(results)
    else:
        _show(results)


def _sounds(path: Path) -> tuple[list[Any], list[str], Any]:
    """Clips of a folder of files, without labels, or of a set of labelled sounds."""
    from cocktailparty.datasets.sounds import load_sounds
    from cocktailparty.datasets.sounds.folders import SUFFIXES
    from cocktailparty.recordings.audio.clips import AudioClip

    if (
        path.is_dir()
        and not any(path.glob("*.csv"))
        and not any(x.is_dir() for x in path.iterdir())
    ):
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if files:
            return [AudioClip(str(file)) for file in files], [file.name for file in files], None
    sounds = load_sounds(path)
    return list(sounds.clips), [Path(clip.path).name for clip in sounds.clips], sounds.labels


def _adapted(adapter: Any, clips: list[Any], options: argparse.Namespace) -> Any:
    import numpy as np

    if options.offline:
        return adapter.fit(clips).predict(clips)
    batches = [clips[i : i + options.batch] for i in range(0, len(clips), options.batch)]
    return np.concatenate([adapter.partial_fit(batch).predict(batch) for batch in batches])


def _show(results: dict[str, Any]) -> None:
    rows = list(zip(results["files"], results["before"], results["after"], strict=True))
    differing = [row for row in rows if row[1] != row[2]]
    width = max(len(row[0]) for row in rows)
    for name, before, after in differing[:_SHOWN]:
        print(f"{name:{width}}  {before} -> {after}")
    if len(differing) > _SHOWN:
        print(f"... and {len(differing) - _SHOWN} more, which --json lists")
    print(f"{len(differing)} of {len(rows)} predictions changed")
    for number, row in enumerate(results["guards"]):
        text = _acted(row)
        if text:
            print(f"part {number} ({row['n_clips']} sounds): {text}")
    if "accuracy" in results:
        before, after = (100 * x for x in results["accuracy"])
        print(f"right: {before:.1f} % without adaptation, {after:.1f} % with it")
    if results["saved"]:
        print(f"adapted classifier: {results['saved']}")


def _acted(row: dict[str, Any]) -> str:
    """Say in words what a guard did in a part of the stream."""
    if row["reset"]:
        return f"back to the classifier, because of: {row['reset']}"
    if row["gate"] in ("closed", "waiting"):
        more = ""
        if row["distance"] is not None:
            more = f", distance {row['distance']:.2f}, threshold {row['threshold']:.2f}"
        return f"gate {row['gate']}{more}: no adaptation"
    return ""
