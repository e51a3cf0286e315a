"""What is said of the number of patients, where all, some or none of the films name one."""

import pytest

from cxr_cli.films.in_words import TOO_NARROW, count_in_words, narrow_in_words, patient_count


@pytest.mark.parametrize(
    ("without", "count", "words"),
    [
        (0, "25", "1,030 test films of 25 patients"),
        (1, "at most 25", "1,030 test films of at most 25 patients (1 film names no patient)"),
        (12, "at most 25", "1,030 test films of at most 25 patients (12 films name no patient)"),
        (1030, "unknown", "1,030 test films of unknown patients"),
        (None, "at most 25", "1,030 test films of at most 25 patients"),
    ],
)
def test_patients_are_counted_only_as_far_as_they_are_known(without, count, words):
    assert patient_count(1030, 25, without) == count
    assert count_in_words(1030, 25, without, kind="test films") == words


@pytest.mark.parametrize(
    ("without", "words"),
    [
        (0, ""),
        (None, ""),
        (1, f"1 film names no patient: each counts as a patient of its own. {TOO_NARROW}"),
        (30, f"No film names its patient: each counts as a patient of its own. {TOO_NARROW}"),
    ],
)
def test_unknown_patients_make_intervals_too_narrow(without, words):
    assert narrow_in_words(30, without) == words
