"""Pure rules: data and `now` in, data out. Standard library and numeric libraries only; no clock, no store, no network.

A new rule is a module here with its property tests in `tests/service/core/`.
"""
