"""An address that can never work is found out when it is named, and one that can is left alone."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from heedback import ConfigurationError
from heedback.address import service_url


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("http://localhost", None),
        ("https://feedback.example.org/", "https://feedback.example.org"),
        (" http://127.0.0.1:8000\n", "http://127.0.0.1:8000"),
        ("HTTPS://Feedback.example.org/A", "https://Feedback.example.org/A"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("http://heedback_web:80/tools/heedback/", "http://heedback_web:80/tools/heedback"),
        ("https://tilbakemelding.blåbær.no", None),
        ("https://feedback.example.org.:65535", None),
        ("http://xn--blbr-roah.no/~team/@us", None),
    ],
)
def test_what_can_work(url: str, used: str | None) -> None:
    """Its scheme in small letters, without blanks around it and without a slash at its end."""
    assert service_url(url) == (used or url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("feedback.example.org", "the URL 'feedback.example.org' is not http:// or https:// with a host"),
        ("ftp://feedback.example.org", "is not http:// or https:// with a host"),
        ("http://", "is not http:// or https:// with a host"),
        ("http:///v1", "is not http:// or https:// with a host"),
        ("http://?key=hidden", "is not http:// or https:// with a host"),
        ("http://a b", "is not http:// or https:// with a host"),
        ("http:\\\\feedback", "is not http:// or https:// with a host"),
        ("http://h\\x", "is not http:// or https:// with a host"),
        ("http://..", "the URL 'http://..' names no host that there can be"),
        ("http://.example.org", "names no host that there can be"),
        ("http://feedback..example.org", "names no host that there can be"),
        ("http://" + "a" * 64 + ".org", "names no host that there can be"),
        ("http://" + "a." * 130 + "org", "names no host that there can be"),
        ("http://" + "å" * 63, "names no host that there can be"),
        ("http://_å", "names no host that there can be"),
        ("http://a,b", "names no host that there can be"),
        ("http://[::1", "the URL 'http://[::1' names no host that there can be"),
        ("http://::1", "names no host that there can be"),
        ("http://[::1::2]", "names no host that there can be"),
        ("http://[feedback]", "names no host that there can be"),
        ("http://:8000", "names no host that there can be"),
        (
            "http://h:99999",
            "the URL 'http://h:99999' names no port that there can be: they are numbers from 1 to 65535",
        ),
        ("http://h:0", "names no port that there can be"),
        ("http://h:", "names no port that there can be"),
        ("http://h:8o80", "names no port that there can be"),
        ("http://h:٨٠", "names no port that there can be"),
        ("http://h?project=1", "the URL takes no ? and no #"),
        ("http://h/path?project=1", "the URL takes no ? and no #"),
        ("http://h/#/login", "the URL takes no ? and no #"),
        ("http://someone:hidden@h", "the URL takes no user name and no password"),
        ("http://someone:hid?den@h", "the URL takes no ? and no #"),
        ("https//someone:hidden@h", "the URL given is not http:// or https:// with a host"),
    ],
)
def test_what_cannot_work(url: str, says: str) -> None:
    """What is wrong with it, in a line without what may be a secret."""
    with pytest.raises(ConfigurationError) as raised:
        service_url(url)
    assert says in str(raised.value)
    assert "hid" not in str(raised.value)
    assert len(str(raised.value)) < 200


@given(st.text("ahs0159.:/[]@?#-_%\\ ü\0~*|", max_size=12), st.sampled_from(["http://", "https://"]))
def test_what_is_taken_can_be_asked(rest: str, scheme: str) -> None:
    """requests does not refuse it later, in the sender's thread, and goes to the host and the port that were meant."""
    try:
        url = service_url(scheme + rest)
    except ConfigurationError:
        return
    asked = requests.Request("POST", f"{url}/v1/events").prepare().url
    assert asked is not None
    assert (parse_url(asked).path or "").endswith("/v1/events")
    assert parse_url(asked).query is None
    assert 1 <= (parse_url(asked).port or 1) <= 65535
