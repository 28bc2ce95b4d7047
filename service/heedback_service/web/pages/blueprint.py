"""The one blueprint that all pages hang on, and how their addresses are read."""

from __future__ import annotations

from typing import Final

from flask import Blueprint
from werkzeug.routing import IntegerConverter

pages: Final = Blueprint(
    "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/assets"
)


class ItemNumber(IntegerConverter):
    """`<number:…>` in a route: what the databases' 32 bits can hold; there is no page for more."""

    regex = "[0-9]{1,9}"
