"""The record of a model's audit."""

from cxr_cli.auditing.record import AuditFinding
from cxr_cli.films.in_words import count_in_words
from cxr_cli.metrics.intervals import Interval
from cxr_cli.workspace.records import Record, RecordPart


class ViewResult(RecordPart, frozen=True, kw_only=True):
    """How well the model separates the classes when films are shown in one way; an AUC of 0.5 is chance."""

    view: str  # a name of `VIEWS`
    auc: float
    interval: Interval | None
    difference: float  # from the AUC on films as they are
    difference_interval: Interval | None  # by DeLong's method for films of patients
    kept: float | None  # share of what the films as they are have above 0.5; None where they have nothing


class LungHeat(RecordPart, frozen=True, kw_only=True):
    """How much of the heat of Grad-CAM's maps of the positive class lies in the lungs, in what the model is shown."""

    films: int  # with a map that is not blank
    blank: int
    energy: float | None  # share of the heat in the lungs, mean over films; None if all maps are blank
    area: float | None  # share of the film that is lungs: the energy of evenly spread heat
    gain: float | None  # energy - area
    gain_interval: Interval | None


class ModelAuditRecord(Record, frozen=True, kw_only=True):
    """`audit.json` of a run: what its predictions depend on."""

    VERSION = 2
    OLDEST = 1
    MADE_BY = "cxr audit RUN"

    run: str
    run_created: str
    weights_sha256: str | None
    dataset_fingerprint: str
    same_dataset: bool  # the run was trained on this very split
    split: str
    masks: str  # the method that found the lungs, or the folder of their masks
    seed: int
    positive: str
    negative: str
    films: dict[str, int]  # label -> films
    patients: int
    films_without_patient: int | None = None  # of them, that name no patient; None from before this was recorded
    without_mask: int  # films that were left out because their lungs are not known
    seen: int | None  # films that the run was trained or validated on, or copies of them; None where it is not known
    level: str  # of the most serious finding; "ok" without any
    verdict: str  # in one sentence
    alarms: int
    warnings: int
    findings: list[AuditFinding]  # alarms first
    views: list[ViewResult]  # in the order of `VIEWS`
    heat: LungHeat
    notes: list[str]

    def counted(self, kind: str = "films") -> str:
        """How many films of how many patients there are, in words."""
        return count_in_words(sum(self.films.values()), self.patients, self.films_without_patient, kind=kind)
