"""The checklists of a report: where it answers each item of a guideline, what was not done, and what is left to say."""

from collections.abc import Sequence

from cxr_cli.reporting.document import Cell, Section, TableBlock, Text
from cxr_cli.reporting.guidelines.claim import CLAIM
from cxr_cli.reporting.guidelines.item import Item
from cxr_cli.reporting.guidelines.probast import PROBAST
from cxr_cli.reporting.guidelines.stard import STARD
from cxr_cli.reporting.guidelines.tripod import TRIPOD
from cxr_cli.reporting.results import RESULTS

AUTHOR = "For the author."
CHECKLISTS = {"CLAIM 2024": CLAIM, "TRIPOD+AI": TRIPOD, "STARD-AI 2025": STARD, "PROBAST+AI": PROBAST}
_INTRO = "Where this report addresses the items of the checklist, what was not done, and what the author has to add."


def checklist_sections(sections: Sequence[Section]) -> list[Section]:
    """One section per checklist, given those of the report."""
    return [Section(title, [Text(_INTRO, "note"), _table(items, sections)]) for title, items in CHECKLISTS.items()]


def _table(items: Sequence[Item], sections: Sequence[Section]) -> TableBlock:
    answers = [list[Cell](row) for row in rows(items, sections)]
    return TableBlock(["item", "asks for", "in this report"], answers, left=3, folded=f"All {len(answers)} items")


def rows(items: Sequence[Item], sections: Sequence[Section]) -> list[list[str]]:
    """One row per item: its number, what it asks for, and where the report answers it, or that this was not done."""
    where: dict[str, list[str]] = {result: [] for result in RESULTS}
    for section in sections:
        for result in section.holds:
            where[result].append(f"“{section.title}”")
    return [[item.number, item.asks, _answer(item, where)] for item in items]


def _answer(item: Item, where: dict[str, list[str]]) -> str:
    titles = dict.fromkeys(title for result in item.results for title in where[result])
    sentences = [f"See {' and '.join(titles)}."] if titles else []
    sentences += [RESULTS[result] for result in item.results if not where[result]]
    if item.left or not item.results:
        sentences.append(f"{AUTHOR} {item.left}".rstrip())
    return " ".join(sentences)
