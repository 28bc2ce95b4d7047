"""How often a language is told of texts in one language, and how often wrongly.

    language.py FILE... [--column text] [--is en]

Each FILE is CSV with a header, and its column of texts is taken to be in one language throughout; rows that are told
to be in another are listed by their number (the first row of data is 1), never quoted. Ends with exit status 1 if more
than 5 in a thousand are. Prints a last line of JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Final

from heedback_service.core.language import language

MOST_WRONG: Final = 0.005
LISTED: Final = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--column", default="text")
    parser.add_argument("--is", dest="code", default="en")
    options = parser.parse_args()
    rows, wrong = 0, 0
    print(f"{'file':32} {'texts':>7} {'told':>7} {'another':>8} {'unknown':>8}  rows told to be in another")
    for file in options.files:
        with file.open(encoding="utf-8", newline="") as lines:
            told = [language(row[options.column] or "") for row in csv.DictReader(lines)]
        others = [(n, code) for n, code in enumerate(told, 1) if code not in (options.code, None)]
        rows, wrong = rows + len(told), wrong + len(others)
        shares = (told.count(options.code), len(others), told.count(None))
        shown = " ".join(f"{n}:{code}" for n, code in others[:LISTED]) + (" …" if len(others) > LISTED else "")
        right, another, unknown = (f"{100 * n / max(1, len(told)):.2f} %" for n in shares)
        print(f"{file.name:32} {len(told):7,} {right:>7} {another:>8} {unknown:>8}  {shown}")
    print(json.dumps({"texts": rows, "another": wrong, "most": MOST_WRONG}))
    return 0 if wrong <= MOST_WRONG * rows else 1


if __name__ == "__main__":
    sys.exit(main())
