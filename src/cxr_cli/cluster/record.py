"""The records of a folder of predictions that a cluster writes."""

from cxr_cli.metrics.conformal import SetRule
from cxr_cli.workspace.records import Record


class PredictionsPlan(Record, frozen=True, kw_only=True):
    """`plan.json`: which run's predictions for which films the folder is for."""

    VERSION = 3
    MADE_BY = "cxr predict FOLDER --cluster local --output predictions"

    run: str
    fingerprint: str  # of all that the predictions depend on
    films: int
    films_sha256: str  # of their paths, in order
    films_a_partition: int
    sets: SetRule | None  # how prediction sets are made, if there are any


class PredictionsRecord(Record, frozen=True, kw_only=True):
    """`answers.json`: all films of an archive are predicted."""

    VERSION = 4
    MADE_BY = PredictionsPlan.MADE_BY

    run: str
    fingerprint: str
    positive: str
    threshold: float
    films: int
    answers: dict[str, int]  # class -> films
    abstained: int  # films that got no class
    errors: int  # files that could not be read
    parts: int
    films_before: int  # of them, predicted by earlier calls that were stopped
    seconds: float  # this and the following are of the last call
    films_a_second: float
    threads: int  # of the workers, at its end
