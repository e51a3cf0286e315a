"""What a run says about one film, in words: every command, picture and page has them from `Answer`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """The class of one film with what decided it: ``Prediction.answer``, or that of a row.

    The class is called by the operating point and not by 50%, so the class that is called can be the less probable one.
    Then its probability is never shown as a confidence: `confidence` is None, and `short` and `decision` have
    P(positive) in its place.
    """

    label: str  # the class that is called
    positive: str  # the name of the positive class
    probability: float  # P(positive), in [0, 1]
    threshold: float  # the operating point: from this probability on, the positive class is called
    rule: str = ""  # that chose the operating point, for example "youden"; empty where it is not known

    @property
    def confidence(self) -> str | None:
        """The probability of the class that is called, for example "64.5%"; None where it is below 50%."""
        of_label = self.probability if self.label == self.positive else 1 - self.probability
        # Of the digits in CSV and JSON.
        return f"{round(of_label, 6):.1%}" if of_label >= 0.5 else None

    @property
    def short(self) -> str:
        """The answer in a title or a line: "covid 64.5%", or "covid, P(covid) 38.7%"."""
        confidence = self.confidence
        if confidence:
            return f"{self.label} {confidence}"
        return f"{self.label}, P({self.positive}) {round(self.probability, 6):.1%}"

    @property
    def decision(self) -> str:
        """P(positive) beside the operating point; empty where that is 50%, since the confidence says it all.

        For example "P(covid) 38.7%, above the operating point of 21.0% (youden)".
        """
        if self.threshold == 0.5:
            return ""
        shown, needed = self._apart()
        side = "at" if self.probability == self.threshold else "above" if self.called_positive else "below"
        rule = f" ({self.rule})" if self.rule else ""
        return f"P({self.positive}) {shown}, {side} the operating point of {needed}{rule}"

    @property
    def called_positive(self) -> bool:
        """Whether the positive class is called."""
        return self.label == self.positive

    def _apart(self) -> tuple[str, str]:
        """P(positive) and the operating point, with as many digits as it takes to tell the two apart."""
        texts = ((f"{self.probability:.{digits}%}", f"{self.threshold:.{digits}%}") for digits in (1, 3, 6, 15))
        equal = f"{self.probability:.1%}", f"{self.threshold:.1%}"
        return next(((shown, needed) for shown, needed in texts if shown != needed), equal)
