"""Whether what two texts do not share turns one against the other, or makes it about another thing: a negation on one
side only ("is correct" and "is not correct"), a word and its opposite ("correct" and "incorrect"), two numbers.

In a long text one word weighs little, however much it says. So these are asked by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from heedback_service.core.language import language
from heedback_service.core.text import wordset

# By themselves, in the languages the widget has and some more; a word of two meanings is below.
NEGATIONS: Final = wordset(
    # English, without apostrophes
    "no not never none nothing without cant cannot dont doesnt didnt isnt arent wasnt werent wont wouldnt couldnt "
    "shouldnt hasnt havent hadnt mustnt neednt aint dosent doesent doesnot didt nobody nowhere neither "
    # German, Dutch
    "nicht nie niemals kein keine keinen keinem keiner keines nichts nein ohne niemand weder "
    "niet nooit geen niets nee zonder nergens "
    # Norwegian, Danish, Swedish
    "ikke ikkje aldri ingen ingenting uten nei aldrig intet uden nej inte ej inga inget utan "
    # French, Spanish, Portuguese, Italian
    "pas jamais rien aucun aucune sans nunca jamás nadie ningún ninguno ninguna tampoco não nao jamais nenhum nenhuma "
    "ninguém sem non nessun nessuno nessuna niente nulla senza nada "
    # Finnish, Polish
    "emme ette eivät älä ilman nigdy nic bez żaden żadna żadne nikt "
    # Russian, Ukrainian
    "не нет ни без никогда ничего никто нельзя нету немає ні "
    # Arabic, Hebrew
    "لا لم لن ليس ليست لست غير بدون ولا ولم לא אין אינו אינה אינם בלי ללא שלא ולא שאין ואין "
    # Chinese and Japanese, where a character stands for a word
    "不 没 沒 未 无 無"
)
# But not in these: "no" is "in the", and "pas" is "just".
_NOT_IN: Final = {"no": "pt", "pas": "nl"}
# Something else in another language: "ei" is an article in Norwegian, "sin" is "his", "mai" a month.
_ONLY_IN: Final = {"ei": "fi", "en": "fi", "et": "fi", "sin": "es", "mai": "it", "plus": "fr"}
# French says these beside "pas" or leaves them out: they turn a sentence only where nothing else does.
ELIDED: Final = wordset(
    "nest netait nétait netaient nétaient nai nas na navons navez nont navait navaient naura naurait nen ny "
    "naffiche naide narrive nexiste nexplique nindique nouvre nutilise"
)
_HALVES: Final = ELIDED | {"ne"}
# What makes a word its opposite.
_PREFIXES: Final = ("un", "in", "im", "ir", "il", "dis", "non", "de", "des", "on", "epä", "nie", "не", "без")
# In Norwegian, Danish and Swedish that is one letter, which before any other word is a slip: how such words begin.
_ONE_LETTER: Final = "uo"
_BEHIND_IT: Final = tuple(
    wordset(
        "riktig rigtig sikker gyldig klar mulig lovlig vanlig tydelig nøyaktig nøjagtig fullstendig fuldstændig "
        "brukbar brugbar nødvendig nyttig enig fornuftig fornøyd ferdig möjlig giltig säker läslig tydlig användbar"
    )
)
_FEWEST_LETTERS: Final = 4  # behind a prefix
# One letter from a negation, and the contrary.
_WORDS_BESIDE: Final = wordset("can want net nine")
_LONG_NUMBER: Final = 4  # digits; of shorter ones each is another number
_FEW_NUMBERS: Final = 8
# In Japanese it is an ending, of which only letters are left over.
_KANA: Final = re.compile("[\u3040-\u309f]")
_JAPANESE: Final = re.compile("な [いくか]|な け れ|ま せ ん|ず に")


def opposed(only_left: Collection[str], only_right: Collection[str], left: str, right: str) -> bool:
    """Whether `left` and `right`, both normalised, say opposite things or name two numbers, as far as words tell.

    Args:
        only_left: the words of `left` that `right` does not have, slips of the keyboard left out.
        only_right: and the other way round.
    """
    turns_left, turns_right = _turns(only_left, only_right, left), _turns(only_right, only_left, right)
    if turns_left != turns_right:
        return True
    few = min(left, right, key=len)
    if _other_number(only_left, only_right, few):
        return True
    if _has_opposite(only_left, only_right) or _has_opposite(only_right, only_left):
        return True
    if any(map(_KANA.match, (*only_left, *only_right))):
        return len(_JAPANESE.findall(left)) != len(_JAPANESE.findall(right))
    return False


def is_opposite(long: str, short: str) -> bool:
    """Whether one letter before `short` turns it around: "uriktig" is no slip of "riktig", nor "nest" of "est"."""
    if long in ELIDED:
        return long[1:] == short
    return long[0] in _ONE_LETTER and long[1:] == short and short.startswith(_BEHIND_IT)


def _turns(words: Collection[str], others: Collection[str], text: str) -> bool:
    """Whether a negation is among the words, and not mistyped among those of the other text."""
    no_negations = set(others) - NEGATIONS  # "keine" is no slip of "keiner"
    for word in set(words):
        if word in _NOT_IN and language(text) == _NOT_IN[word]:
            continue
        if word in NEGATIONS and not any(_is_mistyped(word, other) for other in no_negations):
            return True
        if word in _ONLY_IN and language(text) == _ONLY_IN[word]:
            return True
        if word in _HALVES and language(text) == "fr" and NEGATIONS.isdisjoint(text.split()):
            return True
    return False


def _other_number(only_left: Collection[str], only_right: Collection[str], left: str) -> bool:
    """Whether each side has a number that the other has not, be it mistyped. A text full of numbers is a log, where
    they tell the time and the version: there they say nothing."""
    mine, theirs = (list(filter(None, map(_digits, words))) for words in (only_left, only_right))
    if not mine or not theirs or "".join(mine) == "".join(theirs):  # "5 000" is "5000"
        return False
    if sum(bool(_digits(word)) for word in left.split()) > _FEW_NUMBERS:
        return False
    for number in mine:
        twin = next((other for other in theirs if number == other or _is_mistyped_number(number, other)), None)
        if twin is None:
            return bool(theirs)
        theirs.remove(twin)
    return False


def _digits(word: str) -> str:
    return "" if word.isalpha() else "".join(filter(str.isdigit, word))


def _is_mistyped_number(one: str, other: str) -> bool:
    """Whether a digit is missing or two are swapped in a long number; one mistaken for another makes another number."""
    short, long = sorted((one, other), key=len)
    if len(long) < _LONG_NUMBER or len(long) - len(short) > 1:
        return False
    at = next((place for place, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return _is_swapped(short, long, at) if len(short) == len(long) else short[at:] == long[at + 1 :]


def _has_opposite(words: Collection[str], others: Collection[str]) -> bool:
    found = set(words)
    longer = (other for other in others if len(other) >= _FEWEST_LETTERS)
    return any(
        any(prefix + other in found and prefix not in others for prefix in _PREFIXES)  # "on line" is "online"
        or any(letter + other in found and is_opposite(letter + other, other) for letter in _ONE_LETTER)
        for other in longer
    )


def _is_mistyped(negation: str, word: str) -> bool:
    """Whether `word` is meant to be `negation`: a letter swapped with the next, dropped, doubled or mistaken.

    The first must hold, and no other may be put in: "ever" is one letter from "never", "kleine" from "keine".
    """
    size = len(negation)
    if size < 3 or abs(len(word) - size) > 1 or word in _WORDS_BESIDE:
        return False
    at = next((place for place, (a, b) in enumerate(zip(negation, word, strict=False)) if a != b), min(size, len(word)))
    if len(word) == size and _is_swapped(negation, word, at):
        return True
    if size < _FEWEST_LETTERS or at == 0:
        return False
    if len(word) > size:
        return word[at] == word[at - 1] and word[at + 1 :] == negation[at:]
    return negation[at + 1 :] == word[at + (len(word) == size) :]


def _is_swapped(one: str, other: str, at: int) -> bool:
    """Whether two words of one length differ by neighbours swapped; `at` is the first place where they differ."""
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
