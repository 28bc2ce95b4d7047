"""Take personal data and secrets out of text before it is kept: pure, versioned, the same in the SDK and the service.

Each rule takes a cheap literal look first, then a pattern whose quantifiers are bounded or possessive, so that the time
is linear in the text whatever the text is. What was found becomes a typed mark (`[email]`); a mark is never redacted
again, and redacting twice is redacting once. `tests/contract/redaction.json` holds the golden cases.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from heedback import redaction_addresses, redaction_numbers, redaction_secrets

VERSION: Final = 1

MARKS: Final = (
    "[private_key]",
    "[jwt]",
    "[token]",
    "[key]",
    "[password]",
    "[email]",
    "[ip]",
    "[iban]",
    "[card]",
    "[phone]",
    "[withheld]",
)

# A mark makes new neighbours, and what was blocked by its neighbour may now be recognised: hence passes until nothing
# changes. Real text needs two. Text built to need more is withheld whole: safe, and still the same when done twice.
_PASSES: Final = 6
_WITHHELD: Final = "[withheld]"
_DIGITS: Final = b"0123456789"
_WIDE: Final = re.compile("[\uff10-\uff19\uff20]")  # a digit or an @, without which there is nothing to find
_ESCAPE: Final = re.compile(r"(?<=\\)(?:[bfnrt]|u[0-9A-Fa-f]{4})")
_HIDE: Final = {ord(char): 0xE000 + ord(char) for char in "bfnrtu0123456789ABCDEFacde"}  # as what no word is made of
_SHOWN: Final = {code: char for char, code in _HIDE.items()}
_HIDDEN: Final = re.compile("[\ue030-\ue075]")
_PLAIN: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # Unicode's full-width forms of ! to ~


def redact(text: str, phones: Callable[[str], str] = str) -> str:
    """`text` with e-mail addresses, phone and card numbers, IBANs, IP addresses, keys and tokens replaced by marks.

    `phones` marks telephone numbers that the rules do not know, after all that may hold one (`heedback.phones`).

    Full-width letters, digits and signs, as Japanese and Chinese keyboards type them, are read as the plain ones; where
    that finds anything, the text comes back with plain ones. The letters of JSON's escapes, as in `\\n`, are no part of
    the word behind them: messages are often given as `json.dumps` writes them.
    """
    if "\\" in text and _HIDDEN.search(text) is None:
        hidden = _ESCAPE.sub(_hide, text)
        return _redact(hidden, phones).translate(_SHOWN)
    return _redact(text, phones)


def _hide(escape: re.Match[str]) -> str:
    return escape[0].translate(_HIDE)


def _redact(text: str, phones: Callable[[str], str]) -> str:
    found = _redacted(text, phones)
    if found.isascii() or _WIDE.search(found) is None:
        return found
    plain = found.translate(_PLAIN)
    marked = _redacted(plain, phones)
    return found if marked == plain else marked


def _redacted(text: str, phones: Callable[[str], str]) -> str:
    for _ in range(_PASSES):
        before = text
        text = _once(text, phones)
        if text == before:
            return text
    return _WITHHELD


def _once(text: str, phones: Callable[[str], str]) -> str:
    # Bytes are several times quicker to look through than text, and most texts hold nothing: this is all they cost.
    raw = text.encode("utf-8", "surrogatepass")
    digits = len(raw) - len(raw.translate(None, _DIGITS))
    # Secrets first: they hold digits and dots that the later rules would take apart. Cards before phones, likewise.
    text = redaction_secrets.secrets(text, raw, digits)
    text = redaction_addresses.emails(text)
    if digits:
        text = redaction_addresses.ips(text, digits)
        text = redaction_numbers.ibans_and_cards(text, digits)
    text = phones(text)
    return redaction_numbers.phones(text) if digits >= 8 else text
