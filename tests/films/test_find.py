"""Finding films in files, folders and globs: in order, each once, and the same for `predict` and `prepare`."""

import os
from pathlib import Path

import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from cxr_cli.dataset.folders import select_from_folders
from cxr_cli.errors import FolderError, ImageError
from cxr_cli.films.find import find_films
from cxr_cli.progress import Watcher, watched_by

HINT = "Give a radiograph as PNG, JPEG, TIFF, BMP, WebP or DICOM, for example: cxr predict film.png"
SUFFIXES = ".png, .jpg, .jpeg, .bmp, .tif, .tiff, .webp, .gif, .pgm, .jp2, .dcm, .dicom"


def films_in(folder: Path, *names: str) -> list[Path]:
    """Create empty files with the names of films: files are found without being read."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def test_a_folder_is_searched_at_any_depth_in_path_order(tmp_path):
    films_in(tmp_path, "b.PNG", "a.jpg", "c/z.dcm", "c/d/y.jpeg", "notes.txt", "metadata.csv", "README")

    assert list(find_films([tmp_path])) == [tmp_path / name for name in ("a.jpg", "b.PNG", "c/d/y.jpeg", "c/z.dcm")]


def test_hidden_files_and_folders_are_skipped(tmp_path):
    visible, *_ = films_in(tmp_path, "film.png", "._film.png", ".cache/film.png", "a/.b/film.png")

    assert list(find_films([tmp_path])) == [visible]


def test_a_hidden_folder_is_searched_when_named(tmp_path):
    (film,) = films_in(tmp_path, ".films/a.png")

    assert list(find_films([tmp_path / ".films"])) == [film]


def test_a_folder_with_the_name_of_a_film_is_not_a_film(tmp_path):
    (film,) = films_in(tmp_path, "study.png/film.png")

    assert list(find_films([tmp_path])) == [film]


def test_len_and_in_work_on_the_films_of_a_place(tmp_path):
    a, b = films_in(tmp_path, "a.png", "b.png")
    found = find_films([tmp_path])

    assert len(found) == 2
    assert b in found
    assert tmp_path / "c.png" not in found
    assert list(found) == list(found) == [a, b]


def test_paths_in_the_current_folder_have_no_prefix(in_folder):
    films_in(in_folder, "a.png", "sub/b.png")

    assert list(find_films([Path(), Path("a.png"), Path("sub")])) == [Path("a.png"), Path("sub/b.png")]


@pytest.fixture
def notes():
    """What the watcher is told."""
    told: list[str] = []

    class Listener(Watcher):
        def note(self, text: str) -> None:
            told.append(text)

    with watched_by(Listener()):
        yield told


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_followed_within_the_folder_but_not_out_of_it_and_not_in_a_loop(tmp_path, notes):
    (film,) = films_in(tmp_path, "films/a.png")
    inner, other, far = films_in(tmp_path, "films/store/z.png", "elsewhere/z.png", "films-2/y.png")
    films = tmp_path / "films"
    (films / "b.png").symlink_to(film)
    (films / "c.png").symlink_to(films / "gone.png")
    (films / "linked").symlink_to(inner.parent)
    (films / "round").symlink_to(films)
    (films / "film-out.png").symlink_to(other)
    (films / "gone-out.png").symlink_to(tmp_path / "gone.png")
    (films / "out").symlink_to(other.parent)
    (films / "sibling").symlink_to(far.parent)

    names = ("a.png", "b.png", "c.png", "linked/z.png", "store/z.png")
    assert list(find_films([films])) == [films / name for name in names]
    assert notes == [f"4 links lead out of {films}, not followed: {films / 'film-out.png'} …"]
    # Whoever names a link means it.
    assert list(find_films([films / "film-out.png", films / "out"])) == [
        films / "film-out.png",
        films / "out" / "z.png",
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_predict_and_prepare_see_the_same_films_in_a_folder_with_links(tmp_path, notes):
    films_in(tmp_path, "set/covid/a.png", "set/covid/.b.png", "set/covid/notes.txt", "set/.store/c.PNG", "out/d.jpg")
    (tmp_path / "set" / "normal").symlink_to(tmp_path / "set" / ".store")
    (tmp_path / "set" / "covid" / "again").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "covid" / "gone.png").symlink_to(tmp_path / "set" / "gone.png")
    (tmp_path / "set" / "covid" / "out").symlink_to(tmp_path / "out")

    selection = select_from_folders(tmp_path / "set")

    prepared = [film.image for film in selection.kept]
    assert list(find_films([tmp_path / "set"])) == prepared
    assert len(prepared) == 3
    assert ("covid/out", "a link that leads out of the folder") in [
        (row.filename, row.reason) for row in selection.excluded
    ]
    assert notes == [f"1 link leads out of {tmp_path / 'set'}, not followed: {tmp_path / 'set/covid/out'}"] * 2


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_folder_of_nothing_but_links_out_of_it_says_what_to_name(tmp_path, notes):
    (film,) = films_in(tmp_path, "elsewhere/z.png")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "z.png").symlink_to(film)

    with pytest.raises(ImageError) as caught:
        find_films([tmp_path / "films"])
    assert caught.value.hint == "Name the folder that the link leads to"
    assert len(notes) == 1


@pytest.mark.parametrize("see", [lambda folder: list(find_films([folder])), select_from_folders])
def test_an_unreadable_folder_is_an_error_that_names_it(tmp_path, monkeypatch, see):
    films_in(tmp_path, "covid/a.png", "covid/locked/b.png", "normal/c.png")
    locked, scandir = tmp_path / "covid" / "locked", os.scandir

    def refuse(folder: str) -> object:
        if Path(folder) == locked:
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)  # the tests may run as root, who can read everything
    with pytest.raises(FolderError) as caught:
        see(tmp_path)

    assert caught.value.message == f"Expected to read the folder {locked}. Received: Permission denied."
    assert caught.value.hint == "Check who may read it"


def test_places_keep_their_order_and_each_film_comes_once(tmp_path):
    a, b, c = films_in(tmp_path, "a.png", "b.png", "sub/c.png")

    assert list(find_films([b, tmp_path, a, b])) == [b, a, c]


def test_a_named_file_needs_no_known_suffix(tmp_path):
    (film,) = films_in(tmp_path, "IM000001")

    assert list(find_films([film])) == [film]


def test_an_unexpanded_glob_is_expanded(tmp_path):
    a, b, c, _ = films_in(tmp_path, "a.png", "b.png", "sub/c.png", "d.jpg")

    assert list(find_films([tmp_path / "*.png"])) == [a, b]
    assert list(find_films([tmp_path / "**" / "*.png"])) == [a, b, c]


def test_a_folder_that_matches_a_glob_is_searched(tmp_path):
    films = films_in(tmp_path, "one/a.png", "one/b.png", "other/c.png")

    assert list(find_films([tmp_path / "o*"])) == films


def test_an_existing_file_whose_name_looks_like_a_glob_is_used(tmp_path):
    film, _ = films_in(tmp_path, "film[1].png", "film1.png")

    assert list(find_films([film])) == [film]


def test_a_folder_without_films_is_an_error_that_lists_the_suffixes(tmp_path):
    films_in(tmp_path, "notes.txt")

    with pytest.raises(ImageError) as caught:
        find_films([tmp_path])
    assert (
        caught.value.message == f"Expected films in the folder {tmp_path}. Received: no file ending in {SUFFIXES}, "
        "and no DICOM file without suffix."
    )
    assert caught.value.hint == HINT


@pytest.mark.parametrize("name", ["missing.png", "*.png", "missing/film.png"])
def test_a_missing_place_is_an_error_that_names_it(tmp_path, name):
    with pytest.raises(ImageError) as caught:
        find_films([tmp_path / name])

    assert caught.value.message == (f"Expected a film, a folder or a glob. Received: nothing at {tmp_path / name}.")
    assert caught.value.hint == (f"The folder {tmp_path} has no films" if "*" in name else HINT)


@pytest.mark.skipif(os.name == "nt", reason="Windows says it in other words")
def test_an_impossible_file_name_is_an_error_that_names_it(tmp_path):
    place = tmp_path / ("x" * 300)

    with pytest.raises(ImageError) as caught:
        find_films([place])
    assert caught.value.message == f"Expected a film. Received: {place}: File name too long."


def test_files_without_suffix_are_found_by_their_content(tmp_path, pixels, write_dicom):
    write_dicom(tmp_path / "IM000001", pixels, bits=8)
    write_dicom(tmp_path / "1.2.826.0.1.3680043.8.498.77", pixels, bits=8)
    Image.fromarray(pixels).save(tmp_path / "scan", format="PNG")
    Image.fromarray(pixels).save(tmp_path / "scan.txt", format="PNG")
    (tmp_path / "README").write_text("BM and P5 may begin a text")
    os.mkfifo(tmp_path / "PIPE")

    names = [film.name for film in find_films([tmp_path])]
    assert names == ["1.2.826.0.1.3680043.8.498.77", "IM000001", "scan"]


def write_dicomdir(folder: Path, *files: str | list[str]) -> Path:
    """Write a DICOMDIR that lists `files`, and a report that is no image."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MediaStorageDirectoryStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("DICOMDIR", {}, file_meta=meta, preamble=bytes(128))
    data.DirectoryRecordSequence = []
    for name in (*files, ["REPORT"]):
        record = Dataset()
        record.DirectoryRecordType = "SR DOCUMENT" if name == ["REPORT"] else "IMAGE"
        record.ReferencedFileID = name
        data.DirectoryRecordSequence.append(record)
    data.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def test_a_dicomdir_stands_for_its_images(tmp_path, pixels, write_dicom):
    (tmp_path / "CD" / "dicom").mkdir(parents=True)
    write_dicom(tmp_path / "CD" / "dicom" / "im2", pixels, bits=8)  # some systems write the names of a CD in lower case
    write_dicom(tmp_path / "CD" / "IM1", pixels, bits=8)
    path = write_dicomdir(tmp_path / "CD", ["DICOM", "IM2"], "IM1", ["DICOM", "IM3"])

    folder = tmp_path / "CD"
    assert list(find_films([path])) == [folder / "dicom" / "im2", folder / "IM1", folder / "DICOM" / "IM3"]
    assert list(find_films([folder])) == [folder / "IM1", folder / "dicom" / "im2"]
    path.rename(folder / "index")
    assert len(find_films([folder / "index"])) == 3


