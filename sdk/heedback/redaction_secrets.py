"""What opens a door: passwords, private keys, tokens, keys of providers. A part of `heedback.redaction`."""

from __future__ import annotations

import re
from typing import Final

_DIGIT: Final = re.compile(r"[0-9]")

# The look before _KEY and _WORDY: each of their alternatives has one of these beginnings, then so much. An engine is
# slow to start and quick to skip to one character, in bytes above all: so it starts where there is one. What stands in
# front of `sk` is looked at for the sake of `task_` and `risk-`.
_DASHED: Final = re.compile(
    rb"""-(?:(?<=(?:sk|pa|fc)-)(?:(?<![a-z]..-)|(?<=%[0-9A-Fa-f]{2}..-))
    |(?<=(?:xai|csk)-)|(?<=(?:xox[abeoprs]|pplx|pypi|tvly|gl[rdf]t)-)|(?<=(?:nvapi|glpat|glptt|glcbt|glimt|gloas)-)
    |(?<=(?:glsoat|GOCSPX|xapp-\d)-)|(?<=xkeysib-))[\w-]{10}""",
    re.VERBOSE,
)
_UNDERSCORED: Final = re.compile(
    rb"""_(?:(?<=sk_)(?:(?<![a-z]sk_)|(?<=%[0-9A-Fa-f]{2}sk_)|(?<=gsk_)|(?<=pcsk_))
    |(?<=(?:hf|r8|fw)_)|(?<=(?:npm|gh[pousr]|e2b|vck|sbp|ntn|phx)_)|(?<=(?:glsa|jina|figd)_)
    |(?<=(?:shp(?:at|ss|ca|pa)|whsec)_)|(?<=(?:k_live|k_test|tgp_v1|do[opr]_v1)_)|(?<=(?:lsv2_pt|lin_api)_)
    |(?<=dckr_[po]at_)|(?<=sb_secret_)|(?<=github_pat_))[\w+/-]{8}""",
    re.VERBOSE,
)
_DOTTED: Final = re.compile(rb"\.(?<=(?:SG|29|AQ|v[bsr])\.)[\w-]{16}")
# A letter or a digit in front makes it another word; those of an escape, as in a link's %20 and %3D, do not.
_BEGINS: Final = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
# What no word looks like. Where a prefix may also begin a name in code (`hf_hub_download`, `npm_config_registry`,
# `pk_test_of_something`), so many letters and digits are asked for without a break that no such name has them.
_KEY: Final = re.compile(
    _BEGINS
    + r"""(?:
      [srp]k_(?:live|test)_[A-Za-z0-9]{16}                 # Stripe
    | whsec_[A-Za-z0-9+/]{24,}+                            # webhooks
    | hb_sk_\w{8}
    | gsk_[A-Za-z0-9]{24} | hf_[A-Za-z0-9]{24} | r8_[A-Za-z0-9]{24} | npm_[A-Za-z0-9]{30}
    | pplx-[A-Za-z0-9]{24} | xai-[A-Za-z0-9]{24} | csk-[A-Za-z0-9]{24} | fc-[0-9a-f]{32}
    | sk_[0-9a-f]{32} | e2b_[0-9a-f]{32} | sbp_[0-9a-f]{32} | dapi[0-9a-f]{32}
    | tgp_v1_[\w-]{24} | pcsk_(?:[A-Za-z0-9]{4,8}_)?[A-Za-z0-9]{24} | jina_[A-Za-z0-9]{24}
    | vck_[A-Za-z0-9]{24} | ntn_[A-Za-z0-9]{24} | lin_api_[A-Za-z0-9]{24} | phx_[A-Za-z0-9]{24}
    | glsa_[A-Za-z0-9]{24} | lsv2_(?:pt|sk)_[A-Za-z0-9]{24} | figd_[\w-]{30}
    | (?:AKIA|ASIA)[A-Z0-9]{16} | ABSK[A-Za-z0-9+/]{40,}+={0,2}                  # Amazon
    | AIza[\w-]{30} | ya29\.[\w-]{20} | AQ\.Ab[\w-]{24} | GOCSPX-[\w-]{20}      # Google
    | gh[pousr]_\w{20} | github_pat_\w{20} | dckr_[po]at_[\w-]{20}
    | gl(?:pat|rt|ptt|dt|ft|soat|cbt|imt|oas)-[\w-]{16,}+(?:\.[0-9a-z]{2}\.?[0-9a-z]{7})?  # GitLab
    | xox[abeoprs]-[\w-]{10} | xapp-\d-[\w-]{10}
    | do[opr]_v1_\w{30} | shp(?:at|ss|ca|pa)_\w{20} | xkeysib-[0-9a-f]{32}
    | SG\.[\w-]{16,}+\.[\w-]{16} | hv[bsr]\.[\w-]{20}
    )[\w-]*+""",
    re.ASCII | re.VERBOSE,
)
# What words look like too (`sk-learn-2024-abcdef`): a part of it has to look made.
_WORDY: Final = re.compile(
    _BEGINS + r"(?:(?:sk|nvapi|pypi|tvly)-|pa-(?=[\w-]{32})|fw_(?=[A-Za-z0-9]{20})|sb_secret_)([\w-]{16,}+)", re.ASCII
)
_WEBHOOK: Final = re.compile(  # whoever has it may write there
    r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)[\w/-]{16,}+", re.ASCII | re.IGNORECASE
)
# What stands between the user and the host, up to the last @ of them. A number of five digits at most is a port.
_PASSWORD: Final = re.compile(  # JSON may have a backslash before each slash
    r"""(:\\?/\\?/[^\s/:"'`<>[]{0,128}:)(?![0-9]{1,5}[,;/?)\]}|\\])"""
    r"""[^\s/@"'`<>]{1,256}+@(?!sha256:)(?:[^\s/@"'`<>]{1,256}+@(?!sha256:))*+"""
)
# Whatever its number of parts: three of a signed token, five of an encrypted one, of which some may be empty.
_JWT: Final = re.compile(
    r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2}))(?>((?:[A-Za-z0-9]*+[_-])*?)eyJ)"
    r"[\w-]{8,}+(?=\.{1,2}[\w-]{8})(?:\.{1,2}[\w-]++)++",
    re.ASCII,
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


