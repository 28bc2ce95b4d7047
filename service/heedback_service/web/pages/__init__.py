"""The HTML pages: Jinja templates that work without script, one view module a page."""
