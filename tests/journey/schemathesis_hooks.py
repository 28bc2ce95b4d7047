"""What schemathesis is told about our API: which moments there are, and what it means to refuse an event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import schemathesis
from hypothesis import strategies

# A moment lies in the years 2000 to 2099, for which JSON Schema has no word (the document says x-minimum, x-maximum).
MOMENTS = strategies.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.isoformat(timespec="milliseconds") + "Z"
)
schemathesis.openapi.format("date-time", MOMENTS)


@schemathesis.check
def events_that_fit_the_document_are_accepted(_ctx: Any, response: Any, case: Any) -> None:
    """Stands in, together with the next one, for `negative_data_rejection`."""
    if not case.meta.generation.mode.is_negative and response.status_code == 200:
        rejected = response.json().get("rejected")  # only of what takes events
        assert not rejected, f"the document allows what the service refuses: {rejected}"


@schemathesis.check
def what_does_not_fit_the_document_is_refused(_ctx: Any, response: Any, case: Any) -> None:
    """By a 4xx, or event by event in a 200: good events are kept even if a neighbour is bad."""
    # What is put in the place of a number may lead to a page, which is none of the API's.
    said_by_the_api = "json" in "".join(response.headers.get("content-type", []))
    takes_something = case.method != "GET"  # who only asks is answered, whatever else the request has
    if case.meta.generation.mode.is_negative and response.status_code == 200 and said_by_the_api and takes_something:
        assert response.json().get("rejected"), "the service takes what the document forbids"
