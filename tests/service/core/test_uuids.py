"""UUIDs that keep their digits are UUIDs like any other."""

from __future__ import annotations

import copy
import pickle
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.uuids import read_uuid


@given(st.uuids())
def test_it_is_the_same_as_the_plain_one(plain: UUID) -> None:
    for text in (str(plain), plain.hex, str(plain).upper()):
        ours = read_uuid(text)
        assert (ours, hash(ours), str(ours), ours.hex, ours.bytes) == (
            *(plain, hash(plain), str(plain)),
            *(plain.hex, plain.bytes),
        )
        assert (ours in {plain}, plain in {ours}, ours.version) == (True, True, plain.version)


@given(st.uuids())
def test_copies_are_whole(plain: UUID) -> None:
    ours = read_uuid(str(plain))
    for made in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert (made, made.hex) == (plain, plain.hex)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01990000-0000-7000-8000-00000000000",
        "01990000-0000-7000-8000-0000000000001",
        "{01990000-0000-7000-8000-000000000001}",
        "urn:uuid:01990000-0000-7000-8000-000000000001",
        "0199_0000-0000-7000-8000-00000000001",
        "+1990000-0000-7000-8000-000000000001",
        " 1990000-0000-7000-8000-000000000001",
        "01990000-0000-7000-8000-00000000000 1",
        "٠1990000-0000-7000-8000-000000000001",
        "01990000-0000-7000-8000-000000000001\n",
        " 01990000-0000-7000-8000-000000000001",
        "01990000 0000 7000 8000 000000000001",
        "g1990000-0000-7000-8000-000000000001",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|fromhex"):
        read_uuid(text)


@pytest.mark.parametrize("given", [None, 1, b"0" * 32, ["0" * 32]])
def test_what_is_no_text_is_refused(given: Any) -> None:
    with pytest.raises((AttributeError, TypeError)):
        read_uuid(given)
