"""Watchers of long steps."""

from cxr_cli.progress import Watcher, note, track, watched_by, watcher


class Notes(Watcher):
    def __init__(self):
        self.notes = []

    def track(self, items, description, *, total):
        self.notes.append((description, total))
        yield from items

    def note(self, text):
        self.notes.append(text)


def test_there_is_no_watcher_by_default(capfd):
    assert list(track(range(3), "Reading films", total=3)) == [0, 1, 2]
    note("done")

    assert capfd.readouterr() == ("", "")


def test_a_watcher_follows_only_its_own_block():
    outer, inner = Notes(), Notes()
    with watched_by(outer):
        with watched_by(inner):
            assert list(track("ab", "Reading films", total=2)) == ["a", "b"]
        note("after")
        assert watcher() is outer

    assert inner.notes == [("Reading films", 2)]
    assert outer.notes == ["after"]
