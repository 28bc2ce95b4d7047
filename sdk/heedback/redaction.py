"""Take personal data and secrets out of text before it is kept: pure, versioned, the same in the SDK and the service.

Each rule takes a cheap literal look first, then a pattern whose quantifiers are bounded or possessive, so that the time
is linear in the text whatever the text is. What was found becomes a typed mark (`[email]`); a mark is never redacted
again, and redacting twice is redacting once. `tests/contract/redaction.json` holds the golden cases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

VERSION: Final = 1

MARKS: Final = (
    "[private_key]",
    "[jwt]",
    "[token]",
    "[key]",
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


def redact(text: str) -> str:
    """`text` with e-mail addresses, phone and card numbers, IBANs, IP addresses, keys and tokens replaced by marks."""
    for _ in range(_PASSES):
        before = text
        text = _once(text)
        if text == before:
            return text
    return _WITHHELD


def redact_values(values: Mapping[str, str]) -> dict[str, str]:
    """Metadata with its values redacted; keys are the developer's own words and stay."""
    return {key: redact(value) for key, value in values.items()}


def _once(text: str) -> str:
    for hints, rule in _LITERAL_RULES:
        for hint in hints:
            if hint in text:
                text = rule(text)
                break
    digits = len(_DIGIT.findall(text))
    for least, rule in _NUMBER_RULES:
        if digits >= least:
            text = rule(text)
    return text


# --- secrets ---------------------------------------------------------------------------------------------------------

