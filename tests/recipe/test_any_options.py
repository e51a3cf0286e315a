"""For any values: training options are taken and read back from a record as they were, or refused in words."""

import json
from dataclasses import asdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.errors import UsageError, WorkspaceError
from cxr_cli.recipe.options import TRAINING_OPTIONS, TrainingOptions, change_options, options_by_name, read_options

SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = SIMPLE | st.lists(SIMPLE, max_size=3) | st.dictionaries(st.text(max_size=5), SIMPLE, max_size=2)


def likely(name: str) -> st.SearchStrategy[object]:
    """Values that the option may take."""
    option = TRAINING_OPTIONS[name]
    low, high = option.text.low or 0, option.text.high or 1000
    return {
        bool: st.booleans(),
        int: st.integers(int(low), int(high)),
        float: st.floats(low, high),
        str: st.sampled_from([*(option.text.choices or ["imagenet", "youden"])]),
        tuple: st.lists(st.text(max_size=5), max_size=2),
    }[option.kind]


CHANGES = st.dictionaries(st.sampled_from([*TRAINING_OPTIONS, "other", ""]), VALUES, max_size=4)
LIKELY = st.fixed_dictionaries({}, optional={name: likely(name) for name in TRAINING_OPTIONS})


@given(changes=CHANGES | LIKELY)
def test_options_are_taken_and_recorded_or_refused(changes):
    try:
        options = change_options(TrainingOptions(), changes)
    except UsageError:
        return
    assert set(options_by_name(options)) == set(TRAINING_OPTIONS)

    recorded = json.loads(json.dumps(asdict(options)))
    assert read_options(recorded, Path("run.json")) == options


@given(recorded=CHANGES | LIKELY, augmentation=VALUES | CHANGES)
def test_a_record_of_any_options_is_read_or_refused(recorded, augmentation):
    try:
        options = read_options(recorded | {"augmentation": augmentation}, Path("run.json"))
    except WorkspaceError:
        return
    assert isinstance(options, TrainingOptions)
