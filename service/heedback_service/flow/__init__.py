"""The steps of the loop, one short file each. A step takes a session and `now`, and says whether it found work.

May import store, channels and core. Web pages and jobs call these; nothing here knows about HTTP.
"""
