"""Words that give a reason away, in English, German and Norwegian. Written by hand; see `classify` for their use.

Each reason has strong cues (worth 2) and weak ones (worth 1): commas between them, semicolons between languages. A cue
is one word or several in a row, in the normal form of `core.text`. In it

- `answer*` means "and whatever follows in this word",
- `answer|address` means one of these,
- `..` means "up to three words in between", `...` up to ten,
- `not` means any word that turns the next around: not, doesn't, can't, never, nicht, ikke and the like.
"""

from __future__ import annotations

from typing import Final

from heedback_service.core.text import wordset

STRONG: Final[dict[str, str]] = {
    "down:incorrect": """
        wrong, incorrect*, inaccura*, false, falsely, untrue, hallucinat*, made up, makes up, making up, invent*,
        fabricat*, not .. true|correct|right|exist|exists|factual*|accurate*, contradict*, mistake*, error in,
        miscalculat*, outdated, out of date, no longer exists, misleading, nonsense, unsupported, not .. support*,
        no evidence|basis for, misinterpret*, misrepresent*, misattribut*, misinformation, misstate*,
        source|article|document|text|original .. not .. say|state|mention|provide|specify|indicate,
        not|nowhere .. in the source|article|document|text|original
        ; falsch*, stimmt nicht, nicht richtig|korrekt, erfunden*, unsinn, fehlerhaft*, veraltet*, gibt es nicht
        ; feil, ikke riktig|sant, stemmer ikke, oppdikt*, utdatert*, finnes ikke, tull, usann*, galt
    """,
    "down:instructions": """
        i asked, asked for|it|about|how|who|what|where|when|why, i said, told it, ignor*, instead of|it|that,
        rather than, not .. follow*, not what i|was, not .. instructions, wrong language|question|topic|kind,
        different question|thing|topic, off topic|task|the, irrelevant*, not in line, not .. relevan*,
        nothing|little .. to do with, misunderst*, not .. understand, answers in english,
        not in german|norwegian|english, missed|misses|missing|beside|out the|of point, unrelated,
        not .. answer*|address*|relate*|respond*|pertain*|apply, not an .. answer|response,
        not .. helpful|useful|help, question .. is|was .. about|asking|how|what|where|whether|if, left the question,
        something else, more about|on, more of a|an, totally|completely|entirely different,
        not the topic|question|answer,
        about|talks|discusses|deals|relates|relate ... not about|for|the|on|how|what|where|when|in|whether,
        outside|besides the topic, as opposed to, not about, not .. accordance, not really|actually about,
        should|needs|need to .. answer|address|focus, and|but not the|a|why|where|how|what|when|whether|for|one,
        about|with|to the question was|is, question was|is .. about|regarding|related, not aimed|intended|meant
        ; ich wollte, gefragt war|hatte|habe, ich .. gefragt, frage .. nicht .. beantwort*, nicht auf deutsch,
        thema verfehlt, nicht .. verstanden, anstatt, beantwort* .. nicht, versteht .. nicht|kein
        ; jeg ba om, jeg spurte, spurte om, ikke .. svar*, svarer ikke, ikke på norsk, misforst*, ikke det jeg,
        svarte på engelsk
    """,
    "down:incomplete": """
        incomplete*, missing, left|leaves|leave out, omit*, cut off, cuts off|before, truncat*, unfinished,
        not complete*, not enough, only|just half|part|one, half of, no mention, lack*, nothing about|on|specific,
        mid sentence, the rest, stops|stopped|ends after|in|before, not .. concrete|elaborate, little else,
        not .. anything about, nothing .. mention*,
        no .. detail*|information|info|example*|specifics|explanation|option|feature|way|support|mention,
        not .. mention*|say|state*|specify|include*|explain*|cover*|discuss*|give|provide|contain*|list|describe*,
        not enter|go into, not enough|much .. information|detail*, too|little .. much .. information|detail*,
        not .. specific, more detail*|info*|specific*|example*|option*|feature*|guidance,
        need|provide|include additional|further .. detail*|info*,
        could|should|would|needs|need|must .. include|more|mention|talk|cover|improved, go|gone into .. more|detail,
        be expanded, expand on, too short|brief|vague|general|basic|broad|limited|generic,
        very short|brief|vague|general|basic|generic, vague*, forgot*, far to general,
        could be|have .. improved|better, bare bone*, only|just|merely|simply provides|gives|mentions|talks|speaks,
        needs|need|want .. option|feature|button|more, needs to be, please|should|could|must|to|you .. add,
        add one|a|an|more|some|the, please .. make|bring|allow|give|include|put, bring .. back, no .. function,
        should be|have .. updated|multi*|more, if only, is|was gone, not .. tap|listen|choose|mute,
        i|we|just|only|but wish, be .. nice|great|good|better if, nice|better to be able, would|could be better,
        i|we would like|love|prefer, used to have|be|work, no longer .. has|have|is|there|can|add|use|get|do,
        should be|have .. able|option|allowed|multi*, allow|let .. us, option to|for,
        not .. let|allow .. me|us|you|people, not have, where is|are the, only thing, limited selection|choice,
        not talk*, needs .. improvement, no more .. option*|feature*,
        the option|feature|button|function .. is gone|removed, drop*|remov* .. support|feature*|option*|function*,
        where .. is|are .. gone,
        not .. change|choose|pick|select|skip|disable|edit|delete|remove|customi*|share|create|find|search|adjust
        ; unvollständig*, fehlt, fehlen, abgeschnitten, zu kurz|allgemein, vergessen, nicht .. vollständig
        ; ufullstendig*, mangler, mangelfull*, utelat*, glemt*, glemmer, for kort|generell*, kuttet,
        ikke .. fullstendig
    """,
    "down:style": """
        too long|wordy|technical|formal|complicated|complex, verbose, wordy, rambling, rambles, long winded, tone,
        rude, condescending, patronising, formatting, layout, unreadable, wall of text, repeats, repetitive,
        repeating, jargon, confus*, too many words, hard|difficult|harder to read|understand|follow|use|navigate|find,
        grammar, spelling, unclear, not very|really|so|at clear, mess, messy, box drawing, cluttered, clunky, ugly,
        poorly written|worded, composed better, not .. easy, without any explanation
        ; zu lang, zu ausführlich|technisch, tonfall, unhöflich, unleserlich, wiederholt sich, unübersichtlich,
        verwirrend
        ; for lang|langt|teknisk, altfor lang*, ordrik*, uhøflig, uleselig, gjentar, rotete, uklar*, forvirrende
    """,
    "down:sources": """
        no|any|without source*|citation*|reference*|link|links|footnote*, citation*, cites, cited, citing,
        source*|link*|reference*|url .. not|wrong|missing|dead|broken|outdated|doubtful|404,
        dead|broken|wrong link*|source*, where .. does this come from, where .. source*, quotes the wrong, which page,
        your source*, footnote*, links to the wrong
        ; quelle*, quellenangabe*, verweis*, beleg*, toter link
        ; kilde*, henvisning*, lenke*, sitat*
    """,
    "down:refused": """
        refus*, wont|cant|cannot|couldnt|wouldnt answer|help|tell, not able to help|answer, as an ai, declin* to,
        sorry but, unable to help|answer, not allowed to, says .. cant|cannot,
        not .. find .. anything|it|answer|information, found|finds|find nothing, nothing found, no answer, no results,
        knows nothing
        ; weigert, verweiger*, nicht helfen, darf nicht, nichts|nix gefunden, findet nichts, keine antwort
        ; nekte*, ikke svare|hjelpe, avslo, avvis*, fant ingenting|ikke, ingen svar
    """,
    "down:slow_or_broken": """
        slow*, too long to load, takes|took|taking forever|ages, loading, timeout, timed out, time out, crash*,
        freez*, froze, hangs, hung, stuck, spinner, spinning, broken, blank, black screen, empty answer,
        nothing happens|happened,
        not .. work*|wrk*|load|loading|open*|respond*|connect*|start*|sync*|launch*|function*, error, error message,
        stopped|stops working, glitch*, lag, laggy, lagging, bug, bugs, buggy, endless, waiting, fix, problem with,
        not .. send|call|receiv*|log|login|sign|download*|update|upgrade|install*|activat*|play|detect*|record*|upload*,
        unusable, unresponsive, useless, ruined,
        not .. access|get|getting|show*|come|coming|appear*|ring*|respond*|view|watch|use|see|hear, not able to,
        be able to .. send|open|call|log|watch, fails, closes, no response, not receiving,
        keeps saying|stopping|closing|crashing|asking, still lost|downloading, frozen, no sound|audio|picture,
        notification* not, not .. properly|correctly, stops, buffering, force close*, shuts|shut down, kicks me,
        drains, disappear*, vanish*, lost all|everything|my, failed to, suddenly .. lost, technical problem*,
        problem .. solve, solve .. problem, quality|connection|sound .. bad|poor, turns|goes black, not .. activat*,
        bugged, no sound, never seems to, after|since .. update, not .. refresh|save, no longer .. work*|open*|load*
        ; langsam*, hängt, stürzt ab, abgestürzt, funktioniert nicht, geht nicht, lädt nicht, kaputt, fehlermeldung
        ; treg*, tregt, henger, krasj*, ikke .. virker|fungerer, virker|fungerer|laster ikke, ødelagt, feilmelding
    """,
    "down:other": """
        ads, advert*, expensive, overpriced, refund*, have|need|had|must|got to pay, pay to|for, waste of money,
        battery, subscription
        ; werbung, teuer, abo
        ; reklame, dyrt, abonnement
    """,
    "flag:private_data": """
        private, personal data, personal information, someone elses, somebody elses, another customer*, another user*,
        other peoples, other customers, my address, phone number, leak*, gdpr, privacy, confidential
        ; datenschutz, dsgvo, persönliche daten, fremde daten, personenbezogen*, anderer kunden, vertraulich*
        ; personvern, personopplysning*, andres, fødselsnummer, fortrolig*, taushets*
    """,
    "flag:security": """
        password*, api key, credential*, secret key, injection, exploit*, vulnerab*, phishing, malware, token
        ; passwort*, sicherheitslücke*, zugangsdaten
        ; passord*, sikkerhetshull*, sårbar*
    """,
    "flag:biased_or_offensive": """
        racist*, sexist*, bias*, offensive, insult*, discriminat*, slur, stereotyp*, homophob*, xenophob*, prejudice*
        ; rassis*, sexistisch*, beleidig*, diskriminier*, vorurteil*
        ; rasis*, sexistisk*, støtende, krenkende, diskriminer*, fordom*
    """,
    "flag:harmful": """
        dangerous, harmful, suicid*, self harm, kill, injur*, poison*, toxic, overdose, unsafe, violen*, threat*
        ; gefährlich*, selbstmord*, verletz*, giftig*, gewalt
        ; farlig*, selvmord*, skade*, giftig*, vold
    """,
    "flag:legal": """
        illegal*, unlawful, lawsuit, sue, lawyer*, legal advice, copyright*, plagiar*, defam*, libel*
        ; rechtswidrig*, anwalt*, urheberrecht*, verklag*
        ; ulovlig*, advokat*, opphavsrett*, saksøk*, injurie*
    """,
}

