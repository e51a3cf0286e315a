from types import SimpleNamespace

import pytest

from cxr_cli.dataset.classes import Classes
from cxr_cli.evaluation.size_in_words import size_in_words
from cxr_cli.metrics.sample_size import SampleSize


@pytest.mark.parametrize(
    ("patients", "half_width", "needed", "unnamed", "words"),
    [
        (
            15,
            0.148,
            131,
            0,
            "With 15 normal patients, the AUC's interval is about ±0.15; for ±0.05 you need about 130, and covid "
            "patients in the same ratio as here.",
        ),
        (1200, 0.02, None, 0, "With 1,200 normal patients, the AUC's interval is about ±0.02."),
        (
            3,
            0.39,
            None,
            0,
            "With 3 normal patients, the AUC's interval is about ±0.39; these films say too little about how many "
            "patients a narrower one needs.",
        ),
        (30, 0.04, None, 7, "With at most 30 normal patients, the AUC's interval is about ±0.04."),
    ],
)
def test_the_number_of_patients_that_a_narrower_interval_needs(patients, half_width, needed, unnamed, words):
    size = SampleSize(positive=False, patients=patients, half_width=half_width, goal=0.05, needed=needed)

    found = size_in_words(
        SimpleNamespace(sample_size=size, truth=Classes("normal", "covid"), films_without_patient=unnamed)
    )

    assert found == words


def test_without_an_auc_there_is_nothing_to_say():
    assert size_in_words(SimpleNamespace(sample_size=None)) == ""
