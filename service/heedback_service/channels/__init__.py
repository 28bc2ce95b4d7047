"""Everything that leaves the service, one file a channel. May import core.

To add a channel, copy `email.py`: a frozen settings object in, an outcome out.
"""
