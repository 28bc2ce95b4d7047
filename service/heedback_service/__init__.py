"""The review service: intake, triage, queue, digest.

Arrows run one way: cli -> app -> web | jobs -> flow -> store | channels -> core. `settings` may be read by app and cli.
"""
