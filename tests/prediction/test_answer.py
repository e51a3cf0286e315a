"""The answer for one film in words."""

import pytest

from cxr_cli.prediction.answer import Answer


@pytest.mark.parametrize(
    ("label", "probability", "threshold", "confidence", "short", "decision"),
    [
        # The class that is called is the more probable one.
        ("covid", 0.645, 0.403, "64.5%", "covid 64.5%", "P(covid) 64.5%, above the operating point of 40.3%"),
        ("flu", 0.02, 0.057, "98.0%", "flu 98.0%", "P(covid) 2.0%, below the operating point of 5.7%"),
        # It is the less probable one: no confidence below a half.
        ("covid", 0.387, 0.21, None, "covid, P(covid) 38.7%", "P(covid) 38.7%, above the operating point of 21.0%"),
        ("covid", 0.073, 0.057, None, "covid, P(covid) 7.3%", "P(covid) 7.3%, above the operating point of 5.7%"),
        ("flu", 0.62, 0.8, None, "flu, P(covid) 62.0%", "P(covid) 62.0%, below the operating point of 80.0%"),
        # At 50% the confidence says it all.
        ("covid", 0.5, 0.5, "50.0%", "covid 50.0%", ""),
        ("flu", 0.31, 0.5, "69.0%", "flu 69.0%", ""),
        # As many digits as it takes to tell the two apart; and where nothing does, they are the same.
        ("covid", 0.9, 0.89999, "90.0%", "covid 90.0%", "P(covid) 90.000%, above the operating point of 89.999%"),
        ("covid", 0.21, 0.21, None, "covid, P(covid) 21.0%", "P(covid) 21.0%, at the operating point of 21.0%"),
    ],
)
def test_an_answer_in_words(label, probability, threshold, confidence, short, decision):
    answer = Answer(label, "covid", probability, threshold)

    assert (answer.confidence, answer.short, answer.decision) == (confidence, short, decision)


def test_the_rule_that_chose_the_operating_point_is_named_where_it_is_known():
    answer = Answer("covid", "covid", 0.9, 0.4, "sensitivity=0.95")

    assert answer.decision == "P(covid) 90.0%, above the operating point of 40.0% (sensitivity=0.95)"
