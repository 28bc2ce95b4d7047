"""Words that give a reason away, in English, German and Norwegian. Written by hand; see `classify` for their use.

Each reason has strong cues (worth 2) and weak ones (worth 1). A cue is one word or several in a row, in the normal form
of `core.text`; a trailing `*` means "and whatever follows in this word".
"""

from __future__ import annotations

from typing import Final

from heedback_service.core.text import wordset

STRONG: Final[dict[str, str]] = {
    "down:incorrect": """
        wrong, incorrect*, inaccurate*, false, untrue, hallucinat*, made up, makes up, making up, invent*, fabricat*,
        not true, not correct, not right, isnt right, isnt true, isnt correct, contradict*, factual*, mistake*,
        error in, miscalculat*, outdated, out of date, doesnt exist, does not exist, no longer exists, misleading,
        nonsense
        ; falsch*, stimmt nicht, nicht richtig, nicht korrekt, erfunden*, unsinn, fehlerhaft*, veraltet*, gibt es nicht
        ; feil, ikke riktig, stemmer ikke, ikke sant, oppdikt*, utdatert*, finnes ikke, tull, usann*, galt
    """,
    "down:instructions": """
        i asked, asked for, asked it, i said, told it, didnt follow, did not follow, doesnt follow, ignor*,
        instead of, not what i, instructions, wrong language, different question, off topic, irrelevant,
        not relevant, nothing to do with, misunderst*, didnt understand, does not understand, doesnt understand,
        answers in english, not in german, not in norwegian, missed the point, beside the point, unrelated,
        doesnt answer, didnt answer, does not answer, did not answer, not answer*
        ; ich wollte, gefragt, nicht auf deutsch, thema verfehlt, nicht verstanden, anstatt, beantwortet nicht
        ; jeg ba om, jeg spurte, svarer ikke, ikke på norsk, misforst*, ikke det jeg, svarte på engelsk
    """,
    "down:incomplete": """
        incomplete*, missing, left out, leaves out, leave out, omit*, cut off, cuts off, truncat*, unfinished,
        not enough, only half, half of, doesnt mention, does not mention, didnt mention, no mention, lacks, lacking,
        more detail*, more info*, too short, too brief, too vague, too general, stops in the middle, forgot*,
        not complete
        ; unvollständig*, fehlt, fehlen, abgeschnitten, zu kurz, vergessen, nicht vollständig, zu allgemein
        ; ufullstendig*, mangler, mangelfull*, utelat*, glemt*, glemmer, for kort, kuttet, ikke fullstendig
    """,
    "down:style": """
        too long, too wordy, verbose, wordy, rambling, rambles, long winded, tone, rude, condescending, patronising,
        formatting, layout, unreadable, hard to read, wall of text, repeats, repetitive, repeating, jargon, confusing,
        too technical, too formal, too many words, hard to understand, hard to follow, grammar, spelling, unclear
        ; zu lang, zu ausführlich, tonfall, unhöflich, unleserlich, wiederholt sich, zu technisch, unübersichtlich
        ; for lang, for langt, altfor lang*, ordrik*, uhøflig, uleselig, gjentar, for teknisk, rotete, uklar*
    """,
    "down:sources": """
        source*, citation*, cites, cited, citing, reference*, dead link, broken link, link doesnt, link does not,
        where does this come from, links to, url, footnote*, quotes the wrong, which page, no link*
        ; quelle*, quellenangabe*, verweis*, beleg*, toter link
        ; kilde*, henvisning*, lenke*, sitat*
    """,
    "down:refused": """
        refus*, wont answer, will not answer, wouldnt answer, cant help, cannot help, not able to help, as an ai,
        declin*, im sorry but, unable to help, wont tell, wont help, not allowed to, says it cant, says it cannot
        ; weigert, verweiger*, kann nicht helfen, darf nicht
        ; nekte*, vil ikke svare, kan ikke hjelpe, avslo, avvis*
    """,
    "down:slow_or_broken": """
        slow*, too long to load, takes forever, took forever, takes ages, took ages, loading, timeout, timed out,
        time out, crash*, freez*, frozen, hangs, hung, stuck, spinner, spinning, broken, doesnt work, does not work,
        not working, didnt work, doesnt load, wont load, blank, empty answer, no answer, nothing happens,
        stopped working, error message, server error, keeps loading, lag, laggy, bug, bugs, buggy, endless, waiting
        ; langsam*, hängt, stürzt ab, abgestürzt, funktioniert nicht, geht nicht, lädt nicht, kaputt, fehlermeldung
        ; treg*, tregt, henger, krasj*, virker ikke, fungerer ikke, laster ikke, ødelagt, feilmelding
    """,
    "flag:private_data": """
        private, personal data, personal information, someone elses, somebody elses, another customer*, another user*,
        other peoples, other customers, my address, phone number, leak*, gdpr, privacy, confidential
        ; datenschutz, dsgvo, persönliche daten, fremde daten, personenbezogen*, anderer kunden, vertraulich*
        ; personvern, personopplysning*, andres, fødselsnummer, fortrolig*, taushets*
    """,
    "flag:security": """
        password*, api key, credential*, secret key, injection, exploit*, vulnerab*, phishing, malware, token
        ; passwort*, sicherheitslücke*, zugangsdaten ; passord*, sikkerhetshull*, sårbar*
    """,
    "flag:biased_or_offensive": """
        racist*, sexist*, bias*, offensive, insult*, discriminat*, slur, stereotyp*, homophob*, xenophob*, prejudice*
        ; rassis*, sexistisch*, beleidig*, diskriminier*, vorurteil*
        ; rasis*, sexistisk*, støtende, krenkende, diskriminer*, fordom*
    """,
    "flag:harmful": """
        dangerous, harmful, suicid*, self harm, kill, injur*, poison*, toxic, overdose, unsafe, violen*, threat*
        ; gefährlich*, selbstmord*, verletz*, giftig*, gewalt ; farlig*, selvmord*, skade*, giftig*, vold
    """,
    "flag:legal": """
        illegal*, unlawful, lawsuit, sue, lawyer*, legal advice, copyright*, plagiar*, defam*, libel*
        ; rechtswidrig*, anwalt*, urheberrecht*, verklag* ; ulovlig*, advokat*, opphavsrett*, saksøk*, injurie*
    """,
}

