"""Redaction: the golden cases, done twice is done once, and time that grows with the text and no faster."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heedback.redaction import MARKS, VERSION, redact

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("contract/redaction.json").read_text(encoding="utf-8"))
CASES = [pytest.param(case["before"], case["after"], id=case["name"]) for case in GOLDEN["cases"]]

# Pieces that each rule reacts to, so that hypothesis puts them beside each other in every order.
PIECES = [
    *(case["before"] for case in GOLDEN["cases"]),
    *MARKS,
    *("1", "0", "+", "-", ".", ":", "@", " ", "sk-", "eyJ", "bearer ", "DE89", "::", "a", "F", "[", "]", "\n", "é"),
    *("\\", "\\n", "u00a0"),
]

# One text for each alternative of each rule, which begins like what the rule looks for and goes wrong late. Those that
# keep Python busy, not a pattern, are thinned out with words: the whole must stay quick.
HOSTILE = {
    "one word": "x",
    "digits": "1",
    "beginnings of a private key": "-----BEGIN A",
    "private keys without an end": "-----BEGIN PRIVATE KEY ",
    "private keys whose end does not end": "-----BEGIN PRIVATE KEY-----END ",
    "beginnings of a JWT in one word": "-eyJaaaaaaaaa",
    "beginnings of a JWT": "_eyJaaaaaaaaa.b ",
    "words before a JWT": "eyJ-",
    "parts of a JWT": "eyJaaaaaaaaa..",
    "bearers of nothing": "bearer aaaa ",
    "bearers of words": "bearer aaaaaaaaaaaaaaaa ",
    "bearers of one word": "bearer=",
    "headers without a token": "authorization:    ",
    "headers with a word": "authorization: basic aaaaaaaa ",
    **{f"beginnings of a key: {key}": key for key in (
        *("sk-", "sk-aaaaaaaa-", "nvapi-", "pypi-", "tvly-", "sk_live_", "pk_test_", "rk_live_", "whsec_", "hb_sk_"),
        *("gsk_", "hf_", "r8_", "npm_", "pplx-", "xai-", "glsa_", "lsv2_pt_", "lsv2_sk_", "AKIA", "ASIA", "AIza"),
        *("ya29.", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xapp-1-", "dop_v1_", "shpat_", "SG."),
        *("SG.aaaaaaaaaaaaaaaa.", "sk-aaaaaaaaaaaaaaaa ", "hf_aaaaaaaaaaaaaaaaaaaaaaa ", "ABSK", "AQ.Ab", "hvs."),
        *("glpat-aaaaaaaaaaaaaaaa.0", "pa-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ", "fw_", "sb_secret_", "pcsk_aaaa_"),
        *("%20sk-", "%20eyJaaaaaaaa.", "hooks.slack.com/services/"),
    )},
    "words like sk": "task_manager risk-management ",
    "beginnings of many keys": "csk-fc-sk_e2b_sbp_dapi0tgp_v1_jina_vck_ntn_lin_api_phx_figd_GOCSPX-xkeysib-glrt-",
    "beginnings of a password": "://a:",
    "passwords without a host": "://a:b@b@",
    "long passwords": "://:" + "a" * 256 + " @",
    "at signs": "@aaaaa",
    "addresses without an end": "a@a.",
    "addresses after a long gap": "(@a.io aaa bbb ",
    "signs of a link": "a%40%2540",
    "long labels": "@" + "a" * 64,
    "many labels": "a@b.b.b.b.b.b.b.b.1 ",
    "beginnings of an IPv6 address": "1::1, and so on, ",
    "IPv6 addresses without a gap": "1::",
    "labels of IPv6 addresses": "zzzzzzzzzzzzzzzzzz:1::1, and ",
    "colons": "::a:",
    "groups of an IPv6 address": "1:1:1:1:1:1:1:1:, and so on, or so, ",
    "octets": "1.",
    "octets with an end": "1.1.1.1.",
    "versions": "a version 1.1.1.1 of it ",
    "versions of packages": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1.1.1.1-",
    "beginnings of an IBAN": "DE89 3704 0044 ",
    "IBANs in one word": "IBANDE89",
    "IBANs with long gaps": "DE89   ",
    "groups that may be cards": "4111111111 ",
    "groups with dots": "4111.1111.4111.1112.4111, and so on, or so, ",
    "IBANs with dots": "DE89./.3",
    "groups of cards, and hashes": "411 411aaaa ",
    "digits apart": "1 ",
    "plus signs": "+1",
    "amounts": "+1 000 000 ",
    "amounts with a currency": "+25 500 123 EU",
    "sizes": "512 768 1025 and so on, or so, ",
    "files with an @": "a@1.2.3.a.a.j ",
    "phones with a country": "+49 1234 ",
    "phones with long gaps": "+49) - 1 - (",
    "phones of a link": "%2B(1",
    "zeros in brackets": "(0) 170 12 and ",
    "Russian phones": "8 (912) 345-67-8 and ",
    "phones with two zeros": "0049 1234 and ",
    "zeros": "00",
    "American phones": "555-234-5 and ",
    "American phones with a one": "1-800-555-",
    "areas in brackets": "(555) and ",
    "brackets": "(",
    "beginnings of a phone": "0170/",
    "phones in pairs": "01 23 45 67 8 and ",
    "phones in fours": "06-1234-",
    "escapes": "\\n1",
    "neighbours that block each other": "1.2.3.4sk-abcdefgh12345678901",
}  # fmt: skip


def test_the_golden_file_is_of_this_version() -> None:
    """A new version of the rules comes with new cases."""
    assert GOLDEN["version"] == VERSION


@pytest.mark.parametrize(("before", "after"), CASES)
def test_golden(before: str, after: str) -> None:
    """Each text becomes what both sides agreed on."""
    assert redact(before) == after


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=12).map("".join))
@example("1.2.3.4sk-abcdefgh12345678901" * 3)
@example("sk-abcdefgh123456789" * 40)
def test_twice_is_once(text: str) -> None:
    """What was redacted is never redacted again: marks survive, and no mark makes a new find beside it."""
    once = redact(text)
    assert redact(once) == once


@given(st.text(alphabet="abcdefghij klmnopqrstuvwxyz.,!?()'\"\n", max_size=400))
def test_words_stay_as_they_are(text: str) -> None:
    """Without a digit, an @ or a known beginning nothing is touched."""
    assert redact(text) == text


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_time_is_linear(piece: str) -> None:
    """Four times the text takes about four times as long, up to the megabyte a request may hold; quadratic is 16."""
    for size in (16 * 1024, 256 * 1024):  # what is quadratic is found at the first, before it takes minutes
        assert_four_times_takes_four(piece * (size // len(piece)))


def assert_four_times_takes_four(text: str) -> None:
    for _ in range(3):  # noise may spoil one, hardly three
        short = max(cpu_seconds(text), 0.005)  # less than this no clock need tell
        long = cpu_seconds(text * 4)
        if long < 8 * short or long > 10:
            break
    assert long < 8 * short


def cpu_seconds(text: str) -> float:
    began = time.process_time()
    redact(text)
    return time.process_time() - began
