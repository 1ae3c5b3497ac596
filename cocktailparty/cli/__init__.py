"""The command line: ``cocktailparty compare | search | decode | separate | ...``.

A command is one module with two functions, and one line in `COMMANDS`:

``add_parser(commands)``
    adds the parser of the command to what ``ArgumentParser.add_subparsers`` returned, and sets
    ``run`` as its default;
``run(options)``
    does the work. A ValueError, TypeError, OSError or ImportError that it raises is printed in one
    line, and the exit code is 2.

Decoders are reached through `cocktailparty.catalogue`, and what is heavy is imported inside
functions: the command line starts in an instant.
"""

import argparse
import errno
import gc
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import cocktailparty
from cocktailparty.blas import one_blas_thread
from cocktailparty.cli import (
    adapt,
    catalogue,
    compare,
    convert,
    datasets,
    decode,
    doctor,
    embed,
    extract,
    live,
    search,
    separate,
    table,
    train,
    train_audio,
    train_extractor,
)
from cocktailparty.cli.messages import add_verbosity, told
from cocktailparty.validation import did_you_mean

__all__ = ["COMMANDS", "main"]

#: Modules of the commands, in the order of the help text.
COMMANDS = (
    table,
    compare,
    search,
    train,
    decode,
    live,
    separate,
    extract,
    train_extractor,
    train_audio,
    adapt,
    embed,
    convert,
    catalogue,
    datasets,
    doctor,
)

# Error numbers of a full disk and of a used-up quota.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; None for those of the process.

    Returns
    -------
    status : int
        0 when all went well, 2 for bad input, 130 after an interruption.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)
    options.command_line = shlex.join(["cocktailparty", *arguments])
    try:
        with one_blas_thread(), _seldom_collecting(), told(options):
            options.run(options)
        # Now rather than at the exit of Python, where the error could not be reported.
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read the output wants no more of it, such as `head`: nothing went wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, ImportError) as error:
        message = " ".join(str(error).split())
        if isinstance(error, OSError) and error.errno in _FULL:
            where = getattr(options, "out", None)
            place = "" if where is None else f" on the disk of {where}"
            message += f": make room{place} and give the same command again"
        print(f"cocktailparty: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"cocktailparty: {options.interrupted}", file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """Parser that asks whether a misspelt command or choice was meant otherwise."""

    def error(self, message: str) -> NoReturn:
        found = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if found:
            message += did_you_mean(found[1], re.split(r", ", found[2].replace("'", "")))
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            message += did_you_mean(unknown[1], self._known())
        super().error(message)

    def _known(self) -> list[str]:
        """Options of this parser and of its commands."""
        commands = [a.choices for a in self._actions if isinstance(a.choices, dict)]
        parsers = [self, *(parser for choices in commands for parser in choices.values())]
        actions = [action for parser in parsers for action in parser._actions]
        return [option for action in actions for option in action.option_strings]


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for unreachable objects less often while a command runs.

    The libraries that a command imports are half a million objects, none of which is ever freed.
    Python goes through them time and again, 5 % of the time of a short comparison. Arrays do not
    wait for that: they are freed when the last reference goes.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cocktailparty",
        description="Decode which sound a listener attends to, from EEG.",
    )
    parser.add_argument("--version", action="version", version=cocktailparty.__version__)
    parser.set_defaults(interrupted="interrupted; the same command goes on from here")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    for subparser in commands.choices.values():
        add_verbosity(subparser)
    return parser
