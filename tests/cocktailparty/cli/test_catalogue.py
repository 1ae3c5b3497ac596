import json
import subprocess
import sys

import numpy as np
import pytest

from cocktailparty.catalogue import named_decoders
from cocktailparty.cli import main
from tests.cocktailparty import packages
from tests.cocktailparty.datasets import miniatures

# Figures are left out: drawing them takes longer than all the rest.
COMMANDS = """
import sys
sys.path[:] = PATH
from pathlib import Path
from matplotlib.figure import Figure
Figure.savefig = lambda self, file, **how: isinstance(file, Path) and file.touch()
from cocktailparty.cli import main
for command in ALL:
    assert main(command) == 0
    print("---")
from cocktailparty.catalogue import find_decoder
from cocktailparty.decoding import check_attention_decoder
check_attention_decoder(find_decoder("one-channel")(64.0))
"""


def test_decoders_are_listed(capsys):
    assert main(["decoders"]) == 0
    listing = capsys.readouterr().out
    assert all(f"{name}: {row.summary}\n" in listing for name, row in named_decoders().items())
    assert listing.count("needs: pip install 'cocktailparty[deep]'") == 5
    assert "from: " not in listing
    both = "to be trained on a single trial; to be trained on trials with a single sound"
    assert listing.count(f"    refuses: {both}\n") == 2
    assert main(["decoders", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert entries["cca"] == {
        "summary": named_decoders()["cca"].summary,
        "needs": [],
        "refuses": ["one_trial"],
        "searchable": True,
        "distribution": "cocktailparty",
    }
    assert list(entries) == list(named_decoders())


def test_a_decoder_of_an_installed_package_is_listed_compared_searched_and_checked(tmp_path):
    pytest.importorskip("optuna", reason="optuna missing: pip install 'cocktailparty[search]'")
    site, data = tmp_path / "site", tmp_path / "data"
    for folder in (site, data):
        folder.mkdir()
    packages.install_example(site)
    miniatures.write_two_talker(data, np.random.default_rng(20260), n_times=128 * 20)
    common = ["--data", str(data), "--sfreq", "32", "--json"]
    commands = [
        ["decoders"],
        ["compare", *common, "--decoders", "ledoit-wolf,one-channel", "--windows", "2",
         "--out", str(tmp_path / "compared")],
        ["search", *common, "--decoder", "one-channel", "--window", "2", "--trials", "1",
         "--out", str(tmp_path / "searched")],
    ]  # fmt: skip
    path = [str(site), *(p for p in sys.path if p)]
    code = COMMANDS.replace("PATH", repr(path)).replace("ALL", repr(commands))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listing, compared, searched, _ = done.stdout.split("---\n")
    assert "one-channel: the best channel, a while later\n    from: one-channel\n" in listing
    assert "OneChannelDecoder" in compared
    assert json.loads(compared)["report"].startswith(str(tmp_path / "compared"))
    assert json.loads(searched)["settings"].keys() == {"delay"}
