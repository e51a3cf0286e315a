"""Tables that fit a terminal."""

import pytest

from cxr_cli.cli.tables import TableColumn, lay_out

_COLUMNS = [TableColumn("run"), TableColumn("AUC"), TableColumn("sensitivity", drop=1), TableColumn("file\nMB", drop=2)]
_ROWS = [
    ["mobilenetv2-imagenet-again", "0.842 (0.713 to 0.971)", "0.750 (0.500 to 0.900)", "9.1"],
    ["x", "–", "0.500", "88.0"],
]


def laid_out(width):
    table = lay_out(_COLUMNS, _ROWS, width=width)
    return [*table.header, *table.body], table.left_out


def test_a_pipe_gets_one_line_for_each_row():
    assert laid_out(None) == (
        [
            "                                                                            file",
            "run                                            AUC             sensitivity    MB",
            "mobilenetv2-imagenet-again  0.842 (0.713 to 0.971)  0.750 (0.500 to 0.900)   9.1",
            "x                                                –                   0.500  88.0",
        ],
        [],
    )


def test_intervals_go_below_their_figures_before_a_column_is_left_out():
    assert laid_out(66) == (
        [
            "                                                              file",
            "run                                    AUC       sensitivity    MB",
            "mobilenetv2-imagenet-                0.842             0.750   9.1",
            "again                     (0.713 to 0.971)  (0.500 to 0.900)",
            "x                                        –             0.500  88.0",
        ],
        [],
    )


@pytest.mark.parametrize("width", range(20, 90))
def test_no_line_is_wider_than_the_terminal(width):
    lines, _ = laid_out(width)

    assert max(map(len, lines)) <= width


def test_the_least_important_columns_are_left_out_first():
    assert [laid_out(width)[1] for width in (66, 65, 60, 59)] == [
        [],
        ["file MB"],
        ["file MB"],
        ["sensitivity", "file MB"],
    ]


def test_no_word_is_broken_while_a_column_can_be_left_out():
    """A name with its mark is a word, and so is a figure with its unit; with nothing else left, a name breaks."""
    columns = [
        TableColumn("run"),
        TableColumn("architecture", drop=2, words=True),
        TableColumn("size", drop=3),
        TableColumn("test"),
    ]
    rows = [["simple-cnn-2 *", "mobilenetv2", "0.9 MB", "0.912"]]

    assert lay_out(columns, rows, width=43).body == ["simple-cnn-2 *  mobilenetv2   0.9 MB  0.912"]
    assert lay_out(columns, rows, width=42) == (
        ["run             architecture   test"],
        ["simple-cnn-2 *  mobilenetv2   0.912"],
        ["size"],
    )
    assert lay_out(columns, rows, width=34).body == ["simple-cnn-2 *  0.912"]
    assert lay_out(columns, rows, width=18).body == ["simple-cnn-  0.912", "2 *"]


def test_wide_letters_take_two_columns():
    table = lay_out([TableColumn("run"), TableColumn("n")], [["肺炎", "1"], ["ab", "22"]], width=None)

    assert table.body == ["肺炎   1", "ab    22"]
