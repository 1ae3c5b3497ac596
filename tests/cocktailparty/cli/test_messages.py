import argparse
import logging
import warnings

import pytest

from cocktailparty.cli.messages import add_verbosity, told


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_verbosity(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [((), ["step", "odd"]), (("-q",), ["odd"]), (("-v",), ["detail", "step", "odd"])],
)
def test_as_much_is_told_as_was_asked_for(capsys, arguments, heard):
    logger = logging.getLogger("cocktailparty.somewhere")
    with told(options(*arguments)):
        logger.debug("detail")
        logger.info("step")
        logger.warning("odd")
    assert capsys.readouterr().err.split() == heard


def test_mne_speaks_where_all_is_wanted(capsys):
    for arguments, heard in (((), ""), (("-v",), "read\n")):
        with told(options(*arguments)):
            logging.getLogger("mne").debug("read")
        assert capsys.readouterr().err == heard


def test_a_warning_is_one_line_without_its_place(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with told(options()):
            for _ in range(2):
                warnings.warn("one\n  thing", UserWarning, stacklevel=1)
            warnings.warn("another", RuntimeWarning, stacklevel=1)
    assert capsys.readouterr().err == (
        "cocktailparty: warning: one thing\ncocktailparty: warning: another\n"
    )


def test_everything_is_as_before_even_after_an_error():
    logger = logging.getLogger("cocktailparty")
    before = logger.level, logger.propagate, list(logger.handlers), warnings.showwarning
    with pytest.raises(KeyError), told(options("-v")):
        raise KeyError
    assert (logger.level, logger.propagate, logger.handlers, warnings.showwarning) == before


def test_loud_and_quiet_exclude_each_other():
    with pytest.raises(SystemExit):
        options("-v", "-q")
