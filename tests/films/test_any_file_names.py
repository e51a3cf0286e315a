"""For any names: files get names that differ on every system, and that every system can hold."""

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.films.file_names import file_names

TWINS = ["a.png", "A.PNG", "a-2.png", "CON", "ß.png", "SS.png", "é.png", "e\u0301.png", "\udcff", "x" * 300]
ANY = st.text(st.characters(exclude_characters="/"), min_size=1).filter(lambda name: PurePosixPath(name).name)


@given(names=st.lists(ANY | st.sampled_from(TWINS), max_size=12), longest=st.sampled_from([40, 240, 255]))
def test_files_of_any_names_get_names_that_differ_on_every_system(names, longest):
    made = file_names(names, longest=longest)

    assert len(made) == len({name.casefold() for name in made}) == len(names)
    for name in made:
        assert 0 < len(name.encode()) <= longest
        assert PurePosixPath(name).name == name
        assert not set(name) & set('<>:"/\\|?*\0\n\r\t')
        assert name == name.rstrip(" .")
