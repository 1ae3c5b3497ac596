import warnings

import pytest

from cocktailparty.third_party_warnings import shown_once


class OddWarning(UserWarning):
    pass


def complain(*texts, harmless=(), error=None):
    with shown_once(harmless):
        for text in texts:
            warnings.warn(text, OddWarning, stacklevel=1)
        if error is not None:
            raise error


def test_each_warning_is_shown_once_in_order_of_appearance():
    def several():
        with shown_once():
            complain("b", "a", "b")
            complain("c", "b")

    with pytest.warns(OddWarning) as caught:
        several()
    assert [str(warning.message) for warning in caught] == ["b", "a", "c"]
    assert caught[0].filename == __file__


def test_harmless_warnings_are_left_out():
    with pytest.warns(OddWarning) as caught:
        complain("The name is odd", "The file is odd", harmless=["The name"])
    assert [str(warning.message) for warning in caught] == ["The file is odd"]


def test_warnings_are_shown_when_an_error_ends_the_block():
    with pytest.warns(OddWarning, match="before"), pytest.raises(KeyError):
        complain("before", error=KeyError())


def test_filters_of_the_user_hold():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OddWarning, match="odd"):
            complain("odd")
        warnings.simplefilter("ignore")
        complain("odd")
