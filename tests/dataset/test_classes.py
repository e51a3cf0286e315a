"""The two classes of a dataset or run."""

import pytest

from cxr_cli.dataset.classes import Classes


def test_the_negative_class_is_0_and_the_positive_class_1():
    classes = Classes(negative="non_covid", positive="covid")

    assert list(classes) == ["non_covid", "covid"]
    assert list(classes.indices.items()) == [("non_covid", 0), ("covid", 1)]
    assert [classes.label(False), classes.label(True)] == ["non_covid", "covid"]


def test_indices_name_the_classes_in_any_order():
    assert Classes.from_indices({"covid": 1, "non_covid": 0}) == Classes("non_covid", "covid")
    assert Classes.from_indices({"covid": 0, "normal": 1}) == Classes("covid", "normal")


@pytest.mark.parametrize("indices", [{}, {"a": 0}, {"a": 0, "b": 2}, {"a": 0, "b": 0}, {"a": 0, "b": 1, "c": 1}])
def test_indices_other_than_0_and_1_are_refused(indices):
    with pytest.raises(ValueError, match=r"^Expected two classes, the negative one 0 and the positive one 1\."):
        Classes.from_indices(indices)