WEAK: Final[dict[str, str]] = {
    "down:incorrect": """
        should be, actually, misinform*, number*, amount*, date, dates, total, sum, price, version, error*
        ; sollte, betrag, datum, summe, eigentlich
        ; skal være, skulle, beløp*, dato, egentlig
    """,
    "down:instructions": """
        question, asked, english, german, norwegian, language, ask, topic, generic, specific*, seriously
        ; frage, gefragt, deutsch, englisch, sprache
        ; spørsmål*, norsk, engelsk, språk
    """,
    "down:incomplete": """
        more, only, half, part, partly, partial*, detail*, mention*, short, basic, general, feature*, option*, need*
        ; nur, teil*, mehr, kurz
        ; bare, delvis, halv*, mer, kort
    """,
    "down:style": "long, short, format*, read, bullet*, list, clear*, understand ; lang, lesen ; langt, lese, liste",
    "down:sources": "link*, page, doc, docs, document*, proof, where ; seite, dokument* ; side, dokument*, bevis",
    "down:refused": "answer, help, sorry, policy ; hilfe, antwort ; hjelp, svar",
    "down:slow_or_broken": """
        wait*, load*, time, seconds, minutes, button, screen, work*, fail*, update*, problem*, issue*
        ; warten, sekunden
        ; vente*, sekunder
    """,
}

