"""How much the widget weighs, and how much script 100 of them on a page are.

    widget.py [--elements N] [--rounds N]

Sizes are bytes after gzip. Script is what Chromium counts (`ScriptDuration`) from a page's start until all widgets
stand, less the same page with a plain element in place of each, the floor; the median of several pages. Ends with a
line of JSON, and with exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from widget_page import ARGS, PAGE, STATIC, Endpoint, browser_program, eventually, widget

MAX_BYTES: Final = 6220  # as tests/widgets/element/test_element_file.py has it, and says why
MAX_MORE_BYTES: Final = 1200  # of a language, or of what is loaded beside
MAX_SCRIPT_MS: Final = 50.0  # for a hundred
PLAIN: Final = """customElements.define('heedback-rating', class extends HTMLElement {
  connectedCallback() { this.attachShadow({ mode: 'open' }).append('-'); } });"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    sizes = {name: packed(name) for name in ("heedback.min.js", "signals.js")}
    sizes |= {path.name: packed(f"locales/{path.name}") for path in sorted((STATIC / "locales").glob("*.js"))}
    for name, size in sizes.items():
        print(f"{name:<18}{size:6} bytes")
    script = script_ms(options.elements, options.rounds)
    print(f"{options.elements} elements: {script['widget']:.1f} ms of script, plain ones {script['plain']:.1f} ms")
    added = round(script["widget"] - script["plain"], 1)
    print(json.dumps({"sizes": sizes, "elements": options.elements, "script_ms": added, "floor_ms": script["plain"]}))
    large = [
        name for name, size in sizes.items() if size > (MAX_BYTES if name == "heedback.min.js" else MAX_MORE_BYTES)
    ]
    return 1 if large or added > MAX_SCRIPT_MS else 0


def packed(name: str) -> int:
    return len(gzip.compress((STATIC / name).read_bytes(), 9, mtime=0))


def script_ms(elements: int, rounds: int) -> dict[str, float]:
    program = browser_program()
    if program is None:
        raise SystemExit("There is no Chromium on the PATH.")
    endpoint = Endpoint()
    body = "".join(widget(n) for n in range(1, elements + 1))
    endpoint.pages |= {
        "/widget": PAGE.format(body=body, script="heedback.min.js", lang="en", dir="ltr"),
        "/plain": PAGE.format(body=body, script="../plain.js", lang="en", dir="ltr"),
        "/plain.js": PLAIN,
    }
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=program, args=ARGS)
            taken: dict[str, list[float]] = {"plain": [], "widget": []}
            for _ in range(rounds):  # in turns, so that the machine's moods hit both
                for name, found in taken.items():
                    found.append(one_page(browser, f"{endpoint.url}/{name}"))
            browser.close()
    finally:
        endpoint.close()
    return {name: statistics.median(found) for name, found in taken.items()}


def one_page(browser: Browser, url: str) -> float:
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(url)
    stand = "[...document.querySelectorAll('heedback-rating')].every(each => each.shadowRoot?.hasChildNodes())"
    eventually(page, lambda: page.evaluate(stand))
    page.wait_for_timeout(300)
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    context.close()
    return round(metrics["ScriptDuration"] * 1000, 2)


if __name__ == "__main__":
    sys.exit(main())
