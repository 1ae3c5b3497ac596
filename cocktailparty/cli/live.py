"""``cocktailparty live``: decode attention while the sounds play."""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocktailparty.cli.arguments import Commands, add_output, check_output, print_json

if TYPE_CHECKING:
    from cocktailparty.decoding.trained import TrainedModel
    from cocktailparty.live.loop import Decision
    from cocktailparty.live.session import Loop, Source


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "live",
        help="decode attention while the sounds play, and make the attended talker louder",
        description="Decode attention from EEG of Lab Streaming Layer, or of a recording that is "
        "played again, and mix the talkers by it. Writes mixture.wav, decisions.jsonl, "
        "session.log, live.png and summary.json.",
    )
    parser.set_defaults(run=run, interrupted="interrupted")
    add = parser.add_argument
    add("--model", type=Path, metavar="FILE", help="saved by `cocktailparty decode --causal "
        "--save-model`")  # fmt: skip
    eeg = parser.add_mutually_exclusive_group()
    eeg.add_argument("--eeg-stream", metavar="NAME", help="stream of the EEG")
    eeg.add_argument("--replay", type=Path, metavar="FILE", help="recording to play again")
    eeg.add_argument("--rerun", type=Path, metavar="LOG", help="print all decisions of a session "
                     "again, from its session.log")  # fmt: skip
    eeg.add_argument("--list", action="store_true", help="list the streams and stop")
    add("--eeg-sfreq", type=float, metavar="HZ", help="sampling rate of a .npy file")
    sound = parser.add_mutually_exclusive_group()
    sound.add_argument("--audio", type=Path, nargs="+", metavar="FILE", help="the competing sounds")
    sound.add_argument("--audio-stream", metavar="NAME", help="stream of the sounds, a channel a "
                       "talker")  # fmt: skip
    add("--start", type=float, default=0.0, metavar="SECONDS", help="moment of the recording at "
        "which the sounds start; default: 0")  # fmt: skip
    add("--speed", type=_speed, metavar="FACTOR", help="of --replay, or max; default: 1")
    add("--seconds", type=float, metavar="S", help="stop after so much sound")
    add("--dwell", type=float, default=30.0, metavar="SECONDS", help="mean time between switches "
        "of attention; default: %(default)s")  # fmt: skip
    add("--max-db", type=float, default=9.0, metavar="DB", help="level of a talker who is surely "
        "attended over the others; default: %(default)s")  # fmt: skip
    add("--dry-run", action="store_true", help="check all of it, and stop")
    add_output(parser, "cocktailparty-live")


def run(options: argparse.Namespace) -> None:
    """Check everything, and decode until the end."""
    if options.list:
        _list(options.json)
        return
    if options.rerun is not None:
        _rerun(options)
        return
    _check(options)
    from cocktailparty.live.session import Loop
    from cocktailparty.live.sinks import DecisionFile, WaveFile

    model = _model(options)
    source = _source(options)
    out = options.out
    loop = Loop(
        source,
        model,
        [WaveFile(out / "mixture.wav"), DecisionFile(out / "decisions.jsonl")],
        log=out / "session.log",
        model_path=options.model.resolve(),
        dwell=options.dwell,
        max_db=options.max_db,
        status=None if options.json or not sys.stderr.isatty() else _status,
    )
    if options.dry_run:
        source.close()
        found = {
            "eeg_sfreq": source.eeg_sfreq,
            "audio_sfreq": source.audio_sfreq,
            "talkers": source.n_talkers,
            "reach": loop.decoder.reach,
        }
        if options.json:
            print_json(found)
        else:
            print("all fits: " + ", ".join(f"{name} {value:g}" for name, value in found.items()))
        return
    out.mkdir(parents=True, exist_ok=True)
    summary = loop.run(options.seconds)
    _report(loop, summary, out)
    if options.json:
        print_json(summary)
    else:
        _print(summary, out)
    if summary["errors"]:
        raise OSError("; ".join(summary["errors"]))


