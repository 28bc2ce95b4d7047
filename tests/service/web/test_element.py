"""The widget's files, as the service gives them to pages of other origins."""

from __future__ import annotations

import base64
import gzip
import hashlib

import pytest
from flask.testing import FlaskClient

from heedback_widgets import files

NAMES = files.names()
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # no file comes from there


@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_be_kept_for_good_under_the_address_of_its_version(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/widget/{files.version()}/{name}", headers={"Origin": "https://acme.example"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    kinds = {"js": "text/javascript", "css": "text/css", "json": "application/json"}
    assert answer.mimetype == kinds[name.rsplit(".", 1)[1]]
    digest = base64.b64encode(hashlib.sha384(answer.data).digest()).decode()
    assert files.integrity(name) == f"sha384-{digest}"


@pytest.mark.parametrize("name", NAMES)
def test_packed_or_plain_it_is_the_same(client: FlaskClient, name: str) -> None:
    address = f"/widget/{files.version()}/{name}"
    plain = client.get(address).data
    packed = client.get(address, headers={"Accept-Encoding": "br, gzip"})
    assert "Accept-Encoding" in packed.headers["Vary"]
    if packed.headers.get("Content-Encoding") == "gzip":
        assert gzip.decompress(packed.data) == plain
    else:
        assert packed.data == plain
        assert len(plain) < 512


@pytest.mark.parametrize("version", ["latest", "0123456789abcdef"])
def test_another_version_s_address_leads_to_the_newest(client: FlaskClient, version: str) -> None:
    answer = client.get(f"/widget/{version}/{NAMES[0]}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"../{files.version()}/{NAMES[0]}")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("name", ["nothing.js", "../rules.py", "..%2frules.py", "static", "a\x00.js"])
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/widget/{files.version()}/{name}").status_code == 404
