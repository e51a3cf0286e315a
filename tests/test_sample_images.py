"""The sample films are those that the command in CONTRIBUTING renders."""

from pathlib import Path

from PIL import features

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_images"


def test_the_command_in_the_docs_renders_the_samples(cxr, tmp_path):
    assert "`cxr phantoms sample_images --films 6`" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    cxr("phantoms", tmp_path / "again", "--films", "6")
    again = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    committed = {path.name: path.read_bytes() for path in SAMPLES.iterdir()}

    assert sorted(committed) == sorted(again)
    assert {"covid.png", "non_covid.png", "metadata.csv"} < set(committed)
    if "zlib_ng" in features.features and features.check_feature("zlib_ng"):
        assert committed == again
    else:
        # Another deflate library gives other bytes for the same pixels.
        from cxr_cli.films.reader import read_film

        assert committed["metadata.csv"] == again["metadata.csv"]
        for name in set(committed) - {"metadata.csv"}:
            assert (read_film(SAMPLES / name) == read_film(tmp_path / "again" / name)).all()
