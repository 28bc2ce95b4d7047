"""What the tests of the widget share."""

from ways import host, house, opened, way

__all__ = ["host", "house", "opened", "way"]
