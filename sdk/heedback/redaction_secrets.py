"""What opens a door: private keys, tokens, keys of providers. A part of `heedback.redaction`."""

from __future__ import annotations

import re
from typing import Final

_DIGIT: Final = re.compile(r"[0-9]")

# Each alternative of _KEY and _WORDY holds one of these.
_DASHED: Final = ("sk-", "pat-", "xox", "xapp-", "pplx-", "xai-", "nvapi-", "pypi-", "tvly-")
_UNDERSCORED: Final = (
    *("k_live_", "k_test_", "sk_", "hf_", "r8_", "glsa_", "lsv2_", "npm_", "_v1_", "pat_", "whsec_"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
)
# What no word looks like. Where a prefix may also begin a name in code (`hf_hub_download`, `npm_config_registry`,
# `pk_test_of_something`), so many letters and digits are asked for without a break that no such name has them.
_KEY: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      [srp]k_(?:live|test)_[A-Za-z0-9]{16}                 # Stripe
    | whsec_[A-Za-z0-9+/]{24,}+                            # webhooks
    | hb_sk_\w{8}
    | gsk_[A-Za-z0-9]{24} | hf_[A-Za-z0-9]{24} | r8_[A-Za-z0-9]{24} | npm_[A-Za-z0-9]{30}
    | pplx-[A-Za-z0-9]{24} | xai-[A-Za-z0-9]{24}
    | glsa_[A-Za-z0-9]{24} | lsv2_(?:pt|sk)_[A-Za-z0-9]{24}
    | (?:AKIA|ASIA)[A-Z0-9]{16} | AIza[\w-]{30} | ya29\.[\w-]{20}
    | gh[pousr]_\w{20} | github_pat_\w{20} | glpat-[\w-]{16}
    | xox[abeoprs]-[\w-]{10} | xapp-\d-[\w-]{10}
    | dop_v1_\w{30} | shpat_\w{20}
    | SG\.[\w-]{16,}+\.[\w-]{16}
    )[\w-]*+""",
    re.ASCII | re.VERBOSE,
)
# What words look like too (`sk-learn-2024-abcdef`): a part of it has to look made.
_WORDY: Final = re.compile(r"(?<![A-Za-z0-9])(?:sk|nvapi|pypi|tvly)-([\w-]{16,}+)", re.ASCII)
# Whatever its number of parts: three of a signed token, five of an encrypted one, of which some may be empty.
_JWT: Final = re.compile(
    r"(?<![\w-])(?>((?:[A-Za-z0-9]*+[_-])*?)eyJ)[\w-]{8,}+(?=\.{1,2}[\w-]{8})(?:\.{1,2}[\w-]++)++", re.ASCII
)
_TOKEN: Final = re.compile(
    r"""\b(?:(bearer[ \t:="']{1,8})([\w.~+/=-]{16,}+)
    |(authorization["']?[ \t]{0,4}[:=][ \t"']{0,4}basic[ \t]{1,8})([\w+/=-]{8,}+))""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_STRETCH: Final = re.compile(r"[A-Za-z0-9]{8,}+")
# From one kind of character to the next, but for a capital and its small letters: `camelCase` turns once.
_TURN: Final = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])|[0-9](?=[A-Za-z])")


def hints_at_a_key(text: str) -> bool:
    return (
        ("-" in text and any(map(text.__contains__, _DASHED)))
        or ("_" in text and any(map(text.__contains__, _UNDERSCORED)))
        or ("A" in text and ("AKIA" in text or "ASIA" in text or "AIza" in text))
        or ("." in text and ("SG." in text or "ya29." in text))
    )


def keys(text: str) -> str:
    return _KEY.sub("[key]", _WORDY.sub(lambda found: "[key]" if _is_made(found[1]) else found[0], text))


def _is_made(text: str) -> bool:
    """Whether a part of `text` is by chance and not by meaning: long with digits, very long, or turning often."""
    return _turns_often(text) or any(
        (len(part) >= 16 and _DIGIT.search(part)) or len(part) >= 32 or _turns_often(part)
        for part in _STRETCH.findall(text)
    )


def _turns_often(text: str) -> bool:
    return len(_TURN.findall(text)) * 8 > len(text)


def jwts(text: str) -> str:
    return _JWT.sub(r"\1[jwt]", text)


def tokens(text: str) -> str:
    return _TOKEN.sub(_token_mark, text)


def _token_mark(found: re.Match[str]) -> str:
    """After "bearer" may come an ordinary word: one without a digit has to look made."""
    before, token = found[1] or found[3], found[2] or found[4]
    return f"{before}[token]" if _is_made(token) or (found[2] and _DIGIT.search(token)) else found[0]


def private_keys(text: str) -> str:
    """From BEGIN to the end of the END line; without an END, which cutting may have taken, to the end of the text."""
    parts: list[str] = []
    done = 0
    while begin := _PRIVATE_KEY.search(text, done):
        parts += text[done : begin.start()], "[private_key]"
        end = text.find("-----END", begin.end())
        close = text.find("-----", end + 8) if end >= 0 else -1
        done = close + 5 if close >= 0 else len(text)
    return "".join([*parts, text[done:]]) if parts else text
