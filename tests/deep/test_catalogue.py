from deep import SigLIPDecoder
from deep.catalogue import DECODERS
from tests.cocktailparty.test_catalogue import Ends

ROWS = {row.name: row for row in DECODERS}


def test_networks_are_known_by_what_they_are():
    made = {name: row(64.0).get_params() for name, row in ROWS.items()}
    assert made["siglip"]["preset"] == made["siglip-no-contrast"]["preset"] == "default"
    assert made["siglip-thesis"]["preset"] == "thesis"
    assert [made[name]["network"] for name in ("vlaai", "linear-head")] == ["vlaai", "linear"]
    without = {name for name in ROWS if not made[name]["contrast_weight"]}
    assert without == {"siglip-no-contrast", "vlaai", "linear-head"}
    assert {parameters["random_state"] for parameters in made.values()} == {0}


def test_contrastive_spaces_are_of_the_decoder():
    known = set(SigLIPDecoder().get_params())
    for row in DECODERS:
        assert set(row.space(Ends(True))) <= known


def test_all_say_that_they_need_the_extra():
    assert {row.needs for row in DECODERS} == {("deep",)}
