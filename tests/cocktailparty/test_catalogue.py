import json
import subprocess
import sys
import tomllib
import warnings

import pytest

from cocktailparty import catalogue
from cocktailparty.catalogue import (
    GROUP,
    CatalogueWarning,
    NamedDecoder,
    find_decoder,
    find_space,
    named_decoders,
)
from tests.cocktailparty import packages
from tests.sources import ROOT

ROW = """
from cocktailparty.catalogue import NamedDecoder

def make(sfreq):
    return sfreq

def needy(sfreq):
    import no_such_thing

"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Folder in which packages can be installed, whatever was read of others before."""
    monkeypatch.syspath_prepend(tmp_path)
    catalogue._installed.cache_clear()
    yield tmp_path
    catalogue._installed.cache_clear()


class Ends:
    """A trial that draws the first or the last of what it is offered."""

    def __init__(self, last):
        self.last = last

    def suggest_categorical(self, name, choices):
        return choices[-1 if self.last else 0]

    def suggest_float(self, name, low, high, **how):
        return high if self.last else low

    suggest_int = suggest_float


def run_python(code, *folders):
    path = [str(folder) for folder in folders] + [p for p in sys.path if p]
    done = subprocess.run(
        [sys.executable, "-c", code.replace("PATH", repr(path))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_decoder_of_ours_can_be_searched_and_says_what_it_is():
    rows = named_decoders()
    assert list(rows)[:2] == ["ridge", "ridge-late"]
    for name, row in rows.items():
        assert row.name == name
        assert row.distribution == "cocktailparty"
        assert 10 < len(row.summary) < 110
        assert row.space is not None
    guide = (ROOT / "docs" / "guide" / "decoders.rst").read_text()
    assert [name for name in rows if f"``{name}``" not in guide] == []


@pytest.mark.parametrize("name", list(named_decoders()))
@pytest.mark.parametrize("last", [False, True])
def test_named_decoders_take_what_their_space_gives(name, last):
    try:
        decoder = find_decoder(name)(64.0)
    except ImportError as error:
        pytest.skip(str(error))
    drawn = find_space(name)(Ends(last))
    parameters = decoder.set_params(**drawn).get_params()
    assert {key: parameters[key] for key in drawn} == drawn


def test_a_decoder_is_found_by_name_or_in_a_module():
    assert find_decoder("cca") is named_decoders()["cca"]
    assert find_decoder("json:loads") is json.loads
    with pytest.raises(
        ValueError, match=r"unknown decoder 'psychic', known are ridge.*linear-head"
    ):
        find_decoder("psychic")
    with pytest.raises(ValueError, match="decoder 'math:pi': module math has no function 'pi'"):
        find_decoder("math:pi")
    with pytest.raises(ImportError, match="no_such"):
        find_decoder("no_such:thing")


def test_a_space_is_found_by_name_or_in_a_module():
    assert find_space("cca") is named_decoders()["cca"].space
    assert find_space("json:loads") is json.loads
    with pytest.raises(ValueError, match="unknown search space 'psychic', known are ridge"):
        find_space("psychic")
    with pytest.raises(ValueError, match="search space 'math:pi': module math has no function"):
        find_space("math:pi")
    with pytest.raises(ImportError, match="no_such"):
        find_space("no_such:thing")


def test_listing_imports_nothing_heavy(tmp_path):
    packages.install_example(tmp_path)
    printed = run_python(
        "import json, sys\n"
        "sys.path[:] = PATH\n"
        "from cocktailparty.catalogue import find_decoder, named_decoders\n"
        "light = 'sklearn' not in sys.modules\n"
        "names = list(named_decoders())\n"
        "heavy = ('jax', 'equinox', 'optax', 'numba', 'mne', 'matplotlib', 'one_channel.decoder')\n"
        "found = [name for name in heavy if name in sys.modules]\n"
        "made = type(find_decoder('one-channel')(64.0)).__module__\n"
        "print(json.dumps([light, names[-1], found, made]))",
        tmp_path,
    )
    assert json.loads(printed) == [True, "one-channel", [], "one_channel.decoder"]


def test_the_metadata_say_what_the_catalogue_reads():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert tuple(project["entry-points"][GROUP].values()) == catalogue._BUILT_IN


@pytest.mark.parametrize("stated", [{}, {"old": "linear_aad.gone:TABLE"}])
def test_old_metadata_of_ours_cost_no_decoder(site, stated, recwarn):
    before = list(named_decoders())
    catalogue._installed.cache_clear()
    packages.write_metadata(site, "cocktailparty", stated)
    assert list(named_decoders()) == before
    assert not recwarn.list


def test_a_decoder_of_others_is_known_by_name(site):
    packages.install_example(site)
    row = named_decoders()["one-channel"]
    assert row.distribution == "one-channel"
    assert find_decoder("one-channel") is row
    assert find_space("one-channel")(Ends(True)) == {"delay": 0.3}
    with pytest.raises(ValueError, match=r"unknown decoder 'two', known are ridge.* one-channel"):
        find_decoder("two")


def test_an_entry_point_may_name_a_single_row(site):
    source = ROW + "row = NamedDecoder('single', make, summary='alone')"
    packages.install(site, "lonely", "lonely_rows", source, {"any": "lonely_rows:row"})
    assert find_decoder("single")(64.0) == 64.0
    with pytest.raises(ValueError, match="'single' of lonely has no space: give --space module"):
        find_space("single")
    with pytest.raises(ValueError, match="unknown search space") as refused:
        find_space("no")
    assert "single" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("import no_such_library", "broken_rows:row", "No module named 'no_such_library'"),
        ("raise RuntimeError('no licence')", "broken_rows:row", "RuntimeError: no licence"),
        ("", "broken_rows:row", "has no attribute 'row'"),
        ("row = [3]", "broken_rows:row", "3 is no NamedDecoder"),
        ("row = 3", "broken_rows:row", "'int' object is not iterable"),
        (
            ROW + "row = NamedDecoder('a b', make, summary='')",
            "broken_rows:row",
            "without spaces, commas and colons, got 'a b'",
        ),
        ("", "broken rows", "broken rows"),
    ],
)
def test_a_broken_package_is_named_once_and_others_are_listed(site, source, value, reason):
    packages.install(site, "broken-one", "broken_rows", source, {"row": value})
    packages.install_example(site)
    sys.modules.pop("broken_rows", None)
    # What is ours is found without a look at the packages of others.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_decoder("ridge")
    with pytest.warns(CatalogueWarning) as caught:
        names = [list(named_decoders()) for _ in range(2)][1]
    assert names[-1] == "one-channel"
    assert len(caught) == 1
    told = str(caught[0].message)
    assert told.startswith("the decoders of broken-one are left out, since its entry point row = ")
    assert reason in told
    assert told.endswith("update or remove broken-one")


