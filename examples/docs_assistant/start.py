"""Starts the app from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from assistant import PROMPTS, Assistant
from endpoint import Endpoint
from flask import Flask
from retrieval import RANKERS, Library, read_passages
from serving import HOST, serve

import heedback

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
# The pages for people who ask. The reference pages are longer than any answer, and change with the code.
PAGES: Final = ("concepts", "getting-started", "map", "privacy", "questions")
NO_HEEDBACK: Final = "HEEDBACK_URL and HEEDBACK_KEY are not set: the app runs, feedback goes nowhere."


def run(create_app: Callable[[Assistant], Flask], environ: Mapping[str, str]) -> int:
    """Serve until told to stop. Returns the exit code: 0 after a clean stop, 1 when the port is taken."""
    args = _arguments()
    if not (environ.get("HEEDBACK_URL") and environ.get("HEEDBACK_KEY")):
        print(NO_HEEDBACK, file=sys.stderr, flush=True)
    library = Library(read_passages(DOCS, PAGES), RANKERS[args.model])
    app = create_app(Assistant(library, PROMPTS[args.prompt], Endpoint.from_environment(environ)))
    try:
        serve(app, args.port, "The docs assistant is listening on")
    except OSError as error:
        print(f"Cannot listen on {HOST}:{args.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    heedback.flush(timeout=3)  # what is left stays in the spool for the next start
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="app.py", description="Answers questions about Heedback's docs.")
    parser.add_argument("--port", type=int, default=8001, help="0 = any free one")
    parser.add_argument("--prompt", choices=sorted(PROMPTS), default=max(PROMPTS), help="version of the prompt")
    parser.add_argument("--model", choices=sorted(RANKERS), default=max(RANKERS), help="version of the ranking")
    return parser.parse_args()
