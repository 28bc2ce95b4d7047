"""Telephone numbers of all countries: what is found, what stays, that twice is once, and time that has an end."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

import heedback
from heedback import redaction
from heedback.phones import redactor
from heedback.testing import capturing, memory_client

INTERNATIONAL = redactor(True)
AT_HOME = redactor(["BR", "CN", "DK", "ES", "FR", "GB", "IN", "NO", "PL", "US"])
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)

# As people write them, with their country in front; none of these is found by the rules alone.
WITH_COUNTRY = {
    "Saint Helena, four digits": "+290 8101",
    "Arabic digits": "+٩٧١ ٥٠ ١٢٣ ٤٥٦٧",
    "Japan, wide hyphens": "+81－90－1234－5678",
    "a hyphen that is a dash": "+81―90―1234―5678",
}
AS_AT_HOME = {
    "Brazil": "(11) 98765-4321",
    "China": "138 0013 8000",
    "Denmark, in pairs": "32 12 34 56",
    "Spain": "612 345 678",
    "Spain, thin spaces": "612\u2009345\u2009678",
    "India": "98765 43210",
    "Norway, in pairs": "22 12 34 56",
    "Norway, mobile": "412 34 567",
    "Poland": "512 345 678",
    "Britain, in brackets": "(020) 7946 0958",
    "the States": "(212) 555 2368",
}
NO_NUMBERS = [
    "Total 1,428.00 EUR including 19 % VAT of 2026-11-25 10:00, invoice INV-2291.",
    "It takes 1 to 3 days, 24/7, since 1999; pages 12-34; version 1.2.3; 100000 rows.",
    "uuid 019aa000-0000-7000-8000-000000000001 and sha 9f2c41d07a53",
    "[phone] and [card] stay, and so do [email] and words.",
]


@pytest.mark.parametrize("number", WITH_COUNTRY.values(), ids=WITH_COUNTRY)
def test_a_number_with_its_country_is_found_wherever_it_is_from(number: str) -> None:
    """`phones=True` asks for no country; the mark is that of the rules, which let these pass."""
    text = f"Call me on {number}, please.\nOr tomorrow."
    assert redaction.redact(text) == text
    assert INTERNATIONAL(text) == "Call me on [phone], please.\nOr tomorrow."


@pytest.mark.parametrize("number", AS_AT_HOME.values(), ids=AS_AT_HOME)
def test_a_number_as_people_write_it_at_home(number: str) -> None:
    """Found in the countries that were named."""
    assert AT_HOME(f"Ring {number}, please.") == "Ring [phone], please."


@pytest.mark.parametrize("region", REGIONS)
def test_every_country_in_every_form(region: str) -> None:
    """The package's own example of a landline and of a mobile phone, in the forms that it writes."""
    at_home = redactor([region])
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        for form in (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966):
            written = phonenumbers.format_number(number, form)
            left = INTERNATIONAL(f"Ring {written} now")
            assert left.removeprefix("Ring ").removeprefix("tel:") == "[phone] now"
        written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        if sum(map(str.isdigit, written)) >= 6:
            assert at_home(f"Ring {written} now") == "Ring [phone] now"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_stays(text: str) -> None:
    """Amounts, dates, ids, hours and versions: an error here costs the evidence."""
    assert INTERNATIONAL(text) == AT_HOME(text) == text


def test_the_rules_come_with_it() -> None:
    """It adds to them; a number's extension goes with it."""
    text = "jane@example.com, +49 (0) 170 1234567, 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, "
    assert AT_HOME(text + "(11) 98765-4321 ext. 12") == "[email], [phone], [card], [iban], [phone]"