def test_a_name_belongs_to_the_first_who_has_it(site):
    source = ROW + "rows = [NamedDecoder(n, make, summary='') for n in ('ridge', 'mine')]"
    for letter in "ba":
        value = {"rows": f"rows_{letter}:rows"}
        packages.install(site, f"dist-{letter}", f"rows_{letter}", source, value)
    with pytest.warns(CatalogueWarning) as caught:
        rows = named_decoders()
    assert [str(one.message) for one in caught] == [
        "decoder 'ridge' of dist-a is left out: cocktailparty has one of that name",
        "decoder 'ridge' of dist-b is left out: cocktailparty has one of that name",
        "decoder 'mine' of dist-b is left out: dist-a has one of that name",
    ]
    assert rows["ridge"].distribution == "cocktailparty"
    assert rows["mine"].distribution == "dist-a"


def test_what_a_decoder_needs_is_said_where_it_is_missing(site):
    source = ROW + (
        "rows = [NamedDecoder('needy', needy, summary='', needs=('gpu', 'big')),\n"
        "        NamedDecoder('bare', needy, summary='')]"
    )
    packages.install(site, "needs", "needy_rows", source, {"rows": "needy_rows:rows"})
    with pytest.raises(ImportError, match=r"'needy' needs no_such_thing.*'needs\[gpu,big\]'"):
        find_decoder("needy")(64.0)
    with pytest.raises(ImportError, match=r"'bare' needs no_such_thing.*: install it"):
        find_decoder("bare")(64.0)


def test_a_missing_jax_names_the_extra():
    printed = run_python(
        "import sys\n"
        "sys.path[:] = PATH\n"
        "sys.modules['jax'] = None\n"
        "from cocktailparty.cli import main\n"
        "sys.stderr = sys.stdout\n"
        "print(main(['compare', '--decoders', 'siglip']))"
    )
    error, status = printed.splitlines()
    assert "needs jax, which is not installed: pip install 'cocktailparty[deep]'" in error
    assert status == "2"


@pytest.mark.parametrize("name", ["", "two words", "a,b", "module:function"])
def test_names_have_to_fit_on_the_command_line(name):
    with pytest.raises(ValueError, match="without spaces, commas and colons"):
        NamedDecoder(name, print, summary="")


def test_what_is_refused_has_to_be_known():
    with pytest.raises(ValueError, match=r"refuses=\['two'\]: unknown, known are one_trial"):
        NamedDecoder("mine", print, summary="", refuses=("one_trial", "two"))


@pytest.mark.parametrize("wrong", [{"make": "module:function"}, {"space": {}}])
def test_what_makes_a_decoder_has_to_be_callable(wrong):
    with pytest.raises(TypeError, match=f"{next(iter(wrong))} of decoder 'mine' must be callable"):
        NamedDecoder(**{"name": "mine", "make": print, "summary": ""} | wrong)
