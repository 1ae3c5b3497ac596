"""``cocktailparty train-audio``: a classifier of sounds, trained and tested."""

import argparse
import json
from pathlib import Path
from typing import Any

from cocktailparty.cli.arguments import Commands, add_output, check_output, print_json, seed_number
from cocktailparty.cli.sounds import add_sounds, column, divided, rate_of

_METHODS = ("ce", "scl", "hybrid", "mscl")
_BACKBONES = (
    "cnn6",
    "cnn10",
    "cnn14",
    "amaut-small",
    "amaut-words",
    "amaut-voices",
    "amaut-scenes",
)


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "train-audio",
        help="train a classifier of sounds, with metadata and contrast",
        description="Train a classifier on labelled sounds and test it on those of the official "
        "split, or on a share that is left out. Writes model.safetensors, results.json, "
        "confusion.png and embeddings.png. A finished training is not repeated, an interrupted one "
        "resumes.",
    )
    parser.set_defaults(run=run)
    add_sounds(parser)
    add = parser.add_argument
    add("--protocol", choices=("icbhi",), help="instead: the whole table of the ICBHI challenge, "
        "all methods with --seeds seeds each")  # fmt: skip
    add("--seeds", type=int, default=10, help="for --protocol; default: %(default)s")
    add("--method", choices=_METHODS, default="ce", help="default: %(default)s")
    add("--metadata", nargs="+", metavar="COLUMN", default=[], help="columns for --method mscl")
    add("--groups", metavar="COLUMN", default="", help="column, such as speaker, of which no "
        "value is in training and test; only where there is no official split")  # fmt: skip
    add("--test-fraction", type=float, default=0.2, help="share to test on where there is no "
        "official split; default: %(default)s")  # fmt: skip
    add("--backbone", choices=_BACKBONES, default="cnn6", help="default: %(default)s")
    add("--pretrained", type=Path, metavar="FILE", help="weights of PANNs, .pth or .safetensors")
    add("--width", type=float, default=None, help="factor of the features of each layer; default: "
        "1 with --pretrained, else 0.25")  # fmt: skip
    add("--clip-duration", type=float, metavar="SECONDS", help="what the network hears of a clip; "
        "default: enough for 95 %% of them")  # fmt: skip
    add("--noise", type=float, nargs=2, metavar=("LOW", "HIGH"), help="add noise of this "
        "signal-to-noise ratio in dB to half of the training clips")  # fmt: skip
    add("--batch-size", type=int, default=40, help="default: %(default)s")
    add("--max-epochs", type=int, default=100, help="default: %(default)s")
    add("--max-minutes", type=float, help="stop a training after this many; not reproducible")
    add("--seed", type=seed_number, default=0, help="default: %(default)s")
    add_output(parser, "cocktailparty-audio")


def run(options: argparse.Namespace) -> None:
    """Train and test; write model, results and figures."""
    from cocktailparty.datasets.sounds import load_sounds

    check_output(options)
    _check(options)
    sounds = load_sounds(options.data, options.corpus)
    options.out.mkdir(parents=True, exist_ok=True)
    sfreq = rate_of(sounds)
    if options.protocol == "icbhi":
        _icbhi(options, sounds, sfreq)
        return
    learning, testing = divided(
        sounds, options.groups or sounds.groups, options.test_fraction, options.seed
    )
    classifier = _classifier(options, sfreq)
    settings = _settings(options, classifier, len(learning), len(testing))
    file = options.out / "results.json"
    results = _found(file, settings)
    if results is None:
        results = _train(options, classifier, learning, testing) | {"settings": settings}
        _write(file, results)
    if options.json:
        print_json({"folder": str(options.out), **results})
        return
    print(
        f"{100 * results['accuracy']:.1f} % of {len(testing)} test clips are right (95 % interval "
        f"{100 * results['interval'][0]:.1f} to {100 * results['interval'][1]:.1f} %), "
        f"{100 * results['most_frequent']:.1f} % for the class that is most frequent in training"
    )
    print(f"Model, results and figures: {options.out}")


def _check(options: argparse.Namespace) -> None:
    if options.protocol is None and options.metadata and options.method != "mscl":
        raise ValueError(f"--metadata is of no use with --method {options.method}: take mscl")
    if options.protocol is None and options.method == "mscl" and not options.metadata:
        raise ValueError("--method mscl needs --metadata COLUMN, such as speaker")
    if options.seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {options.seeds}")


