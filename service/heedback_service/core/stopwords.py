"""Words that hold a sentence together, in the languages triage knows, and say next to nothing of what it is about."""

from __future__ import annotations

from typing import Final

from heedback_service.core.text import wordset

# Left out or mistaken, these do not make it another sentence. Which they are decides what joins: see `nearness`.
LINKS: Final = wordset(
    "a an the is are was be to of it its this that and for with at i my me you your "
    "der die das ist und ein eine es zu den dem ich sie war en et er det som og på til jeg"
)
# That two texts share these is no reason to think that they are about one thing.
SILENT: Final = LINKS | wordset(
    "were been in on by as these those or but if so from im we our he she they them there here what which when where "
    "how do does did has have had will would can could should just very "
    "not no please thanks nicht kein keine bitte danke ikke "
    "einen sind oder aber im auf mit von für mir mich wir ei de var eller men av meg vi du"
)
