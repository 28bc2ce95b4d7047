"""A package, so that its modules share one browser: the fixture `chromium` lives as long as they run."""