def secrets(text: str, raw: bytes, digits: int) -> str:
    """`text`, which is `raw` in UTF-8 and had so many `digits` to begin with."""
    if "@" in text and ("://" in text or ":\\/\\/" in text):
        text = _PASSWORD.sub(r"\1[password]@", text)
    if "-" in text and "-----BEGIN" in text:
        text = _private_keys(text)
    if "J" in text and "eyJ" in text:
        text = _JWT.sub(r"\1[jwt]", text)
    lower = raw.lower().decode("latin-1")  # for these letters the same, and words are found sooner than in bytes
    if "/" in text and "hooks.slack" in lower:
        text = _WEBHOOK.sub(r"\1[key]", text)
    if "bearer" in lower or ("z" in lower and "basic" in lower):  # authorization: basic
        text = _TOKEN.sub(_token_mark, text)
    if (
        ("-" in text and _DASHED.search(raw))
        or ("_" in text and _UNDERSCORED.search(raw))
        or ("." in text and _DOTTED.search(raw))
        or ("A" in text and ("AKIA" in text or "ASIA" in text or "AIza" in text or "ABSK" in text))
        or (digits >= 4 and "dapi" in text)  # 32 hexadecimal digits without so many are no chance
    ):
        text = _keys(text)
    return text


def _keys(text: str) -> str:
    return _KEY.sub("[key]", _WORDY.sub(lambda found: "[key]" if _is_made(found[1]) else found[0], text))


def _is_made(text: str) -> bool:
    """Whether a part of `text` is by chance and not by meaning: long with digits, very long, or turning often."""
    return _turns_often(text) or any(
        (len(part) >= 16 and _DIGIT.search(part)) or len(part) >= 32 or _turns_often(part)
        for part in _STRETCH.findall(text)
    )


def _turns_often(text: str) -> bool:
    return len(_TURN.findall(text)) * 8 > len(text)


def _token_mark(found: re.Match[str]) -> str:
    """After "bearer" may come an ordinary word: one without a digit has to look made."""
    before, token = found[1] or found[3], found[2] or found[4]
    return f"{before}[token]" if _is_made(token) or (found[2] and _DIGIT.search(token)) else found[0]


def _private_keys(text: str) -> str:
    """From BEGIN to the end of the END line; without an END, which cutting may have taken, to the end of the text."""
    parts: list[str] = []
    done = 0
    while begin := _PRIVATE_KEY.search(text, done):
        parts += text[done : begin.start()], "[private_key]"
        end = text.find("-----END", begin.end())
        close = text.find("-----", end + 8) if end >= 0 else -1
        done = close + 5 if close >= 0 else len(text)
    return "".join([*parts, text[done:]]) if parts else text
