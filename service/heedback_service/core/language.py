"""Which language a text is in: by its script, and in Latin letters by the small words that hold its sentences together.

Made for what people type in a box: a sentence or two. It knows the languages below and says nothing rather than guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

READ: Final = 1000  # characters of a text; what follows is in the same language
_FEWEST_WORDS: Final = 3  # in Latin letters
_FEWEST_LETTERS: Final = 4  # in any other script
_ENOUGH: Final = 1.0  # points: a word that only this language has, or two that it shares with one other
_SHARE: Final = 0.12  # points for each word of the text: names and terms of another language may be most of it
_AHEAD: Final = 1.3  # times the points of the second
_FEWEST_SIGNS: Final = 2  # words that speak for it: one alone may be a name, or a slip

# ISO 639-1 codes, as the attribute `lang` takes them.
NAMES: Final = {
    **{"ar": "Arabic", "bg": "Bulgarian", "da": "Danish", "de": "German", "el": "Greek", "en": "English"},
    **{"es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi"},
    **{"it": "Italian", "ja": "Japanese", "ko": "Korean", "nb": "Norwegian", "nl": "Dutch", "pl": "Polish"},
    **{"pt": "Portuguese", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian"},
    "zh": "Chinese",
}

# Each language's most frequent words that hardly occur in others. A word in several lists counts for each, but less.
_WORDS: Final = {
    "en": """
        the of and to is are was were be been it its this that these those i you he she we they my your his her our
        their not don doesn didn isn wasn can cannot could would should will have has had do does did for with from by
        at on in as but if or when what which who why how where there here about into than then only just very more
        most all any some no an a me us them after before because so too out up get got make made please want need use
        used using works doesnt dont cant isnt didnt wrong answer answers question asked nothing still always never
        every add give let know like good great nice love app also even well now new much time go goes going ten s t m
        ll ve re take takes took back one two first last page number link source document list set turn play tell show
        find off start stop call send check today tomorrow
    """,
    "de": """
        woher kommt kommen der die das und ist sind war nicht ich du sie wir ihr es ein eine einen einem einer eines
        den dem des mit von zu zum zur auf für im ins aus bei nach über unter wenn dass daß weil aber oder auch nur
        noch schon sehr mehr kein keine keinen wird werden wurde wurden hat habe haben hatte kann können konnte muss
        müssen soll sollte wie was wer wo warum hier da dann als bitte danke mir mich uns ihm ihn antwort frage falsch
        fehlt funktioniert immer nichts etwas alles gibt geht steht stimmt meine mein meiner ihre diese dieser dieses
        gut viel zwei leider wieder
    """,
    "nl": """
        de het een en van ik je hij zij wij jullie niet geen is zijn was waren met op voor aan uit bij naar om te dat
        die dit deze maar ook nog wel als dan er hier daar waar wat wie waarom hoe wordt worden werd heeft heb hebben
        had kan kunnen moet moeten zou zal mijn jouw ons onze hun hem haar mij alleen altijd nooit niets iets alles
        antwoord vraag fout goed veel meer over door tot zonder omdat ontbreekt werkt doet staat klopt gevraagd zo
        graag
    """,
    "fr": """
        le la les un une des du de et est sont était je tu il elle nous vous ils elles ne pas que qui quoi dans sur
        sous pour par avec sans mais ou où donc ce cet cette ces mon ma mes ton votre notre leur son sa ses au aux en
        y a ai as avez ont été être avoir fait peut plus très trop bien aussi comme quand si rien tout tous toujours
        jamais réponse question faux fausse manque fonctionne pourquoi comment c' d' l' n' j' s' qu' m' t' lien page
        chiffre beaucoup personne encore
    """,
    "es": """
        el la los las un una unos de del y es son era yo tú él ella nosotros ustedes no que qué en con por para sin
        pero como cómo cuando cuándo donde dónde porque si sí mi mis tu su sus al lo le les me se nos está están
        estaba ha han he hay fue ser tiene tengo puede puedo muy más también todo todos nada siempre nunca este esta
        esto estos ese eso respuesta pregunta falta funciona mal bien hace solo sólo cada otra otro ya número enlace
        página nadie demasiado
    """,
    "pt": """
        o os a as um uma uns de do da dos das no na nos nas ao à e é são era eu você ele ela nós vocês não que em com
        por para pelo pela sem mas como quando onde porque se meu minha seu sua isso isto este esta esse essa está
        estão estava foi ser tem tenho pode posso muito mais também tudo todos nada sempre nunca resposta pergunta
        falta funciona errado errada bem faz só já há num numa quem até número página ninguém demais
    """,
    "it": """
        il lo la i gli le un uno una di del dello della dei delle e è sono era io tu lui lei noi voi loro non che chi
        cosa in nel nella con su sul sulla per da dal dalla ma come quando dove perché se mi ti ci si mio mia suo sua
        questo questa questi quello ho hai ha hanno abbiamo stato essere può posso molto più anche tutto tutti niente
        nulla sempre mai risposta domanda manca funziona sbagliato sbagliata bene fa solo già ogni alla al ai l' d' c'
        un' dell' all' nell' quell' numero pagina nessuno troppo ancora
    """,
    "nb": """
        og i er det en et den de som på av til med for ikke jeg du han hun vi dere meg deg seg oss min mitt mine din
        sin at om men eller hvis når hva hvem hvor hvorfor hvordan dette disse denne har hadde var blir ble kan kunne
        skal skulle må vil ville få fikk får gjør gjorde bare også mer mye veldig noe noen ingen ingenting alltid
        aldri nå her der så etter fra ut opp over under uten svar svaret spurte spørsmål feil mangler virker fungerer
        riktig å bør står sier selv begge kroner slik slikt annet andre hver gang side siden tall tallet lenke lenken
        kilde kilden ei blitt vært hatt gikk tok gjerne finnes igjen hjelp hjelper enn mellom lenge altfor ferdig
        viktig vet tror bruke språk norsk versjon informasjon enkelt beløp beløpet avtale avtalen
    """,
    "da": """
        og i er det en et den de som på af til med for ikke jeg du han hun vi jer mig dig sig os min mit mine din sin
        at om men eller hvis når hvad hvem hvor hvorfor hvordan dette disse denne har havde var bliver blev kan kunne
        skal skulle må vil ville få fik får gør gjorde kun bare også mere meget noget nogen ingen intet altid aldrig
        nu her der så efter fra ud op over under uden svar svaret spurgte spørgsmål forkert mangler virker fungerer
        rigtig bør står siger selv begge sådan anden andet andre hver gang side siden tal tallet link linket kilde
        kilden blevet været haft gik tog gerne findes igen hjælp hjælper end mellem længe alt færdig vigtig ved tror
        bruge sprog dansk udgave slet svær måde hvornår beløb beløbet aftale aftalen
    """,
    "sv": """
        och i är det en ett den de som på av till med för inte jag du han hon vi ni mig dig sig oss min mitt mina din
        sin att om men eller när vad vem var varför hur detta dessa denna har hade blir blev kan kunde ska skulle
        måste vill ville få fick får gör gjorde bara också mer mycket något någon inga ingenting alltid aldrig nu här
        där så efter från ut upp över under utan svar svaret frågade fråga fel saknas fungerar rätt bör står säger
        själv båda sådan annan annat andra varje gång sida sidan siffra siffran länk länken källa källan blivit varit
        haft gick tog gärna finns igen hjälp hjälper än mellan länge alldeles färdig viktig vet tror använda språk
        svenska belopp beloppet avtal avtalet
    """,
    "fi": """
        ja on ei se että en et olen olet oli ovat ole minä sinä hän me te he minun sinun mutta tai jos kun mitä mikä
        kuka missä miksi miten tämä tämän nämä joka jotka voi voisi pitää pitäisi vain myös enemmän hyvin paljon
        kaikki mitään aina koskaan nyt täällä siellä niin kuin vastaus vastausta kysymys kysyin väärin väärä puuttuu
        toimi toimii vielä sitten siitä tässä ilman mukaan
    """,
    "pl": """
        i w z na do nie jest są był była było to że się jak co kto gdzie kiedy dlaczego czy ale lub albo oraz od po
        dla bez przez przy o u za ja ty on ona my wy oni mnie mi cię go jej ich mój moja moje swój ten ta te tego tej
        tym może można mogę powinno tylko też także bardzo więcej wszystko nic zawsze nigdy teraz tutaj już jeszcze
        odpowiedź pytanie błędna brakuje zawiera strona strony działa proszę nawet żeby który która które
    """,
    "tr": """
        ve bir bu şu o da de için ile mi mı mu mü ne nasıl neden nerede kim ben sen biz siz onlar beni bana benim var
        yok değil çok daha en gibi kadar ama veya ya ki her hiç hep sadece şey yanlış doğru cevap soru eksik
        çalışmıyor olarak olan oldu olmuş ediyor sonra önce şimdi bunu ise sayı sayfa geldi böyle
    """,
}
# What nearly only this language writes.
_LETTERS: Final = {
    "de": "ßäöü",
    "fr": "çœêèëîïûù",
    "es": "ñ",
    "pt": "ãõ",
    "pl": "łąęśżźćń",
    "tr": "ğış",
    "sv": "äö",
    "fi": "äö",
    "nb": "øå",
    "da": "øåæ",
}
_LETTER_POINTS: Final = 0.5  # a word with such a letter, shared by those that write it

# Of each script: its letters, the language that writes it unless others' letters are frequent, and those letters.
# "" is a language that is not known here.
_SCRIPTS: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("\u0370-\u03ff\u1f00-\u1fff", "el", {}),
    ("\u0400-\u04ff", "ru", {"uk": "іїєґ", "ru": "ыэё", "bg": "ъ", "": "ўјљњћђџ"}),
    ("\u0590-\u05ff", "he", {}),
    ("\u0600-\u06ff\u0750-\u077f", "ar", {"fa": "پچژگکی", "": "ٹڈڑںے"}),
    ("\u0900-\u097f", "hi", {"": "ळ"}),
    ("\u0e00-\u0e7f", "th", {}),
    ("\u1100-\u11ff\uac00-\ud7af", "ko", {}),
    ("\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff", "zh", {"ja": "".join(map(chr, range(0x3041, 0x30FF)))}),
)
_WRITTEN: Final = tuple((re.compile(f"[{letters}]"), usual, telling) for letters, usual, telling in _SCRIPTS)
_OTHER: Final = re.compile(f"[{''.join(letters for letters, _, _ in _SCRIPTS)}]")
_LATIN: Final = re.compile("[a-z\u00df-\u024f]")
_WORD: Final = re.compile(r"[^\W\d_]+'?")  # French and Italian join words by it: "l'", "dell'"


@lru_cache(maxsize=4096)  # a page asks for what it quotes each time it is shown
def language(text: str) -> str | None:
    """The language of `text` as an ISO 639-1 code, one of `NAMES`; None if it is too short or no language is ahead.

    The script with the most letters decides which languages come into question. Reads at most `READ` characters.
    """
    read = unicodedata.normalize("NFC", text[:READ]).lower().replace("’", "'")
    if _OTHER.search(read):
        letters = {usual: found for script, usual, _ in _WRITTEN if (found := script.findall(read))}
        most = max(letters, key=lambda usual: len(letters[usual]))
        if len(letters[most]) > len(_LATIN.findall(read)):
            return _by_letters(letters[most], most)
    return _in_latin_letters(_WORD.findall(read))


def _by_letters(letters: list[str], usual: str) -> str | None:
    if len(letters) < _FEWEST_LETTERS:
        return None
    telling = next(each for _, name, each in _WRITTEN if name == usual)
    counted = {name: sum(map(those.count, letters)) for name, those in telling.items()}
    best = max(counted, key=lambda name: counted[name], default=usual)
    return (best if counted.get(best) else usual) or None


def _in_latin_letters(words: list[str]) -> str | None:
    if len(words) < _FEWEST_WORDS:
        return None
    points: dict[str, float] = {}
    signs: dict[str, int] = {}
    for word in words:
        for name, weight in _told_by(word):
            points[name] = points.get(name, 0) + weight
            signs[name] = signs.get(name, 0) + 1
    if not points:
        return None
    best = max(points, key=points.__getitem__)
    most, second = points.pop(best), max(points.values(), default=0.0)
    is_told = signs[best] >= _FEWEST_SIGNS and most >= max(_ENOUGH, _SHARE * len(words), _AHEAD * second)
    return best if is_told else None


@lru_cache(maxsize=8192)  # few words make up most of what is said
def _told_by(word: str) -> tuple[tuple[str, float], ...]:
    """Which languages a word speaks for, and with how many points."""
    told = dict(_POINTS.get(word) or _POINTS.get(word.rstrip("'"), ()))
    for letter in _TOLD_BY.keys() & set(word):
        for name in _TOLD_BY[letter]:
            told[name] = told.get(name, 0) + _LETTER_POINTS / len(_TOLD_BY[letter])
    return tuple(told.items())


def _turned(lists: dict[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Who has it, of each thing in the lists."""
    found: dict[str, tuple[str, ...]] = {}
    for name, things in lists.items():
        for thing in dict.fromkeys(things):
            found[thing] = (*found.get(thing, ()), name)
    return found


_TOLD_BY: Final = _turned({name: tuple(letters) for name, letters in _LETTERS.items()})
_POINTS: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    word: tuple((name, 1 / len(names)) for name in names)
    for word, names in _turned({name: words.split() for name, words in _WORDS.items()}).items()
}