# What turns the words behind it around; in a cue, `not` stands for any of these.
NOT: Final = wordset(
    "not doesnt dont didnt isnt arent wasnt werent cant cannot couldnt wont wouldnt shouldnt hasnt havent hadnt never "
    "neither unable dosent doesent doesnot didt aint nicht nie ikke aldri"
)
NEGATIONS: Final = NOT | wordset("no nothing kein keine nichts ingen")
# What looks like a complaint and is none, or talks to a model instead of people: cues inside these count for nothing.
HARMLESS: Final = """
    answer*|address*|respond* .. question .. asked|asks|asking,
    what|that|as|like .. question .. asking|asked|asks|asking, exactly what ... asked|asking|asks, what .. asked for,
    directly|exactly|correctly|fully|completely .. answer*|address*,
    link*|refer*|where|resource*|sources|find|provid*|give*|gave .. more|additional|further information|info|detail*,
    in more|great|good|details detail*, more detailed information, goes into .. detail*, not only, not just,
    never crash*|fail*, not .. disappoint*|regret*,
    no|without .. problem*|issue*|complaint*|lag|glitch*|bugs|ads|worries, not .. any problem*|issue*,
    dont have time|to|anything, not .. have to, can|to|and add .. to|something|anything, wouldnt have,
    cant|couldnt .. wait|live|stop|wrong|beat|imagine|believe|ask, nothing wrong|bad, works great|well|fine|perfectly,
    should be wearing|doing|taken|done, needs to be done, not recommended, what needs to be,
    ignore|disregard|forget .. previous|above|prior|earlier|preceding .. instruction*|prompt*|rule*|direction*|order*
    ; was gefragt war, keine probleme,
    ignoriere|ignorieren|vergiss .. vorherigen|obigen|bisherigen|vorigen .. anweisung*|instruktion*|regel*
    ; ingen problemer, ignorer|glem .. tidligere|forrige|foregående .. instruks*|regl*
"""
DANGER: Final = """
    dangerous, overdose, lawsuit, illegal*, lost money, lost data, lost all, data loss, charged, charged twice,
    deadline, patient*, dosage, medication, customer saw, sent to a customer, sent to the customer, unsafe, fraud*
    ; gefährlich*, überdosis, datenverlust, kunde hat, betrug, patient*, dosierung
    ; farlig*, overdose, tapte, datatap, kunden fikk, svindel, pasient*, dosering
"""
SMALL: Final = """
    minor, nitpick*, tiny, small thing, slightly, a bit, typo, cosmetic, not a big deal, no big deal
    ; kleinigkeit*, tippfehler, ein bisschen, etwas zu, nicht schlimm
    ; småting, skrivefeil, litt, ikke så farlig
"""

# Words that sell. They count only beside a link.
SELLING: Final = """
    seo, backlink*, casino*, betting, viagra, cialis, pills, porn*, xxx, escort*, loan|loans, crypto*, bitcoin*, forex,
    earn .. money|cash, make money, work from home, buy|order now|cheap|online, click here, discount*, promo code,
    giveaway, free iphone|gift*|money, best deal|deals|price|prices, limited offer, followers, subscribe .. channel
    ; jetzt kaufen|bestellen, geld verdienen, rabatt*, kredit* ; kjøp nå, tjen penger, rabatt*, lån
"""