def _check(options: argparse.Namespace) -> None:
    """Check what can be checked before anything is read."""
    if options.eeg_stream is None and options.replay is None:
        raise ValueError("give --eeg-stream NAME or --replay FILE; --list shows the streams")
    if options.model is None:
        raise ValueError("--model FILE is needed, see `cocktailparty decode --causal --save-model`")
    if options.audio is None and options.audio_stream is None:
        raise ValueError("give the sounds: --audio FILE FILE, or --audio-stream NAME")
    if options.replay is not None and options.audio is None:
        raise ValueError("--replay takes the sounds as files: --audio FILE FILE")
    if options.eeg_stream is not None and options.speed is not None:
        raise ValueError("--speed is for --replay: a stream comes as fast as it comes")
    if options.audio is not None and len(options.audio) < 2:
        raise ValueError(f"--audio takes two or more sounds, got {len(options.audio)}")
    is_array = options.replay is not None and options.replay.suffix == ".npy"
    if is_array != (options.eeg_sfreq is not None):
        raise ValueError("--eeg-sfreq is for --replay with a .npy file, which needs it")
    for name in ("dwell", "seconds"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name} must be positive, got {value:g}")
    for file in (options.model, options.replay, *(options.audio or [])):
        if file is not None and not file.exists():
            raise FileNotFoundError(f"{file} does not exist: check the path")
    check_output(options)
    there = next(p for p in (options.out.absolute(), *options.out.absolute().parents) if p.exists())
    if not os.access(there, os.W_OK):
        raise PermissionError(f"--out {options.out} cannot be written: {there} is read-only")


def _model(options: argparse.Namespace) -> "TrainedModel":
    from cocktailparty.decoding.trained import TrainedModel
    from cocktailparty.live.loop import check_model

    model = TrainedModel.load(options.model)
    check_model(model)
    return model


def _source(options: argparse.Namespace) -> "Source":
    from cocktailparty.cli.recording import read_array
    from cocktailparty.live.sources import LSL, Replay
    from cocktailparty.recordings.eeg import read_eeg

    if options.eeg_stream is not None:
        return LSL(options.eeg_stream, options.audio_stream, options.audio)
    if options.replay.suffix == ".npy":
        recording: Any = (read_array(options.replay), options.eeg_sfreq)
    else:
        recording = read_eeg(options.replay)
    return Replay(recording, options.audio, options.start, options.speed or 1.0)


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"expected a positive number or max, got {text!r}")
    return speed


def _list(as_json: bool) -> None:
    from cocktailparty.live.sources import streams

    found = streams()
    if as_json:
        print_json(found)
    elif not found:
        print("there are no streams")
    for row in [] if as_json else found:
        print(f"{row['name']}: {row['type']}, {row['channels']} channels at {row['sfreq']:g} Hz, "
              f"source id {row['source_id']!r}")  # fmt: skip


def _rerun(options: argparse.Namespace) -> None:
    from cocktailparty.decoding.trained import TrainedModel
    from cocktailparty.live.session import rerun
    from cocktailparty.live.sinks import as_dict

    model = None if options.model is None else TrainedModel.load(options.model)
    for decision in rerun(options.rerun, model):
        print(json.dumps(as_dict(decision)))


def _status(decision: "Decision", took: float) -> None:
    bars = " ".join("#" * round(10 * p) + "." * (10 - round(10 * p)) for p in decision.probability)
    line = f"{decision.end:9.1f} s  {bars}  nobody {decision.nobody:.2f}  {1000 * took:.0f} ms"
    lost = f"  lost {decision.lost:.0%}" if decision.lost else ""
    print(f"\r{line}{lost}   ", end="", file=sys.stderr, flush=True)


def _print(summary: dict[str, Any], out: Path) -> None:
    n = max(summary["n_decisions"], 1)
    shares = ", ".join(f"talker {k}: {c / n:.0%}" for k, c in enumerate(summary["chosen"]))
    print(
        f"\n{summary['seconds']:.1f} s, {summary['n_decisions']} decisions; most probable {shares}"
    )
    print(
        f"nobody: {summary['mean_nobody']:.2f} on average; lost: {summary['mean_lost']:.1%}; "
        f"latency {summary['median_latency_ms']:.1f} ms (99 %: {summary['p99_latency_ms']:.1f} ms)"
    )
    print(f"Results: {out}")


def _report(loop: "Loop", summary: dict[str, Any], out: Path) -> None:
    """Write the summary and the figure."""
    from matplotlib.figure import Figure

    from cocktailparty.files import replacing
    from cocktailparty.live.figure import plot_session

    with replacing(out / "summary.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    if not loop.decisions:
        return
    figure = Figure(figsize=(9.0, 6.5), layout="constrained")
    plot_session(loop.decisions, loop.latencies, figure)
    with replacing(out / "live.png") as temporary:
        figure.savefig(temporary, dpi=120)
