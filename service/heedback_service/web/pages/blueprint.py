"""The one blueprint that all pages hang on."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

pages: Final = Blueprint(
    "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/assets"
)
