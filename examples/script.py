"""A nightly job: sums up each text it reads, a line each, and lets a program say how well that went.

    pip install heedback
    export HEEDBACK_URL=… HEEDBACK_KEY=… HEEDBACK_USER_KEY=…
    python examples/script.py < texts.txt

The lines marked ★ are all that Heedback needs.
"""

from __future__ import annotations

import re
import sys

import heedback  # ★

FEATURE = "text-summary"


def main() -> int:
    heedback.init(app_version="1.0", environment="example")  # ★ address and keys are in the environment
    for line in sys.stdin:
        text = line.strip()
        with heedback.track(FEATURE, prompt_version="v1", surface="job", input=text) as out:  # ★
            summary = ask_the_model(text)
            out.set(output=summary, response_model="first-sentence-1")  # ★
        lost = numbers(text) - numbers(summary)
        share = 1 - len(lost) / max(1, len(numbers(text)))
        heedback.rate(out, score=share, source="code", metadata={"numbers lost": len(lost)})  # ★
        print(f"{share:4.0%}  {summary}")
    if not heedback.flush(timeout=10):  # ★ a job that is over can wait; without this, at most three seconds are spent
        stats = heedback.stats()
        print(f"{stats['pending']} events wait: {stats['problem'] or 'no answer yet'}", file=sys.stderr)
    return 0


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


def ask_the_model(text: str) -> str:
    """Yours would be asked here."""
    return text.split(". ")[0][:200]


if __name__ == "__main__":
    raise SystemExit(main())
