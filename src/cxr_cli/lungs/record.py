"""`segmentations.json`, the record of a folder of lung masks."""

from cxr_cli.workspace.records import Record, RecordPart


class SegmentedFilm(RecordPart, frozen=True, kw_only=True):
    """The lungs of one film."""

    image: str
    ok: bool  # the mask passed every check
    flags: list[str]  # the reasons to doubt it
    lungs: int
    area: float  # share of the film that the mask covers
    balance: float  # area of the smaller lung, as a share of the larger
    border: float  # share of the film's border that the mask touches
    contrast: float | None  # of clusters; None from a method that does not cluster
    certainty: float | None  # of a network; None from other methods
    mask: str  # path; a mask that is not ok is in another folder
    overlay: str
    clusters: str | None
    reference: str | None  # the mask it was compared with
    dice: float | None
    iou: float | None


class Agreement(RecordPart, frozen=True, kw_only=True):
    """How well masks agree with reference masks."""

    films: int
    dice_mean: float
    dice_median: float
    iou_mean: float
    iou_median: float
    films_ok: int  # films whose mask passed every check
    dice_mean_ok: float | None  # of these films
    worst: dict[str, float]  # image -> Dice, lowest first


class SegmentationRecord(Record, frozen=True, kw_only=True):
    """`segmentations.json`: the lungs of some films."""

    VERSION = 3
    MADE_BY = "cxr segment film.png"

    method: str  # a segmentation method, or the name of the run whose network was used
    reference: str | None
    films: list[SegmentedFilm]
    failed: dict[str, str]  # image -> why it could not be read
    doubtful: int  # films whose mask failed a check
    without_reference: int  # films without a reference mask
    agreement: Agreement | None  # with the reference masks
