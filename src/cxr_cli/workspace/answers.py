"""The records of what methods and runs answered for films."""

from cxr_cli.workspace.records import Part, Record


class SegmentedFilm(Part, frozen=True, kw_only=True):
    """The lungs of one film."""

    image: str
    ok: bool  # the mask passed every check
    flags: list[str]  # what speaks against it
    lungs: int
    area: float  # of the film, as are all shares
    balance: float  # the smaller lung's area, of the larger's
    border: float  # that the mask touches
    contrast: float
    mask: str  # where they were written; a mask that is not ok lies apart
    overlay: str
    clusters: str
    reference: str | None  # the mask it was compared with
    dice: float | None
    iou: float | None


class Agreement(Part, frozen=True, kw_only=True):
    """How far masks agree with reference masks."""

    films: int
    dice_mean: float
    dice_median: float
    iou_mean: float
    iou_median: float
    films_ok: int  # of them, those whose mask passed every check
    dice_mean_ok: float | None  # of those
    worst: dict[str, float]  # image -> Dice, the worst first


class SegmentationRecord(Record, frozen=True, kw_only=True):
    """`segmentations.json`: the lungs of some films."""

    VERSION = 1
    MADE_BY = "cxr segment film.png"

    method: str
    reference: str | None
    films: list[SegmentedFilm]
    failed: list[str]  # images that gave no answer
    doubtful: int  # films whose mask failed a check
    without_reference: int  # films that no reference mask was found for
    agreement: Agreement | None  # with the reference masks


class AnswersPlan(Record, frozen=True, kw_only=True):
    """`plan.json`: whose answers for which films a folder holds, or will."""

    VERSION = 1
    MADE_BY = "cxr predict FOLDER --cluster local --output answers"

    run: str
    fingerprint: str  # of what the run's answers come from
    films: int
    films_sha256: str  # of their paths, in order
    films_a_partition: int


class AnswersRecord(Record, frozen=True, kw_only=True):
    """`answers.json`: all films of an archive are answered."""

    VERSION = 1
    MADE_BY = AnswersPlan.MADE_BY

    run: str
    fingerprint: str
    positive: str
    threshold: float
    films: int
    answers: dict[str, int]  # class -> films
    errors: int  # films without an answer
    parts: int
    films_before: int  # of them, answered by earlier calls that were stopped
    seconds: float  # of the last call, as are the rest
    films_a_second: float
    threads: int  # of the workers, at its end
