"""The API's page for people says what the document says to machines, and its sample is true."""

from __future__ import annotations

import json
import re

from flask.testing import FlaskClient

from browsing import Browser
from heedback_service.web.pages.api_docs import ANSWER, REQUEST
from posting import Post


def test_anybody_can_read_what_every_operation_takes_and_answers(nobody: Browser, client: FlaskClient) -> None:
    page = nobody.get("/docs")
    document = client.get("/openapi.json").json
    assert page.status_code == 200
    assert document is not None
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            if method == "parameters":
                continue
            assert f"{method.upper()} {path}" in page.text
            assert all(f"<code>{status}</code>" in page.text for status in said["responses"])
    for name, schema in document["components"]["schemas"].items():
        section = page.text.split(f'<section id="{name}">')[1].split("</section>")[0]
        assert set(re.findall(r"<dt><code>(.*?)</code>", section)) == set(schema["properties"])
        assert section.count("required</span>") == len(schema.get("required", ()))


def test_each_operation_says_what_it_takes_and_only_that(nobody: Browser) -> None:
    sections = nobody.get("/docs").text.split("<section>")[1:]
    told = {re.search(r"<code>(.*?)</code>", each)[1]: each for each in sections}  # type: ignore[index]
    assert [name for name, each in told.items() if "invoice-summary" in each] == ["POST /v1/events"]
    assert '<a href="#Merge">' in told["POST /v1/items/{number}/merge"]
    assert "Authorization" in told["GET /v1/triage"]
    assert "Authorization" not in told["POST /v1/widget/state"]


def test_its_limits_are_in_words(nobody: Browser) -> None:
    page = nobody.get("/docs").text
    for words in (
        "at most 200 characters",
        "at most 500 entries",
        "thumbs or stars or score",
        "from 1 to 1,000,000",
    ):
        assert words in page


def test_names_in_its_prose_are_set_as_code(nobody: Browser) -> None:
    page = nobody.get("/docs").text
    assert "`" not in page
    assert "Events are those of <code>POST /v1/events</code>" in page


def test_its_links_lead_somewhere(nobody: Browser) -> None:
    page = nobody.get("/docs").text
    assert all(f'id="{anchor}"' in page for anchor in re.findall(r'href="#(.*?)"', page))


def test_the_sample_request_gets_the_sample_answer(post: Post) -> None:
    assert post(body=REQUEST).json == json.loads(ANSWER)
