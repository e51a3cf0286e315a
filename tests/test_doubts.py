"""What speaks against a result, by weight."""

from cxr_cli.doubts import Doubt, Weight, alarm, loudest_first, remark, warning


def test_sorts_the_loudest_first_and_leaves_out_what_is_repeated():
    few, chance, note = warning("Few."), alarm("Chance."), remark("Known.")

    assert loudest_first([note, few, chance, warning("Second."), few]) == [chance, few, warning("Second."), note]


def test_names_its_weight_in_text_without_colors():
    assert str(alarm("Not shown to be better than chance.")) == "Alarm: Not shown to be better than chance."
    assert str(Doubt(Weight.WARNING, "Never tested.", "Test it: cxr evaluate")) == (
        "Warning: Never tested. Test it: cxr evaluate"
    )
    assert str(remark("All films are covid.")) == "Note: All films are covid."
