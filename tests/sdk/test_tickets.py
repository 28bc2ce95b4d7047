"""Tickets: what was signed is read back; what was not, or is too old, is told apart."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from heedback.tickets import MAY, Ticket, TicketError, check, kid_of, sign, ticket_key

KEY = ticket_key("a secret")
TICKET = Ticket("k1", "019aa000-0000-7000-8000-000000000001", "invoice-summary", "u-1", MAY, 2_000_000_000)
NOW = 1_900_000_000.0


@given(user=st.none() | st.text(max_size=30), may=st.sets(st.sampled_from(MAY)))
def test_round_trip(user: str | None, may: set[str]) -> None:
    """Whatever is signed comes back as it was, under the key id it carries."""
    ticket = replace(TICKET, user=user, may=tuple(sorted(may)))
    text = sign(ticket, KEY)
    assert check(text, KEY, now=NOW) == ticket
    assert kid_of(text) == "k1"


@pytest.mark.parametrize(
    ("text", "key", "now", "reason"),
    [
        pytest.param(sign(TICKET, KEY), ticket_key("another"), NOW, "forged", id="another key's"),
        pytest.param(sign(TICKET, KEY).replace("k1.", "k2.", 1), KEY, NOW, "forged", id="under another key id"),
        pytest.param(sign(TICKET, KEY)[:-2] + "xx", KEY, NOW, "forged", id="changed"),
        pytest.param(sign(TICKET, KEY), KEY, 2_000_000_000.0, "expired", id="too old by a second"),
        pytest.param("nothing", KEY, NOW, "malformed", id="no ticket"),
        pytest.param("", KEY, NOW, "malformed", id="empty"),
    ],
)
def test_what_is_not_trusted(text: str, key: bytes, now: float, reason: str) -> None:
    """Each kind of distrust has its name."""
    with pytest.raises(TicketError) as caught:
        check(text, key, now=now)
    assert caught.value.reason == reason


def signed(body: object) -> str:
    """By the right key, whatever it is."""
    serializer = URLSafeSerializer(KEY, salt="heedback.ticket.k1", signer_kwargs={"digest_method": hashlib.sha256})
    if isinstance(body, bytes):
        return f"k1.{serializer.make_signer(serializer.salt).sign(body).decode()}"
    return f"k1.{serializer.dumps(body)}"


TOLD = {"output_id": "o", "feature": "f", "user": None, "may": [], "exp": 2_000_000_000}


@pytest.mark.parametrize(
    "body",
    [7, [], None, {}, TOLD | {"exp": float("inf")}, TOLD | {"exp": "soon"}, TOLD | {"may": 7}, b"!!", b".AAAA",
     TOLD | {"more": "x" * 10**7}],
    ids=lambda body: str(body)[:40],
)  # fmt: skip
def test_what_the_right_key_signed_may_be_no_ticket(body: object) -> None:
    """Whoever has a key must not break the service with it, nor have it unpack what is too large."""
    with pytest.raises(TicketError, match="malformed"):
        check(signed(body), KEY, now=NOW)


def test_the_key_never_changes() -> None:
    """Both sides derive it, years apart: the expected bytes are HKDF-SHA256 as OpenSSL computes it."""
    assert KEY.hex() == "e387d016eb6d7e37a731188fc92bb7ce5e628520122eb7612df8ea7ab5e6b10e"
