from cxr_cli import console


def test_a_log_hears_of_a_long_step_now_and_then(capsys, monkeypatch):
    clock = iter(range(0, 1000, 4))  # 4 s at each look
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))

    assert list(console.track(range(7), "Reading films", total=7)) == list(range(7))
    assert capsys.readouterr().err == "Reading films: 7\nReading films: 3 of 7\nReading films: 6 of 7\n"


def test_a_table_has_its_first_column_to_the_left(capsys):
    console.table([("Films", "covid"), ("train", 7), ("all", 12)], indent=0)

    assert capsys.readouterr().out == "Films  covid\ntrain      7\nall       12\n"