WEAK: Final[dict[str, str]] = {
    "down:incorrect": """
        should be, actually, misinform*, not accurate, number*, amount*, date, dates, total, sum, price, version, error*
        ; sollte, betrag, datum, summe, eigentlich ; skal være, skulle, beløp*, dato, egentlig
    """,
    "down:instructions": """
        question, asked, english, german, norwegian, language, ask, topic, generic
        ; frage, deutsch, englisch, sprache ; spørsmål*, norsk, engelsk, språk
    """,
    "down:incomplete": """
        more, only, half, part, partly, partial*, add, detail*, mention*, vague, short
        ; nur, teil*, mehr, kurz ; bare, delvis, halv*, mer, kort
    """,
    "down:style": "long, short, format*, read, bullet*, list, clear*, understand ; lang, lesen ; langt, lese, liste",
    "down:sources": "link*, page, doc, docs, document*, proof, where ; seite, dokument* ; side, dokument*, bevis",
    "down:refused": "answer, help, sorry, policy ; hilfe, antwort ; hjelp, svar",
    "down:slow_or_broken": """
        wait*, load*, time, seconds, minutes, button, screen, page, work*, fail* ; warten, sekunden ; vente*, sekunder
    """,
}

NEGATIONS: Final = wordset("not no never isnt wasnt arent nothing nicht nichts kein keine ikke ingen aldri")
DANGER: Final = """
    dangerous, overdose, lawsuit, illegal*, lost money, lost data, lost all, data loss, charged, charged twice,
    deadline, patient*, dosage, medication, customer saw, sent to a customer, sent to the customer, unsafe, fraud*
    ; gefährlich*, überdosis, datenverlust, kunde hat, betrug, patient*, dosierung
    ; farlig*, overdose, tapte, datatap, kunden fikk, svindel, pasient*, dosering
"""
SMALL: Final = """
    minor, nitpick*, tiny, small thing, slightly, a bit, typo, cosmetic, not a big deal, no big deal
    ; kleinigkeit*, tippfehler, ein bisschen, etwas zu, nicht schlimm ; småting, skrivefeil, litt, ikke så farlig
"""
