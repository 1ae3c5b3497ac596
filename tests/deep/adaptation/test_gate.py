from deep.adaptation.gate import Gate
from tests.deep.contrastive.test_spectra import source_spectra


def test_the_gate_waits_opens_and_closes(rng):
    source = source_spectra(rng)
    gate = Gate(source, None, window=20, n_least=8)
    clean = source.spectra[rng.permutation(120)]
    assert gate.look(clean[:5])["gate"] == "waiting"
    assert gate.look(clean[5:20])["gate"] == "closed"
    report = gate.look(clean[20:40] + 8)
    assert report["gate"] == "open"
    assert report["distance"] > report["threshold"]
    assert gate.look(clean[40:60])["gate"] == "closed"
    assert len(gate.recent) == 20
    gate.clear()
    assert gate.look(clean[:5])["gate"] == "waiting"
