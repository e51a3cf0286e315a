"""Before a dataset is replaced, its films and the tests on it are named."""

from cxr_cli.dataset.replacing import replaced_in_words
from cxr_cli.workspace.layout import Workspace


def test_the_dataset_that_is_replaced_is_named_with_the_tests_on_it(cxr, prepared, own_trained, phantoms, tmp_path):
    assert replaced_in_words(Workspace(tmp_path / "new")) == ""
    films = len(own_trained.dataset.manifest.read_text().splitlines()) - 1
    plain = f"Replaces the dataset of {films} films made from {phantoms}"
    assert replaced_in_words(own_trained) == f"{plain}."

    record = own_trained.evaluation("simple-cnn", "test").record
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    sentence = f"{plain}; the tests of simple-cnn will be out of date, unless the films stay the same."

    assert replaced_in_words(own_trained) == sentence
    result = cxr("prepare", "--metadata", phantoms, "-w", own_trained.root)
    assert result.exit_code == 0
    assert result.stderr.replace("\n", " ").startswith(sentence)

    own_trained.dataset.record.write_text("{")
    assert replaced_in_words(own_trained) == ""
