"""`segmentations.json`, the record of a folder of lung masks."""

from cxr_cli.workspace.records import Record, RecordPart


class SegmentedFilm(RecordPart, frozen=True, kw_only=True):
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


class Agreement(RecordPart, frozen=True, kw_only=True):
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
