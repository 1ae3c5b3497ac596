"""``cocktailparty train-extractor``: a separator of talkers, trained on clean speech."""

import argparse
from pathlib import Path

from cocktailparty.cli.arguments import Commands, add_output, check_output, print_json


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "train-extractor",
        help="train a network that selects one talker from a mixture",
        description="Train on clean speech, with a folder of sound files for each talker. Writes "
        "extractor.safetensors, which `cocktailparty extract` takes. An interrupted training goes "
        "on, unless --max-minutes limits it.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("data", type=Path, metavar="FOLDER", help="holds a folder of sound files for each talker")
    add("--sfreq", type=float, default=8000.0, metavar="HZ", help="rate of the network, to which "
        "files with a higher one are resampled; default: %(default)g")  # fmt: skip
    add("--preset", choices=("default", "paper"), default="default", help="default: %(default)s")
    add("--noise", type=float, nargs=2, metavar=("LOW", "HIGH"), help="add noise of this "
        "signal-to-noise ratio in dB to half of the mixtures")  # fmt: skip
    add("--max-talkers", type=int, default=2, help="largest number of talkers in a mixture; "
        "default: %(default)s")  # fmt: skip
    add("--max-epochs", type=int, default=200, help="passes of 120 mixtures; default: %(default)s")
    add("--max-minutes", type=float, help="stop a training after this many; not reproducible")
    add("--seed", type=int, default=0, help="default: %(default)s")
    add_output(parser, "cocktailparty-extractor")


def run(options: argparse.Namespace) -> None:
    """Train and save."""
    from cocktailparty.datasets.sounds.folders import load_folders
    from cocktailparty.decoding.saving import save_model

    check_output(options)
    sounds = load_folders(options.data)
    from deep import ASAMSeparator, Training

    checkpoint = None if options.max_minutes else str(options.out / "unfinished")
    training = Training(
        max_minutes=options.max_minutes,
        checkpoint=checkpoint,
        verbose=not (options.json or options.quiet),
    )
    separator = ASAMSeparator(
        options.sfreq, options.preset, n_talkers=(2, options.max_talkers),
        noise=None if options.noise is None else tuple(options.noise), training=training,
        max_epochs=options.max_epochs, random_state=options.seed,
    )  # fmt: skip
    separator.fit(sounds.clips, sounds.labels)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "extractor.safetensors"
    save_model(separator, file)
    result = {
        "file": str(file), "talkers": list(separator.memory_.names),
        "n_utterances": len(sounds.clips), "n_epochs": separator.n_iter_,
        "stopped": separator.stopped_, "gain": separator.history_["gain"][-1],
    }  # fmt: skip
    if options.json:
        print_json(result)
        return
    print(
        f"{result['n_epochs']} epochs with {len(result['talkers'])} talkers ({result['stopped']}); "
        f"in the last one, mixtures gained {result['gain']:.1f} dB, which are training mixtures"
    )
    print(f"Model: {file}")
