import pytest

from cxr_cli.metrics.chance import Standing, run_standing_in_words, standing, standing_in_words
from cxr_cli.metrics.intervals import Interval


@pytest.mark.parametrize(
    ("low", "high", "expected", "words"),
    [
        (0.6, 0.8, Standing.BETTER, "Better than chance: the AUC's interval, 0.600 to 0.800, is above 0.5."),
        (
            0.4,
            0.6,
            Standing.UNCERTAIN,
            "Not shown to be better than chance: the AUC's interval, 0.400 to 0.600, includes 0.5.",
        ),
        (0.5, 0.6, Standing.UNCERTAIN, "Not shown to be better than chance: the AUC's interval, 0.500 to 0.600, inc"),
        (
            0.318,
            0.384,
            Standing.WORSE,
            "Worse than chance: the AUC's interval, 0.318 to 0.384, is below 0.5. On these films the scores "
            "point the wrong way",
        ),
    ],
)
def test_the_interval_says_how_an_auc_stands_to_chance(low, high, expected, words):
    around = Interval(low=low, high=high)

    assert standing(around) is expected
    assert standing_in_words(around).startswith(words)


def test_without_an_interval_nothing_is_shown():
    assert standing(None) is Standing.UNCERTAIN
    assert standing_in_words(None) == "Not shown to be better than chance: the AUC has no interval."


def test_a_sentence_on_a_run_can_stand_alone():
    assert run_standing_in_words("net", "validation", Interval(low=0.4, high=0.6)) == (
        "On its validation films, net is not shown to be better than chance: the AUC's interval, 0.400 to 0.600, "
        "includes 0.5."
    )
