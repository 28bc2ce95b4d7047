"""A finished file gets its name, and never takes the place of one that is there."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

# As exFAT has it, by one driver or another, and some network mounts.
_NO_HARD_LINKS: Final = {errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}


def place(part: Path, file: Path) -> None:
    """Give `part`, which lies in the same folder, the name `file`. It may keep its own as well: remove that afterwards.

    A hard link does so at once, and fails where there is a file, unlike a rename. Without links an empty file takes
    the name first, and `part` replaces that: between these two others see it empty, and a crash just there leaves it.

    Raises:
        FileExistsError: there is a file of that name; it is as it was.
        OSError: the name cannot be given; there is no such file.
    """
    try:
        file.hardlink_to(part)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _place_without_links(part, file)


def _place_without_links(part: Path, file: Path) -> None:
    file.touch(mode=0o600, exist_ok=False)
    try:
        part.replace(file)
    except BaseException:
        file.unlink()
        raise
