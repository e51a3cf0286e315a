from types import SimpleNamespace

import pytest

from cxr_cli.dataset.classes import Classes
from cxr_cli.evaluation.classes_in_words import classes_in_words


def evaluation(positives, negatives, positive="covid"):
    return SimpleNamespace(
        films=positives + negatives,
        positives=positives,
        negatives=negatives,
        positive="covid",
        negative="normal",
        truth=Classes("normal", positive),
    )


def rows(*films):
    return [SimpleNamespace(truth=truth, patient=patient, group=patient or truth) for truth, patient in films]


@pytest.mark.parametrize(
    ("films", "words"),
    [
        (
            (("covid", "a"), ("covid", "a"), ("covid", "b"), ("normal", "c"), ("normal", "d")),
            "3 covid films of 2 patients and 2 normal films of 2",
        ),
        (
            (("covid", "a"), ("covid", "a"), ("covid", "b"), ("normal", "a"), ("normal", "d")),
            "3 covid films of 2 patients and 2 normal films of 2 (1 patient has both)",
        ),
        (
            (("covid", "a"), ("covid", "a"), ("covid", "b"), ("normal", "a"), ("normal", "b")),
            "3 covid films of 2 patients and 2 normal films of 2 (2 patients have both)",
        ),
        (
            (("covid", ""), ("covid", "a"), ("covid", "b"), ("normal", "c"), ("normal", "c")),
            "3 covid films of at most 3 patients and 2 normal films of 1",
        ),
        ((("covid", ""),) * 3 + (("normal", ""),) * 2, "3 covid and 2 normal"),  # none is known
        ((), "3 covid and 2 normal"),
    ],
)
def test_the_patients_of_each_class_are_counted(films, words):
    assert classes_in_words(evaluation(3, 2), rows(*films)) == words


def test_films_of_one_class_are_all_of_it():
    assert classes_in_words(evaluation(0, 4)) == "all normal"
    assert classes_in_words(evaluation(4, 0, positive="Pneumonia"), rows(("covid", "a"))) == "all Pneumonia"
