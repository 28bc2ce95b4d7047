"""Telephone numbers of all countries, in whatever way they are written, as the package phonenumbers knows them.

Beside the rules, not instead of them: `init(phones=True)` finds what has its country in front, `phones=["NO", "BR"]`
also what is written as people write it at home. Needs `pip install 'heedback[phone]'`; imported only when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

from phonenumbers import SUPPORTED_REGIONS, Leniency, PhoneNumberMatcher

from heedback import redaction
from heedback.errors import ConfigurationError, told

MARK: Final = "[phone]"
_NOWHERE: Final = "ZZ"  # then a number has to name its country
_THIN_SPACES: Final = dict.fromkeys((0x2007, 0x2009, 0x202F), " ")  # which phonenumbers does not take in a number
# What it does take between two digits, and those.
_SIGNS: Final = (
    "\u2010-\u2015\u2212\u2053\u223c\u30fc\uff5e\uff0d-\uff0f./~()\\[\\]\uff08\uff09\uff3b\uff3dx"
    " \u00a0\u00ad\u2007\u2009\u200b\u202f\u2060\u3000-"
)
_DIGIT: Final = re.compile(r"\d")  # of whatever script
_STRETCH: Final = re.compile(rf"[+\uff0b(\uff08]{{0,2}}\d(?:[{_SIGNS}]{{0,4}}+\d){{5,}}+")
# A number costs phonenumbers some 0.1 ms, and a text built against it 20 microseconds a character. What is more than
# three hundred numbers long, in all, is marked without a closer look: rather too much than too late.
_LOOKED_AT: Final = 4096


def check(phones: object) -> None:
    """Whether a client can be told so.

    Raises:
        ConfigurationError: `phones` is neither True or False nor names countries that phonenumbers knows.
    """
    if isinstance(phones, bool):
        return
    if isinstance(phones, str) or not isinstance(phones, Collection) or not phones:
        raise ConfigurationError(f'phones takes True, False or countries, as in ["NO", "BR"], not {told(phones)}')
    for region in phones:
        if not isinstance(region, str) or region not in SUPPORTED_REGIONS:
            raise ConfigurationError(f'phones takes countries by their two capitals, as in "NO", not {told(region)}')


def redactor(phones: Any) -> Callable[[str], str]:
    """The rules of `heedback.redaction`, with these numbers among them: done twice they are still done once."""
    regions = [_NOWHERE] if isinstance(phones, bool) else sorted(phones)
    return partial(redaction.redact, phones=partial(_marked, regions=regions))


def _marked(text: str, regions: list[str]) -> str:
    if _DIGIT.search(text) is None:
        return text
    length = sum(len(found[0]) for found in _STRETCH.finditer(text))
    if length == 0:
        return text
    if length > _LOOKED_AT:
        return _STRETCH.sub(MARK, text)
    # No number goes over the end of a line, and most lines have none.
    return "\n".join(_line(line, regions) for line in text.split("\n"))


def _line(line: str, regions: list[str]) -> str:
    for region in regions:
        if _STRETCH.search(line) is None:
            break
        parts: list[str] = []
        done = 0
        plain = line.translate(_THIN_SPACES)  # of the same length
        for found in PhoneNumberMatcher(plain, region, leniency=Leniency.VALID):
            parts += line[done : found.start], MARK
            done = found.end
        line = "".join([*parts, line[done:]])
    return line