@pytest.mark.parametrize(("name", "leaves"), [("AA/SECRET", "../secret"), ("AAAA/PASSWD", "/etc/passwd")])
def test_a_dicomdir_that_leaves_its_folder_is_refused(tmp_path, name, leaves):
    (tmp_path / "CD").mkdir()
    (tmp_path / "secret").touch()
    path = write_dicomdir(tmp_path / "CD", name.split("/"))
    listed = leaves.rpartition("/")
    stored = b"\\".join((listed[0].encode(), listed[2].encode()))
    content = path.read_bytes().replace(name.replace("/", "\\").encode(), stored.ljust(len(name)))
    path.write_bytes(content)

    with pytest.raises(ImageError) as caught:
        find_films([path])
    assert caught.value.message == (
        f"Expected a DICOMDIR that lists files of its folder. Received: {path} lists {leaves}."
    )


def test_a_damaged_or_empty_dicomdir_is_refused(tmp_path):
    path = write_dicomdir(tmp_path)
    with pytest.raises(ImageError, match="lists none"):
        find_films([path])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageError, match="Expected a DICOMDIR"):
        find_films([path])


def test_a_pipe_without_suffix_whose_writer_is_silent_is_no_film(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "film.png").touch()
    silent = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        assert list(find_films([tmp_path])) == [tmp_path / "film.png"]
    finally:
        os.close(silent)
