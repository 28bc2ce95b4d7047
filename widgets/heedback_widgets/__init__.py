"""The widget: a browser element in `static/`, and what a host needs to serve it.

`rules` and `files` are pure, and the service uses them too: what a browser may say has one home. `host` is the way
through an app; `flask`, `fastapi` and `django` put it into a framework, a module of at most 80 lines each; `markup` is
the element as HTML. A new framework is one more such module over `host`.
"""
