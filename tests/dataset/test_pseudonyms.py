"""Pseudonyms, and the key that they are made with."""

import hashlib
import hmac
import os
import re

import pytest

from cxr_cli.dataset.pseudonyms import Pseudonyms, open_pseudonyms
from cxr_cli.errors import WorkspaceError


def test_a_pseudonym_is_a_keyed_hash_of_kind_and_value():
    pseudonyms = Pseudonyms(b"k" * 32)

    expected = hmac.new(b"k" * 32, b"patient\x000042", hashlib.sha256).hexdigest()[:16]
    assert pseudonyms.of("patient", "0042") == expected
    assert pseudonyms.of("film", "0042") != expected
    assert Pseudonyms(b"l" * 32).of("patient", "0042") != expected
    assert pseudonyms.of("patient", "") == ""


def test_the_key_is_made_once_and_kept(tmp_path):
    path = tmp_path / "workspace" / "pseudonym.key"
    first = open_pseudonyms(path).of("patient", "0042")

    assert re.fullmatch("[0-9a-f]{16}", first)
    assert open_pseudonyms(path).of("patient", "0042") == first
    assert [entry.name for entry in path.parent.iterdir()] == ["pseudonym.key"]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no modes")
def test_only_its_owner_can_read_the_key(tmp_path):
    path = tmp_path / "pseudonym.key"
    open_pseudonyms(path)
    assert path.stat().st_mode & 0o777 == 0o600

    path.chmod(0o644)
    open_pseudonyms(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_refused_and_kept(tmp_path):
    path = tmp_path / "pseudonym.key"
    path.write_bytes(b"short")

    with pytest.raises(WorkspaceError) as caught:
        open_pseudonyms(path)

    assert caught.value.message == f"Expected a key of 32 bytes in {path}. Received: 5 bytes."
    assert path.read_bytes() == b"short"
