"""Many clients at once, with faults among them. `scripts/strain_page.py` has 50, and the slow faults too."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "strain_page.py"


def test_good_films_get_their_answers_among_bad_requests(server):
    spec = importlib.util.spec_from_file_location("strain_page", SCRIPT)
    strain_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(strain_page)
    faults = [fault for fault in strain_page.FAULTS if not fault.slow]

    outcome = strain_page.strain(server.address, faults, clients=12, rounds=1)
    assert outcome.problems == []
    assert sum(counts.total() for counts in outcome.faults.values()) == len(faults) > 20
    assert len(outcome.seconds) >= 18
    assert server.process.poll() is None
    assert len(server.lines) == 2  # and it says nothing about any of this
    assert server.kept() == []
