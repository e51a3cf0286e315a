"""What is read from a source: films with a label, and a reason for everything that is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

from cxr_cli.dataset.record import DatasetRecord, FunnelStep
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A metadata row, or a file of a folder, that is left out, and why."""

    metadata: str  # empty where there is none
    row: int | None  # of the metadata file, 1 is the first after the header
    filename: str  # as the metadata has it, or from the folder that was read
    patient: str
    finding: str
    view: str
    modality: str
    reason: str


EXCLUDED = CsvTable(Exclusion, made_by=DatasetRecord.MADE_BY)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A film that passed the rules so far. Its file exists but has not been read yet."""

    image: Path
    source: str  # the name of the folder of the metadata file, or of the class folders
    filename: str
    label: str
    finding: str
    patient: str  # empty where it isn't known
    metadata: str = ""
    row: int | None = None
    view: str = ""
    modality: str = ""
    sex: str = ""
    age: str = ""
    location: str = ""  # the hospital or place, as the metadata has it
    part: str = ""  # train, val or test where it is given
    private: bool = False  # the path of `image` may name a person and must not be written; `filename` is a pseudonym

    @property
    def own_name(self) -> Path:
        """The file that its copy is named after."""
        return Path(self.filename) if self.private else self.image

    def excluded(self, reason: str) -> Exclusion:
        """The same film, left out."""
        return Exclusion(
            metadata=self.metadata,
            row=self.row,
            filename=self.filename,
            patient=self.patient,
            finding=self.finding,
            view=self.view,
            modality=self.modality,
            reason=reason.replace(str(self.image), self.filename) if self.private else reason,
        )


@dataclass
class Selection:
    """What the rules made of the rows of metadata, or of the files in folders."""

    negative: str
    positive: str
    rows: int = 0
    patients_listed: int | None = None  # named in them; None where no film that is kept names its patient
    kept: list[Candidate] = field(default_factory=list)
    excluded: list[Exclusion] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # image -> why it could not be read; also in `excluded`
    unread: list[str] = field(default_factory=list)  # errors of private films that can't be read: not to be written
    funnel: list[FunnelStep] = field(default_factory=list)
    missing_columns: list[str] = field(default_factory=list)
    given_parts: list[str] = field(default_factory=list)  # in the order of `PARTS`
    notes: list[str] = field(default_factory=list)  # what to know about the dataset, in sentences

    def reject(self, rule: str, rejected: Sequence[Exclusion]) -> None:
        """Count and keep what one rule left out."""
        left = (self.funnel[-1].left if self.funnel else self.rows) - len(rejected)
        self.funnel.append(FunnelStep(rule=rule, removed=len(rejected), left=left))
        self.excluded.extend(rejected)

    def count_patients(self) -> None:
        """Count, for each step of the funnel, the patients that the films left by it name; once all rules have run."""
        named = {_patient(film) for film in self.kept if film.patient}
        if not named:
            return
        steps, end = [], len(self.excluded)
        for step in reversed(self.funnel):
            steps.append(msgspec.structs.replace(step, patients=len(named)))
            named |= {_patient(row) for row in self.excluded[end - step.removed : end] if row.patient}
            end -= step.removed
        self.funnel, self.patients_listed = steps[::-1], len(named)


def _patient(film: Candidate | Exclusion) -> tuple[Path, str]:
    """A patient's name is unique in a collection: the folder of a metadata file, or of class folders."""
    return _folder(film.metadata), film.patient


@cache
def _folder(file: str) -> Path:
    return Path(file).parent