_KEY_HINTS: Final = (
    *("sk-", "sk_", "k_live_", "k_test_", "AKIA", "ASIA", "AIza", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *("github_pat_", "glpat-", "xox", "hf_", "r8_", "pplx-", "xai-", "nvapi-", "npm_", "pypi-", "dop_v1_"),
    *("shpat_", "SG.", "ya29."),
)
_KEY: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-(?=[\w-]{0,64}\d)[\w-]{16,}+                      # OpenAI, Anthropic and others; mere words have no digit
    | [srp]k_(?:live|test)_\w{10,}+                        # Stripe
    | hb_sk_\w{8,}+ | gsk_\w{20,}+ | hf_\w{20,}+ | r8_\w{20,}+ | pplx-\w{20,}+ | xai-\w{20,}+ | nvapi-[\w-]{20,}+
    | (?:AKIA|ASIA)[A-Z0-9]{16} | AIza[\w-]{30,}+ | ya29\.[\w-]{20,}+
    | gh[pousr]_\w{20,}+ | github_pat_\w{20,}+ | glpat-[\w-]{16,}+
    | xox[abeoprs]-[\w-]{10,}+ | npm_\w{30,}+ | pypi-[\w-]{30,}+ | dop_v1_\w{30,}+ | shpat_\w{20,}+
    | SG\.[\w-]{16,}+\.[\w-]{16,}+
    )""",
    re.ASCII | re.VERBOSE,
)
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?", re.ASCII)
_BEARER: Final = re.compile(r"\b(bearer[ \t:=]{1,8})[\w.~+/=-]{16,}+", re.ASCII | re.IGNORECASE)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")


def _keys(text: str) -> str:
    return _KEY.sub("[key]", text) if any(hint in text for hint in _KEY_HINTS) else text


def _jwts(text: str) -> str:
    return _JWT.sub("[jwt]", text)


def _bearers(text: str) -> str:
    return _BEARER.sub(r"\1[token]", text)


def _private_keys(text: str) -> str:
    """From BEGIN to the end of the END line; without an END, which cutting may have taken, to the end of the text."""
    parts: list[str] = []
    done = 0
    while begin := _PRIVATE_KEY.search(text, done):
        parts += text[done : begin.start()], "[private_key]"
        end = text.find("-----END", begin.end())
        close = text.find("-----", end + 8) if end >= 0 else -1
        done = close + 5 if close >= 0 else len(text)
    return "".join([*parts, text[done:]]) if parts else text


# --- e-mail ----------------------------------------------------------------------------------------------------------

_DOMAIN: Final = re.compile(r"(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{1,62}")
_LOCAL_BACKWARDS: Final = re.compile(r"[\w.%+'-]{1,64}")


def _emails(text: str) -> str:
    """Works outwards from each @, so that long texts without one, or with nothing else, cost next to nothing."""
    parts: list[str] = []
    done, at = 0, text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        local = _LOCAL_BACKWARDS.match(text[max(done, at - 64) : at][::-1]) if domain else None
        if domain and local:
            parts += text[done : at - local.end()], "[email]"
            done = domain.end()
        at = text.find("@", max(done, at + 1))
    return "".join([*parts, text[done:]]) if parts else text


# --- numbers ---------------------------------------------------------------------------------------------------------

_GAP: Final = " \u00a0\u202f"  # a space, or what typography makes of it
_DIGIT: Final = re.compile(r"\d")
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4: Final = re.compile(rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)", re.ASCII)
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f:.]{3,45}+(?!\w)")
_IBAN_START: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d", re.ASCII)
_CARD_RUN: Final = re.compile(rf"(?<![A-Za-z0-9])\d{{3,}}+(?:[{_GAP}-]\d{{3,}}+)*+", re.ASCII)
_GROUP: Final = re.compile(r"\d+")
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")  # twice the digit, its own digits summed
_PHONE: Final = re.compile(
    rf"""(?<![\w+])\+[1-9](?:[{_GAP}.()/-]{{0,2}}\d){{6,14}}(?!\d)                             # +49 (0) 170 1234567
    | (?<![\w.,:+/-])00[1-9](?:[{_GAP}.()/-]{{0,2}}\d){{6,14}}(?!\d)                           # 0049 170 1234567
    | (?<![\w.+-])(?:\([2-9]\d\d\)[{_GAP}-]?|[2-9]\d\d[{_GAP}.-])[2-9]\d\d[{_GAP}.-]\d{{4}}(?![\w-])  # (555) 234-5678
    | (?<![\w.,:+/-])\(?0[1-9]\d{{1,4}}\)?[{_GAP}/.-]{{0,3}}\d(?:[{_GAP}.-]?\d){{4,8}}(?!\w)   # 0170 1234567
    | (?<![\w.,:+/-])0[1-9](?:[{_GAP}.-]\d\d){{4}}(?!\w)                                       # 01 23 45 67 89
    """,
    re.VERBOSE,
)

# Characters of an IBAN by country: ISO 13616, the registry's structure column.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL OM SO", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def _ipv6s(text: str) -> str:
    return _IPV6.sub(_ipv6_mark, text) if text.count(":") > 1 else text


def _ipv6_mark(match: re.Match[str]) -> str:
    found = match[0]
    # "::" alone, and " ::add" in code, are no addresses worth a mark: one digit is asked for.
    if found.count(":") < 2 or _DIGIT.search(found) is None:
        return found
    for end in (len(found), len(found.rstrip(".")), len(found.rstrip(".:"))):
        if _is_ipv6(found[:end]):
            return "[ip]" + found[end:]
    return found


def _is_ipv6(text: str) -> bool:
    from ipaddress import AddressValueError, IPv6Address  # only texts with two colons and a digit come here

    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _ipv4s(text: str) -> str:
    return _IPV4.sub("[ip]", text) if text.count(".") > 2 else text


def _ibans(text: str) -> str:
    parts: list[str] = []
    done = 0
    for start in _IBAN_START.finditer(text):
        end = _iban_end(text, start.start()) if start.start() >= done else 0
        if end:
            parts += text[done : start.start()], "[iban]"
            done = end
    return "".join([*parts, text[done:]]) if parts else text


def _iban_end(text: str, start: int) -> int:
    """Where the IBAN that begins at `start` ends, or 0. Mod 97 as in ISO 13616: the first four characters go last."""
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    code = ""
    at = start
    while len(code) < length and at < len(text):
        char = text[at]
        if char.isascii() and char.isalnum():
            code += char
        elif char not in _GAP and char != "-":
            return 0
        at += 1
    if not length or len(code) < length or (at < len(text) and text[at].isalnum()):
        return 0
    digits = "".join(str(int(char, 36)) for char in code[4:] + code[:4])
    return at if int(digits) % 97 == 1 else 0


def _cards(text: str) -> str:
    return _CARD_RUN.sub(_card_marks, text)


def _card_marks(match: re.Match[str]) -> str:
    """A run of digit groups: each stretch of whole groups that is a card becomes one mark."""
    run = match[0]
    if len(run) < 13:
        return run
    groups = list(_GROUP.finditer(run))
    parts: list[str] = []
    done = first = 0
    while first < len(groups):
        last = _card_last(groups, first)
        if last is not None:
            parts += run[done : groups[first].start()], "[card]"
            done = groups[last].end()
        first = first + 1 if last is None else last + 1
    return "".join([*parts, run[done:]]) if parts else run


def _card_last(groups: list[re.Match[str]], first: int) -> int | None:
    digits = ""
    for index in range(first, min(first + 6, len(groups))):
        digits += groups[index][0]
        if len(digits) > 19:
            return None
        if len(digits) >= 13 and "2" <= digits[0] <= "6" and _luhn(digits):
            return index
    return None


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    return (sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


def _phones(text: str) -> str:
    return _PHONE.sub("[phone]", text)


# Secrets first: they hold digits and dots that the later rules would take apart. Cards before phones, likewise.
_LITERAL_RULES: Final[tuple[tuple[tuple[str, ...], Callable[[str], str]], ...]] = (
    (("-----BEGIN",), _private_keys),
    (("eyJ",), _jwts),
    (("earer", "EARER"), _bearers),
    (("_", "-", "AKIA", "ASIA", "AIza", "SG.", "ya29."), _keys),  # what every one of _KEY_HINTS has
    (("@",), _emails),
)
# The least number of digits that each of these can be made of.
_NUMBER_RULES: Final = ((1, _ipv6s), (4, _ipv4s), (7, _ibans), (13, _cards), (7, _phones))