PIECES = [
    *WITH_COUNTRY.values(), *AS_AT_HOME.values(), *redaction.MARKS, "jane@example.com", "10.0.0.1",
    *("sk-abcdefgh12345678901", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "4111 1111", "DE89"),
    *("+", "00", "1", "22", " ", "-", "(", ")", "[", "]", "/", ".", "x", "ext. 7", ";ext=7", "\n", "\u2009", "é"),
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=10).map("".join))
@example("22 12 34 56" * 40)
@example("1/" * 3000)
def test_twice_is_once_and_the_declared_version_is_true(text: str) -> None:
    """The service does not redact again what is declared as redacted: the rules find nothing more in it."""
    for redact in (INTERNATIONAL, AT_HOME):
        once = redact(text)
        assert redact(once) == once
        assert redaction.redact(once) == once


def test_a_text_of_numbers_alone_is_marked_without_a_closer_look() -> None:
    """Too many to ask for each: all of them go, those that are no telephone numbers too."""
    assert INTERNATIONAL("100000 rows\n" * 2000) == "[phone] rows\n" * 2000


@pytest.mark.parametrize(
    "piece", ["1/", "(1", "1 ", "+1 ", "+49 1234 ", "555-234-5 and ", "12345678, ", "x1", "1" * 24 + ","]
)
def test_a_text_built_to_take_long_does_not(piece: str) -> None:
    """A megabyte takes hardly longer than what is looked at: the package alone would take minutes. CPU, not time."""
    looked_at, everything = piece * (4096 // len(piece)), piece * (1_000_000 // len(piece))
    for _ in range(3):  # noise may spoil one, hardly three
        short, long = max(cpu_seconds(looked_at), 0.05), cpu_seconds(everything)
        if long < 20 * short:
            break
    assert long < 20 * short


def cpu_seconds(text: str) -> float:
    began = time.process_time()
    AT_HOME(text)
    return time.process_time() - began


def test_a_client_redacts_all_it_is_told() -> None:
    """Before the spool: texts, comments, metadata. The batch declares the rules' version, which were applied."""
    with capturing(phones=["NO"]) as sent:
        out = heedback.output("f", input="Ring 22 12 34 56", metadata={"k": "+290 8101"})
        heedback.rate(out, "down", comment="I am at 412 34 567.", correction="22 12 34 56")
        assert (sent.outputs[0]["input"], sent.outputs[0]["metadata"]) == ("Ring [phone]", {"k": "[phone]"})
        assert (sent.feedback[0]["comment"], sent.feedback[0]["correction"]) == ("I am at [phone].", "[phone]")
        assert sent.transport.batches[0].redactor == redaction.VERSION


def test_the_hosts_own_function_still_comes_last() -> None:
    with capturing(phones=True, redact=lambda text: text.replace("[phone]", "[number]")) as sent:
        heedback.output("f", output="+290 8101")
        assert sent.outputs[0]["output"] == "[number]"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"phones": "NO"}, r"phones takes True, False or countries, as in \[\"NO\", \"BR\"\], not 'NO'"),
        ({"phones": ["NO", "Norway"]}, "phones takes countries by their two capitals, as in \"NO\", not 'Norway'"),
        ({"phones": [47]}, "not 47"),
        ({"phones": []}, "not an empty list"),
        ({"phones": None}, "not None"),
        ({"phones": True, "redact": False}, "phones adds to the rules of redaction, which redact=False switches off"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_used(options: dict[str, Any], says: str) -> None:
    """Said at the start, not found out from the texts."""
    with pytest.raises(heedback.ConfigurationError, match=says):
        memory_client(**options)


def test_without_the_package_it_is_said_how_to_get_it() -> None:
    """Asked for and not there: nothing is captured, rather than texts with numbers. Not asked for: not loaded."""
    code = """
import sys, logging
logging.basicConfig(format="%(message)s")
from heedback import testing
testing.memory_client()
print("phonenumbers" in sys.modules, "heedback.phones" in sys.modules)
sys.modules["phonenumbers"] = None  # as if it were not installed
print(testing.memory_client(phones=True, strict=False).enabled)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False", "False"]
    assert done.stderr.strip() == (
        "heedback: phones needs the package phonenumbers: pip install 'heedback[phone]'; nothing is captured"
    )
