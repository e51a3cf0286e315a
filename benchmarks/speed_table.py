"""Write the latest rows of RESULTS.md to docs/explanation/speed.md: python benchmarks/speed_table.py."""

import re
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "speed.md"
BEGIN, END = "<!-- speed -->\n", "<!-- /speed -->"
_SHOWN = ("what", "data", "cxr", "peer", "ratio", "cxr, MiB", "peer, MiB")


def table(results: str) -> str:
    """Return the Markdown table of `results`, the text of RESULTS.md."""
    rows: dict[tuple[str, str], list[str]] = {}
    header: list[str] = []
    processor = ""
    for line in results.splitlines():
        if machine := re.match(r"## .*? cores? of (.*?),", line):
            processor = machine[1]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        if cells[0] == "what":
            header = cells
            continue
        row = dict(zip(header, cells, strict=True))
        data = re.sub(r"[\d,+ ]+ films$", "", cells[1])  # a later split may have a few more films, or fewer
        rows[cells[0], data] = [*(row[column] or "–" for column in _SHOWN), processor]
    titles = [*_SHOWN, "processor"]
    lines = [titles, ["---"] * len(titles), *rows.values()]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def with_table(page: str, results: str) -> str:
    """Return the text of the page with the new table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table(results)}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), RESULTS.read_text("utf-8")), "utf-8")
