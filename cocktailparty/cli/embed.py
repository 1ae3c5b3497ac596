"""``cocktailparty embed``: embeddings of sounds."""

import argparse
from pathlib import Path
from typing import Any

from cocktailparty.cli.arguments import Commands, print_json
from cocktailparty.cli.sounds import add_sounds, rate_of


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "embed",
        help="embed sounds with a trained classifier or with weights of PANNs",
        description="Write the embeddings of sounds, with their labels and metadata, as one .npz "
        "file.",
    )
    parser.set_defaults(run=run, interrupted="interrupted; nothing was written")
    parser.add_argument("model", type=Path, metavar="MODEL", help="model.safetensors of "
                        "`train-audio`, or weights of PANNs")  # fmt: skip
    add_sounds(parser)
    add = parser.add_argument
    add("--out", type=Path, default=Path("embeddings.npz"), metavar="FILE",
        help="default: %(default)s")  # fmt: skip
    add("--json", action="store_true", help="print the outcome for machines")


def run(options: argparse.Namespace) -> None:
    """Embed sounds.

    Raises
    ------
    ValueError
        If the output is not named as .npz, or the model is neither of both.
    """
    import numpy as np

    from cocktailparty.datasets.sounds import load_sounds
    from cocktailparty.files import replacing

    if options.out.suffix != ".npz":
        raise ValueError(f"--out {options.out} must end in .npz")
    sounds = load_sounds(options.data, options.corpus)
    model = _model(options.model, rate_of(sounds))
    embeddings = model.transform(sounds.clips)
    texts: dict[str, Any] = {
        name: np.array(["" if value is None else str(value) for value in values])
        for name, values in sounds.metadata.items()
    }
    with replacing(options.out) as temporary:
        np.savez(temporary, embeddings=embeddings, label=sounds.labels, **texts)
    n, size = embeddings.shape
    if options.json:
        print_json({"file": str(options.out), "n_clips": n, "n_features": size})
    else:
        print(f"{options.out}: {n} clips of {size} features each")


def _model(path: Path, sfreq: float) -> Any:
    from safetensors import SafetensorError, safe_open

    from cocktailparty.decoding.saving import load_model

    if path.suffix == ".safetensors" and path.exists():
        try:
            with safe_open(path, framework="numpy") as file:
                trained = "model" in (file.metadata() or {})
        except SafetensorError as error:
            raise ValueError(f"{path} is no file of safetensors: {error}") from error
        if trained:
            model = load_model(path)
            if not hasattr(model, "transform"):
                raise ValueError(f"{path} holds a {type(model).__name__}, which embeds nothing")
            return model
    from deep.contrastive.pretrained import PANNsEmbedding

    return PANNsEmbedding(str(path), sfreq=sfreq).fit()
