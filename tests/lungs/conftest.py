"""Real films with lung masks drawn by people."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "lungs_prior.py"


@pytest.fixture(scope="session")
def lungs_prior() -> ModuleType:
    """The script that makes the prior."""
    spec = importlib.util.spec_from_file_location("lungs_prior", SCRIPT)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def drawn_films(lungs_prior, shared):
    """The frontal X-rays of the ieee8023 collection that have a film and a lung mask."""
    return lungs_prior.drawn_films(shared / "data" / "covid-chestxray")