def _classifier(options: argparse.Namespace, sfreq: float, **more: Any) -> Any:
    from deep import ContrastiveAudioClassifier, Training

    width = options.width
    if width is None:
        width = 1.0 if options.pretrained else 0.25
    training = Training(
        batch_size=options.batch_size, max_minutes=options.max_minutes,
        checkpoint=str(options.out / "unfinished"), verbose=not (options.json or options.quiet),
    )  # fmt: skip
    classifier = ContrastiveAudioClassifier(
        options.method, options.backbone, sfreq,
        pretrained=None if options.pretrained is None else str(options.pretrained), width=width,
        clip_duration=options.clip_duration,
        noise=None if options.noise is None else tuple(options.noise),
        training=training, max_epochs=options.max_epochs, random_state=options.seed,
    )  # fmt: skip
    return classifier.set_params(**more)


def _settings(options: argparse.Namespace, classifier: Any, *counts: int) -> dict[str, Any]:
    """All that decides the results, for a training that is not to be repeated."""
    from cocktailparty.versions import versions

    decides_nothing = ("training", "training__verbose", "training__checkpoint")
    chosen = {k: v for k, v in classifier.get_params().items() if k not in decides_nothing}
    settings = {
        "classifier": {k: repr(v) for k, v in chosen.items()}, "data": str(options.data),
        "metadata": options.metadata, "groups": options.groups, "clips": list(counts),
        "versions": versions(),
    }  # fmt: skip
    return json.loads(json.dumps(settings))  # as it comes back from the file


def _found(file: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(results, dict) and results.get("settings") == settings
    return results if same else None


def _write(file: Path, results: Any) -> None:
    from cocktailparty.files import replacing

    with replacing(file) as temporary:
        temporary.write_text(json.dumps(results, indent=1), encoding="utf-8")


def _train(
    options: argparse.Namespace, classifier: Any, learning: Any, testing: Any
) -> dict[str, Any]:
    import numpy as np
    from scipy.stats import binomtest

    from cocktailparty.decoding.saving import save_model

    metadata = None
    if options.metadata:
        metadata = np.stack([column(learning, name) for name in options.metadata], axis=1)
    classifier.fit(learning.clips, learning.labels, metadata=metadata)
    predicted = classifier.predict(testing.clips)
    right = predicted == testing.labels
    names, counts = np.unique(learning.labels, return_counts=True)
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    save_model(classifier, options.out / "model.safetensors")
    _draw(options.out, classifier.transform(testing.clips), testing.labels, predicted)
    return {
        "accuracy": float(right.mean()),
        "interval": [float(interval.low), float(interval.high)],
        "most_frequent": float((testing.labels == names[counts.argmax()]).mean()),
        "recall": {
            str(name): float(right[testing.labels == name].mean())
            for name in np.unique(testing.labels)
        },
        "n_epochs": classifier.n_iter_,
        "stopped": classifier.stopped_,
    }


def _draw(folder: Path, embeddings: Any, labels: Any, predicted: Any) -> None:
    from matplotlib.figure import Figure

    from cocktailparty.plots import confusion_matrix, embedding_map

    figure = Figure(figsize=(6, 5.5), layout="constrained")
    confusion_matrix(labels, predicted, ax=figure.subplots())
    figure.savefig(folder / "confusion.png", dpi=120)
    if len(labels) >= 3:
        figure = Figure(figsize=(6, 4.5), layout="constrained")
        embedding_map(embeddings, labels, ax=figure.subplots())
        figure.savefig(folder / "embeddings.png", dpi=120)


def _icbhi(options: argparse.Namespace, sounds: Any, sfreq: float) -> None:
    from deep.contrastive.icbhi_protocol import icbhi_table

    def make(method: str, seed: int) -> Any:
        return _classifier(
            options, sfreq, method=method, random_state=seed, class_weight="balanced",
            training__validation_fraction=0.1, training__verbose=False,
        )  # fmt: skip

    file = options.out / "icbhi.json"
    settings = _settings(options, make("ce", 0), len(sounds))
    finished = _found(file, settings) or {"rows": []}

    def keep(rows: list[dict[str, Any]]) -> None:
        _write(file, {"settings": settings, "rows": rows})
        if not options.json:
            last = rows[-1]
            print(f"{last['method']}, seed {last['seed']}: score {100 * last['score']:.2f}")

    table = icbhi_table(sounds, make, range(options.seeds), finished["rows"], keep)
    if options.json:
        print_json({"file": str(file), "table": table})
        return
    for method, row in table.items():
        print(f"{method}: " + ", ".join(f"{k} {v[0]:.2f} +- {v[1]:.2f}" for k, v in row.items()))
