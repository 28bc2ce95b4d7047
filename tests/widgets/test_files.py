"""How the element's files are sent, whoever sends them."""

from __future__ import annotations

import pytest

from heedback_widgets import files


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [(None, False), ("", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.0, br", False),
     ("GZIP", True), ("br, gzip;q=0.5", True), ("gzip;q=0.01", True)],
)  # fmt: skip
def test_only_who_takes_gzip_is_sent_it(accepted: str | None, packed: bool) -> None:
    answer = files.answer(files.version(), "heedback.min.js", accepted)
    assert (answer.headers.get("Content-Encoding") == "gzip") is packed
