"""docs/reference/python.md: its blocks run in order and print what it says."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

from cxr_cli.errors import COMMANDS

DOCS = Path(__file__).parents[1] / "docs" / "reference" / "python.md"


def test_the_blocks_of_the_page_run_and_print_what_it_says(in_folder):
    blocks = re.findall(r"^```(python|text)\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    printed = ""

    for kind, text in blocks:
        if kind == "text":
            assert printed == text
            continue
        with redirect_stdout(io.StringIO()) as output:
            exec(compile(text, DOCS.name, "exec"), names)
        printed = output.getvalue()

    assert len(blocks) > 15
    assert all(f"`{command}`" in DOCS.read_text(encoding="utf-8") for command in COMMANDS), "a function is missing"
    assert (in_folder / "heat.png").is_file()
