"""Numbers that are somebody's: bank accounts, cards, telephones. A part of `heedback.redaction`.

Patterns here consume a character before they look at what stands in front of it: the engine skips to it quickly.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_SPACE: Final = " \u00a0\u2007\u2009\u202f"  # a space, or what typography makes of it
_GAP: Final = f"{_SPACE}\u2010\u2011\u2012\u2013-"  # or a hyphen: in a class of characters it stands last
_MORE: Final = "./\t"  # what accounts and cards are also written with
_MORE_SIGNS: Final = frozenset(_MORE)
_IBAN_START: Final = re.compile(  # the two digits after the country
    r"[0-9](?<=[A-Z]{2}.)(?:(?<![A-Z0-9]...)|(?<=\bIBAN...))[0-9]", re.ASCII | re.IGNORECASE
)
# A group that goes on as four hexadecimal digits or more is part of a hash.
_CARD_GROUP: Final = r"{2,}+(?![A-Fa-f][0-9A-Fa-f]{3})"
_CARD_RUN: Final = re.compile(
    rf"[0-9](?<![A-Za-z0-9].)[0-9]{_CARD_GROUP}(?:[{_MORE}{_GAP}]{{1,3}}[0-9][0-9]{_CARD_GROUP})*+",
    re.ASCII,
)
_YEARS: Final = re.compile(r"(?:20[0-9]{2}){4}")
_GROUP: Final = re.compile(r"[0-9]+")
_POINT: Final = re.compile(r"[0-9]\.$")
_MORE_SHAPES: Final = ((4, 4, 4, 4), (4, 6, 5))
_CARD_SHAPES: Final = ((4, 6, 4), (4, 6, 5), (6, 13))
_CARD_BEGINNINGS: Final = tuple(shape[:-1] for shape in _CARD_SHAPES)
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")  # twice the digit, its own digits summed
_GAPS: Final = re.compile(f"[{_MORE}{_GAP}]+")
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
_PHONE_RUN: Final = re.compile(rf"[+(0-9][0-9./(){_GAP}]{{7,}}+")  # the stretches worth a closer look
_SIGNS: Final = rf"\)?+[.()/{_GAP}]{{0,3}}+"
_CURRENCY: Final = r"(?:AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HUF|INR|JPY|MXN|NOK|PLN|RUB|SEK|TRY|UAH|USD|ZAR)\b"
_NINE_DIGITS: Final = "29[89]|376|508|597|68[17]"  # of countries whose whole numbers have so many, as an amount may
_AMOUNT: Final = (  # +1 000 000, the most that 32 bits hold, +25.500.123,45 and +25 500 123 EUR
    rf"(?:\d{{1,3}}(?:(?P<gap>[.{_GAP}])\d{{3}}(?P=gap)000|0{{6}})(?![.{_GAP}]?\d)"
    r"|(?:2147483647|2147483648|4294967295|4294967296)(?!\d)"
    rf"|(?!{_NINE_DIGITS})\d{{1,3}}(?P<by>[.{_SPACE}])\d{{3}}(?P=by)\d{{3}}(?:,\d\d(?!,?\d)|[{_SPACE}]?(?:[€$£¥₹]|{_CURRENCY})))"
)
_NO_AREA: Final = rf"(?:[2-79]00|\d9\d|\d11)[{_SPACE}]"  # 200 300 4000 are prices
# 512 768 1024 are sizes. Where a telephone has one of these numbers, one in ten million, it is taken for some, too.
_SIZES: Final = re.compile(
    rf"(?:(?:256|384|512|640|768|896)[{_SPACE}]){{2}}(?:1024|1152|1280|1408|1536|1792|2048|2560|3072|4096|5120|6144|8192)"
)
_ONE_DIGIT_COUNTRY: Final = rf"[17]{_SIGNS}[2-9](?:{_SIGNS}\d){{9,13}}"  # no other code than 1 and 7 has one digit
_ABROAD: Final = rf"\(?(?!{_AMOUNT})(?:{_ONE_DIGIT_COUNTRY}|[2-689]\d(?:{_SIGNS}\d){{6,13}})(?!\d)"
_PHONE: Final = re.compile(
    rf"""\+(?<![\w+].){_ABROAD}                                                # +49 (0) 170 1234567
    | 0(?<![\w.,+/-].)(?<!\d:.)0
        (?:{_ONE_DIGIT_COUNTRY}|[2-689]\d(?:{_SIGNS}\d){{7,13}})(?!\d)            # 0049 170 1234567
    | (?=[(1-9])(?<![\w.+-])(?:1[.{_GAP}])?                                    # 1-800-555-1234
        (?:\([2-9]\d\d\)(?:[{_GAP}]|[{_SPACE}]-[{_SPACE}])?|(?!{_NO_AREA})[2-9]\d\d[.{_GAP}])
        [2-9]\d\d[.{_GAP}]\d{{4}}(?![\w-])                                     # (555) 234-5678
    | (?=[(08])(?<![\w.,+/-])(?<!\d:)(?:
        (?:\(?0|\(0\)[{_GAP}]?)[1-9]\d{{1,4}}+\)?
          [./{_GAP}]{{1,3}}\d(?:[.{_GAP}]?\d){{4,8}}                             # 0170 1234567, not 0800-0900
        |(?:0(?!123456789)|\(0\)[{_GAP}]?)[1-9]\d{{7,11}}                        # 01701234567, not a date
        |\(?0[1-9]\)?[{_GAP}]\d{{4}}[{_GAP}]?\d{{4}}                             # 06-12345678, 03 1234 5678
        |0[1-9](?:[.{_GAP}]\d\d){{4}}                                          # 01 23 45 67 89
        |8(?:[{_GAP}]?\(\d{{3}}\)[{_GAP}]?|-[3-9]\d\d-)
          \d{{3}}[{_GAP}]?\d\d[{_GAP}]?\d\d                                      # 8 (912) 345-67-89
      )(?!\w)
    """,
    re.ASCII | re.VERBOSE,
)
_LINKED_PHONE: Final = re.compile(rf"(%2[Bb]){_ABROAD}", re.ASCII)


def ibans_and_cards(text: str, digits: int) -> str:
    """`text`, which had so many `digits` to begin with."""
    if digits >= 7:
        text = _ibans(text)
    if digits >= 13:
        text = _CARD_RUN.sub(_card_marks, text)
    return text


def _ibans(text: str) -> str:
    parts: list[str] = []
    done = 0
    for check in _IBAN_START.finditer(text):
        start = check.start() - 2
        end = _iban_end(text, start) if start >= done else 0
        if end:
            parts += text[done:start], "[iban]"
            done = end
    return "".join([*parts, text[done:]]) if parts else text


def _iban_end(text: str, start: int) -> int:
    """Where the IBAN that begins at `start` ends, or 0. Mod 97 as in ISO 13616: the first four characters go last."""
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
    rest = _iban_rest(length - 4).match(text, start + 4) if length else None
    if rest is None or text[rest.end() : rest.end() + 1].isalnum():
        return 0
    code = _GAPS.sub("", rest[0]) + text[start : start + 4]
    return rest.end() if int("".join(str(int(char, 36)) for char in code)) % 97 == 1 else 0


@cache
def _iban_rest(characters: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[{_MORE}{_GAP}]{{0,3}}[A-Za-z0-9]){{{characters}}}")


def _card_marks(match: re.Match[str]) -> str:
    """A run of digit groups: each stretch of whole groups that is a card becomes one mark."""
    run = match[0]
    if len(run) < 13:
        return run
    groups = list(_GROUP.finditer(run))
    parts: list[str] = []
    done = first = 0
    if len(groups[0][0]) >= 13 and _POINT.search(match.string, max(0, match.start() - 2), match.start()):
        first = 1  # decimals
    while first < len(groups):
        last = _card_last(groups, first)
        if last is not None:
            parts += run[done : groups[first].start()], "[card]"
            done = groups[last].end()
        first = first + 1 if last is None else last + 1
    return "".join([*parts, run[done:]]) if parts else run


def _card_last(groups: list[re.Match[str]], first: int) -> int | None:
    """Cards are written in fours, or as one of _CARD_SHAPES: prices in a row, orders in sevens and years are not.

    With dots, slashes or tabs it begins with no year, and has no more numbers beside it by the same sign: those of
    tables, paths and builds have.
    """
    if not "2" <= groups[first][0][0] <= "6" or _gap_before(groups, first) == ".":
        return None
    digits = gap = gaps = ""
    lengths: tuple[int, ...] = ()
    for index in range(first, min(first + 6, len(groups))):
        if any(length % 4 for length in lengths) and lengths not in _CARD_BEGINNINGS:
            return None
        if index > first:
            before, gap = gap, _gap_before(groups, index)
            gaps += gap
            # Two numbers with a decimal point, beside each other, have two kinds of signs.
            if before and gap != before and not _MORE_SIGNS.isdisjoint(before + gap):
                return None
        digits += groups[index][0]
        lengths += (len(groups[index][0]),)
        if len(digits) > 19:
            return None
        if len(digits) >= 13 and _is_card_shape(lengths) and _luhn(digits):
            if len(lengths) > 1 and _YEARS.fullmatch(digits):
                return None
            if _MORE_SIGNS.isdisjoint(gaps):
                return index
            beside = (_gap_before(groups, first), _gap_before(groups, index + 1))
            return index if lengths in _MORE_SHAPES and gap not in beside and digits[:2] not in ("20", "21") else None
    return None


def _gap_before(groups: list[re.Match[str]], index: int) -> str:
    inside = 0 < index < len(groups)
    return groups[index].string[groups[index - 1].end() : groups[index].start()] if inside else ""


def _is_card_shape(lengths: tuple[int, ...]) -> bool:
    return lengths in _CARD_SHAPES or not any(length % 4 for length in lengths[:-1])


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    # Summed as bytes, each 48 more than its digit: a fifth of the time that numbers take.
    summed = sum(digits[-1::-2].encode()) + sum(digits[-2::-2].translate(_DOUBLED).encode())
    return (summed - 48 * len(digits)) % 10 == 0


def phones(text: str) -> str:
    if "%" in text and "%2" in text:
        text = _LINKED_PHONE.sub(r"\1[phone]", text)
    parts: list[str] = []
    done = 0
    for run in _PHONE_RUN.finditer(text):
        # Five characters more, for what a number must not be followed by: too few to hold one.
        for found in _PHONE.finditer(text, run.start(), run.end() + 5):
            if _SIZES.fullmatch(found[0]) is None:
                parts += text[done : found.start()], "[phone]"
                done = found.end()
    return "".join([*parts, text[done:]]) if parts else text
