"""The options of training as they were used."""

from importlib.metadata import version

from cxr_cli.recipe.resolved import options_in_words, resolve_option

NOW = version("cxr-cli")


def test_what_depends_on_the_architecture_has_its_value():
    options = {"arch": "mobilenetv2", "learning_rate": None, "epochs": 4, "freeze": None, "image_size": None}

    assert options_in_words("mobilenetv2", options, made_with=NOW) == {
        "arch": "mobilenetv2",
        "learning rate": "1e-4 (default of mobilenetv2)",
        "epochs": "4",
        "freeze": "0.666667 (default of mobilenetv2)",
        "image size": "224 (default of mobilenetv2)",
    }


def test_random_weights_are_not_frozen():
    options = {"weights": "none", "freeze": None}

    assert resolve_option("mobilenetv2", options, "freeze", made_with=NOW) == 0


def test_the_defaults_of_another_version_are_not_passed_off_as_its_own():
    options = {"learning_rate": None}

    assert resolve_option("mobilenetv2", options, "learning_rate", made_with="0.0.1") is None
    assert options_in_words("mobilenetv2", options, made_with="0.0.1") == {
        "learning rate": f"1e-4 (default of mobilenetv2 in cxr-cli {NOW}; it was trained with 0.0.1)"
    }


def test_values_are_words_that_a_person_reads():
    options = {"flip": True, "masks": [], "fine_tune_learning_rate": 2.5e-05, "augmentation": {"shift": 0.05}}

    assert options_in_words("simple-cnn", options, made_with=NOW) == {
        "flip": "yes",
        "masks": "none",
        "fine tune learning rate": "2.5e-5",
        "augmentation: shift": "0.05",
    }
