"""`grades.json`, the record of a gallery of heat maps."""

from typing import Any

from cxr_cli.metrics.intervals import Interval
from cxr_cli.workspace.records import Record, RecordPart


class GradedFilm(RecordPart, frozen=True, kw_only=True):
    """The heat map of a film, and its measures; a measure is None if it was not requested, or there is no mask."""

    image: str
    picture: str  # relative to the folder of the gallery, like `map`
    map: str | None
    group: str  # the patient; the image if no patient is known
    truth: str | None
    answer: str  # the predicted class
    correct: bool | None
    confidence: float  # of the predicted class
    target: str  # the class whose evidence is shown; empty for a method without classes
    blank: bool  # no value of the map is above 0
    lung_energy: float | None = None  # share of the heat that is in the lungs
    lung_area: float | None = None  # share of what the model was shown that is lungs
    lung_ratio: float | None = None
    lung_energy_others: float | None = None  # what the maps of other patients would have there
    lung_gain: float | None = None  # lung_energy - lung_energy_others
    lung_hit: bool | None = None  # the hottest point is in the lungs
    lesion_hit: bool | None = None  # the hottest point is in a lesion
    lesion_area: float | None = None  # share of what the model was shown that is lesion
    lesion_hit_near: bool | None = None  # in it, or near it
    lesion_area_near: float | None = None
    deletion: float | None = None  # areas under the curves
    random_deletion: float | None = None
    deletion_gain: float | None = None  # random_deletion - deletion
    insertion: float | None = None
    random_insertion: float | None = None
    insertion_gain: float | None = None  # insertion - random_insertion


class Grade(RecordPart, frozen=True, kw_only=True):
    """The mean of one measure over the films that have it."""

    films: int
    groups: int
    value: float
    interval: Interval | None
    chance: float  # its value for a map without information


class RandomizedDepth(RecordPart, frozen=True, kw_only=True):
    """How similar the heat maps stay when part of the weights is random; means over films and draws."""

    weights: str  # that are random
    share: float  # of all weights
    spearman: dict[str, float | None]  # by method; None where no film's is defined
    spearman_absolute: dict[str, float | None]
    ssim: dict[str, float | None]  # of what is drawn


class Randomization(RecordPart, frozen=True, kw_only=True):
    """The weight randomisation check of Adebayo et al. 2018, from the head downward."""

    films: int
    draws: int  # of all weights, over which the means are too
    seed: int
    depths: list[RandomizedDepth]
    passed: dict[str, bool]  # by method
    verdicts: dict[str, str]  # by method, in words


class GradesRecord(Record, frozen=True, kw_only=True):
    """`grades.json`: the heat maps of some films, and what they are worth."""

    VERSION = 3
    OLDEST = 2
    MADE_BY = "cxr gradcam FOLDER"

    run: str
    explained: str  # whose heat maps they are: the run's, or of a part of it
    method: str
    target: str | None  # the class whose evidence is shown; None for the predicted class of each film
    split: str | None  # of the prepared dataset; None for films that were named
    seed: int
    order: str  # of the films, in words
    lungs: str | None  # the folder of masks
    lesions: str | None
    films: list[GradedFilm]  # in that order
    failed: dict[str, str]  # image -> why it could not be read; empty from before this was recorded
    abstained: dict[str, str]  # image -> why it got no class, and no heat map
    wrong: int | None  # wrong predictions; None if no truth is known
    blank: int
    grades: dict[str, Grade]
    randomization: Randomization | None
    notes: list[str]

    @classmethod
    def upgrade(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Read the list of version 2, which doesn't say why an image could not be read."""
        failed = fields.get("failed")
        return fields | {"failed": {str(image): "" for image in failed}} if isinstance(failed, list) else fields
