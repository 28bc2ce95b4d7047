"""Where somebody is reached on the net: e-mail and IP addresses. A part of `heedback.redaction`."""

from __future__ import annotations

import re
from typing import Final

_LETTER: Final = r"\w\u0300-\u036f\u3099\u309a"  # or an accent that stands for itself behind its letter
_AT: Final = re.compile("@")
_LINKED_AT: Final = re.compile(r"@|%(?:25)?40")  # as it is in a link, or in a link in a link
_DOMAIN: Final = re.compile(rf"(?:[{_LETTER}-]{{1,63}}\.){{1,8}}[^\W\d_][{_LETTER}-]{{1,62}}")
# `logo@2x.png` and `jquery@3.6.0.min.js`: numbers in front of what no domain ends with. A file may be called by an
# address (`jane@example.com.png`), so that its ending alone says nothing.
_FILE: Final = re.compile(
    r"(?:[1-9](?:\.5)?x\.(?:png|jpe?g|gif|webp|avif|svg|bmp|ico)"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){1,3}(?:[.-][a-z]{1,12}){0,2}\.(?:js|mjs|cjs|css|json|wasm|tgz|gz|jar|whl))",
    re.ASCII,
)
_LOCAL_BACKWARDS: Final = re.compile(rf"[{_LETTER}.%+'-]{{1,64}}")


def emails(text: str) -> str:
    """Works outwards from each @, so that long texts without one, or with nothing else, cost next to nothing."""
    linked = "%" in text and "40" in text
    if not linked and "@" not in text:
        return text
    parts: list[str] = []
    done = 0
    for at in (_LINKED_AT if linked else _AT).finditer(text):
        domain = _DOMAIN.match(text, at.end())
        local = _LOCAL_BACKWARDS.match(text[max(done, at.start() - 64) : at.start()][::-1]) if domain else None
        if domain and local and not (domain[0][0].isdigit() and _FILE.fullmatch(domain[0])):
            parts += text[done : at.start() - local.end()], "[email]"
            done = domain.end()
    return "".join([*parts, text[done:]]) if parts else text


# Patterns here consume a character before they look at what stands in front of it: the engine skips to it quickly.
_DIGIT: Final = re.compile(r"[0-9]")
_IPV4: Final = re.compile(
    r"[0-9](?<![\w.].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9]|-(?:alpha|beta|rc|pre|dev|snapshot))",
    re.ASCII | re.IGNORECASE,
)
_COUNTED: Final = re.compile(  # what has numbers of four parts as well: 24 characters are looked at
    r"(?:(?<![A-Za-z])(?:(?:file|assembly|product)?version|ver\.|release|section|chapter|clause|v\.)|§)[ :=(\"']{0,4}$",
    re.IGNORECASE,
)
# Where versions stand too. Names that may have an address, and larger numbers, are not taken for one: see _is_version.
_PRODUCT: Final = re.compile(
    r"\b(?:(?:Chrome|Chromium|CriOS|Edge?|EdgA|Electron|Firefox|OPR|Opera|Safari|Vivaldi|Java|JDK|LibreSSL|OpenSSH|OpenSSL"
    r"|Perl|PHP|Python|Ruby|Rust)[ /]|(?:Apache|curl|httpd|nginx|Tomcat|wget)/)$",
    re.IGNORECASE,
)
_PINNED: Final = re.compile(r"(?:^|[^\w.-])([A-Za-z][\w-]+)==$", re.ASCII)
_PACKAGED: Final = re.compile(r"(?:^|[^\w.-])([A-Za-z][A-Za-z_-]+)-$")
_PACKAGE: Final = re.compile(
    r"(?:-[\w-]{1,40})?\.(?:apk|css|deb|dmg|exe|gem|jar|js|min|msi|nupkg|rpm|tar|tgz|whl|zip)\b", re.ASCII
)
_PLACE: Final = re.compile(
    r"^ip|ip$|ipv?[46]|(?:^|[_-])(?:ip|src|dst|net|lan|wan|dns|ns|from|to|via|db|web|www)(?:$|[_-])"
    r"|addr|host|serv|client|remote|peer|gate|router|proxy|source|dest|target|origin|node|machine|user|visitor"
    r"|backup|dump|log|access|report|scan|ban|block|allow|trace|capture",
    re.IGNORECASE,
)
_IPV6: Final = re.compile(r"[0-9A-Fa-f:](?:(?<![\w:.].)|(?<=\w:[0-9A-Fa-f]))[0-9A-Fa-f:.]{2,44}+(?!\w)")
_UNSHORTENED: Final = re.compile(r":(?:[0-9A-Fa-f]{1,4}:){5}")  # in every address without ::
_LABEL: Final = re.compile(r"[^\W\d_a-fA-F]\w*:$")  # the `IP:` of IP:2001:db8::1, which is no part of it
_INDEXED: Final = re.compile(r"[\w)\]]\[")
_PAIRS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}[:.]*")  # a device's number: no address begins with 00
_FIRST_GROUP: Final = re.compile(r"[23Ff][0-9A-Fa-f]{3}:")  # of addresses that are somebody's: global, local, link


def ips(text: str, digits: int) -> str:
    """`text`, which had so many `digits` to begin with."""
    if ":" in text and ("::" in text or _UNSHORTENED.search(text)):
        text = _IPV6.sub(_ipv6_mark, text)
    if digits >= 4 and text.count(".") > 2:
        text = _IPV4.sub(_ipv4_mark, text)
    return text


def _ipv6_mark(match: re.Match[str]) -> str:
    found, start, text = match[0], match.start(), match.string
    # "::" alone, and " ::add" in code, are no addresses worth a mark: one digit is asked for.
    if found.count(":") < 2 or _DIGIT.search(found) is None or _PAIRS.fullmatch(found):
        return found
    if text[start - 1 : start] == ":" and _LABEL.search(text[max(0, start - 20) : start]) is None:
        return found
    # Nor are 1::2 and a[2000::2], which are slices, nor ::1, which is everybody's.
    groups = sum(map(bool, found.split(":"))) + ("." in found.rstrip("."))
    if groups < 3 and (_INDEXED.search(text[max(0, start - 2) : start]) or _FIRST_GROUP.match(found) is None):
        return found
    for end in (len(found), len(found.rstrip(".")), len(found.rstrip(".:"))):
        if _is_ipv6(found[:end]):
            return "[ip]" + found[end:]
    return found


def _is_ipv6(text: str) -> bool:
    from ipaddress import AddressValueError, IPv6Address  # only texts with two colons and a digit come here

    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _ipv4_mark(match: re.Match[str]) -> str:
    """What ends in .0.0 is a version (`Chrome/120.0.0.0`), a mask or a network: nobody's address."""
    parts, start = match[0].split("."), match.start()
    if max(map(int, parts)) > 255 or (parts[2] == parts[3] == "0"):
        return match[0]
    if _COUNTED.search(match.string[max(0, start - 24) : start]) or _is_version(match, parts):
        return match[0]
    return "[ip]"


def _is_version(match: re.Match[str], parts: list[str]) -> bool:
    """Whether it stands where a version does, and is one of nine hundred addresses that looks like one.

    Java writes `host/address`, and filters `field==address`: so numbers have to be small, and names those of no place.
    """
    if len(match[0]) > 9 or parts[0] == "10" or max(map(len, parts)) > 2:
        return False
    before = match.string[max(0, match.start() - 64) : match.start()]
    if _PRODUCT.search(before):
        return True
    name = _PINNED.search(before) or (_PACKAGE.match(match.string, match.end()) and _PACKAGED.search(before))
    return name is not None and _PLACE.search(name[1]) is None
