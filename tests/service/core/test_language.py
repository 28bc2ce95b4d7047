"""Which language a text is in: sentences of our own, and how often it says so wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.language import NAMES, READ, language

SENTENCES = {
    "en": """
        The total leaves out the VAT
        It answers a different question than the one I asked
        This is not what our contract says
        Where does this number come from?
        Takes forever to load on my phone
        You forgot the second page of the document
        Please stop repeating yourself
        Half of the links are dead
        I can't copy the table
        Way too long, nobody reads this
    """,
    "de": """
        Die Summe enthält keine Mehrwertsteuer
        Das steht so nicht im Vertrag
        Es antwortet auf Englisch, obwohl ich auf Deutsch frage
        Die zweite Seite fehlt in der Zusammenfassung
        Viel zu lang und schwer zu lesen
        Woher kommt diese Zahl?
        Der Link zur Quelle funktioniert nicht
        Das ist falsch, die Frist endet im Mai
        Bitte mit Beispielen aus unserem Handbuch
        Ich wollte eine Liste und keinen Aufsatz
    """,
    "nb": """
        Summen mangler merverdiavgift
        Det står ikke slik i avtalen
        Svaret er på engelsk selv om jeg spurte på norsk
        Hvor kommer dette tallet fra?
        Altfor langt, ingen orker å lese det
        Den glemte den andre siden i dokumentet
        Lenken til kilden virker ikke
        Dette er feil, fristen er i mai
        Jeg ba om en liste og fikk et avsnitt
        Hvorfor svarer den noe annet hver gang?
    """,
    "da": """
        Beløbet er uden moms, og det er forkert
        Det står ikke sådan i aftalen
        Svaret er på engelsk, selv om jeg spurgte på dansk
        Hvad betyder det her, og hvor kommer det fra?
        Alt for langt, det gider ingen at læse
        Jeg bad om en liste og fik noget helt andet
        Linket til kilden virker ikke mere
        Den siger noget nyt hver gang, jeg spørger
    """,
    "sv": """
        Summan är utan moms och det är fel
        Det står inte så i avtalet
        Svaret är på engelska fast jag frågade på svenska
        Var kommer den här siffran ifrån?
        Alldeles för långt, ingen läser det
        Jag bad om en lista och fick något annat
        Länken till källan fungerar inte
        Den glömde den andra sidan i dokumentet
    """,
    "nl": """
        Het totaal is zonder btw en dat klopt niet
        Dit staat niet in het contract
        Het antwoord is in het Engels terwijl ik in het Nederlands vroeg
        Waar komt dit getal vandaan?
        Veel te lang, niemand leest dit
        De tweede pagina van het document ontbreekt
        De link naar de bron werkt niet meer
        Ik vroeg om een lijst en kreeg een verhaal
    """,
    "fr": """
        Le total ne comprend pas la TVA
        Ce n'est pas ce que dit le contrat
        La réponse est en anglais alors que j'ai écrit en français
        D'où vient ce chiffre ?
        Beaucoup trop long, personne ne lit ça
        Il manque la deuxième page du document
        Le lien vers la source ne marche plus
        J'avais demandé une liste et pas un roman
    """,
    "es": """
        El total no incluye el IVA
        Eso no es lo que dice el contrato
        La respuesta está en inglés y pregunté en español
        ¿De dónde sale este número?
        Demasiado largo, nadie lo lee
        Falta la segunda página del documento
        El enlace de la fuente ya no funciona
        Pedí una lista y me dio un texto enorme
    """,
    "pt": """
        O total não inclui o IVA
        Não é isso que diz o contrato
        A resposta está em inglês e eu perguntei em português
        De onde vem este número?
        Muito longo, ninguém lê isto
        Falta a segunda página do documento
        O link da fonte já não funciona
        Pedi uma lista e recebi um texto enorme
    """,
    "it": """
        Il totale non comprende l'IVA
        Non è quello che dice il contratto
        La risposta è in inglese ma ho scritto in italiano
        Da dove viene questo numero?
        Troppo lungo, non lo legge nessuno
        Manca la seconda pagina del documento
        Il collegamento alla fonte non funziona più
        Ho chiesto un elenco e mi ha dato un tema
    """,
    "fi": """
        Summa on väärin, arvonlisävero puuttuu
        Sopimuksessa ei lue näin
        Vastaus on englanniksi vaikka kysyin suomeksi
        Mistä tämä luku on peräisin?
        Aivan liian pitkä, kukaan ei jaksa lukea
        Toinen sivu puuttuu kokonaan ja se on tärkeä
    """,
    "pl": """
        Suma nie zawiera podatku VAT
        W umowie jest inaczej niż tutaj
        Odpowiedź jest po angielsku, a pytałem po polsku
        Skąd jest ta liczba?
        Za długie, nikt tego nie czyta
        Brakuje drugiej strony dokumentu
    """,
    "tr": """
        Toplam tutarda KDV yok
        Bu sözleşmede böyle bir şey yok
        Türkçe sordum ama cevap İngilizce geldi
        Bu sayı nereden geliyor?
        Çok uzun, bunu kimse okumaz
        Belgenin ikinci sayfası eksik
    """,
    "ar": """
        المبلغ لا يشمل الضريبة
        هذا ليس ما يقوله العقد
        من أين جاء هذا الرقم؟
    """,
    "fa": """
        این جواب اشتباه است
        پاسخ به انگلیسی است در حالی که من فارسی پرسیدم
    """,
    "he": """
        הסכום לא כולל מע"מ
        זה לא מה שכתוב בחוזה
    """,
    "ja": """
        合計に消費税が含まれていません
        この数字はどこから来たのですか
        契約書にはそう書いてありません
    """,
    "zh": """
        总额没有包括增值税
        合同里不是这么写的
        这个数字是从哪里来的？
    """,
    "ko": """
        합계에 부가세가 빠져 있어요
        이 숫자는 어디에서 나온 건가요?
    """,
    "ru": """
        В сумме нет налога
        В договоре написано по-другому
        Откуда взялась эта цифра?
    """,
    "uk": """
        У договорі написано інакше
        Звідки взялася ця цифра?
    """,
    "el": """
        Το σύνολο δεν περιλαμβάνει τον φόρο
        Δεν λέει αυτό το συμβόλαιο
    """,
}
# Written after the lists were. Only of Norwegian and Danish has the outcome led to more words, which these hold too.
UNSEEN = {
    "en": """
        It made up a paragraph that nobody wrote
        Stop answering in bullet points
        The dates are a year behind
    """,
    "de": """
        Der Betrag in Zeile drei ist ein anderer
        Ich hätte gern eine kürzere Fassung
        Den Absatz gibt es gar nicht
    """,
    "nb": """
        Avsnittet finnes ikke i håndboken
        Jeg skulle gjerne hatt en kortere versjon
        Beløpet på linje tre er galt
    """,
    "da": """
        Afsnittet findes slet ikke i håndbogen
        Jeg ville gerne have en kortere udgave
        Hvorfor bliver den ved med at spørge?
    """,
    "sv": """
        Stycket finns inte i handboken
        Jag skulle vilja ha en kortare version
        Varför frågar den samma sak igen?
    """,
    "nl": """
        Die alinea bestaat helemaal niet
        Ik had liever een kortere versie
        Het bedrag op regel drie klopt niet
    """,
    "fr": """
        Ce paragraphe n'existe nulle part
        J'aurais préféré une version plus courte
        Le montant de la ligne trois est inexact
    """,
    "es": """
        Ese párrafo no existe en el manual
        Preferiría una versión más corta
        El importe de la línea tres es incorrecto
    """,
    "pt": """
        Esse parágrafo não existe no manual
        Eu preferia uma versão mais curta
        O valor da linha três está incorreto
    """,
    "it": """
        Quel paragrafo non esiste nel manuale
        Preferirei una versione più corta
        L'importo della riga tre è inesatto
    """,
    "fi": """
        Tuota kappaletta ei ole käsikirjassa
        Haluaisin lyhyemmän version tästä
    """,
    "pl": """
        Tego akapitu nie ma w podręczniku
        Wolałbym krótszą wersję, jeśli można
    """,
    "tr": """
        Bu paragraf kılavuzda yok
        Daha kısa bir metin istiyorum
    """,
}


def labelled(lists: dict[str, str]) -> list[tuple[str, str]]:
    return [(code, line.strip()) for code, lines in lists.items() for line in lines.strip().splitlines()]


@pytest.mark.parametrize(
    ("sentences", "at_least"), [pytest.param(SENTENCES, 0.94, id="seen"), pytest.param(UNSEEN, 0.9, id="unseen")]
)
def test_most_sentences_are_told_and_none_wrongly(sentences: dict[str, str], at_least: float) -> None:
    told = [(code, language(sentence), sentence) for code, sentence in labelled(sentences)]
    assert [each for each in told if each[1] not in (each[0], None)] == []
    missed = [each for each in told if each[1] is None]
    assert len(missed) <= (1 - at_least) * len(told), missed


@pytest.mark.parametrize(
    "text",
    [
        *("", "wrong", "Nein!", "nicht gut", "👎👎👎", "12 / 13 = 0.92", "VAT", "да", "ok ok", "?!"),
        "Kubernetes OAuth PostgreSQL Terraform",  # names are of no language
        "Ангелът",  # one word in a script that several languages share, with a letter of one of them
        "Ово није тачан одговор",  # its letters are of a language that is not known here
    ],
)
def test_too_little_to_go_by_is_no_language(text: str) -> None:
    found = language(text)
    assert found is None or (text, found) == ("Ангелът", "bg")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Der Button „Share with friends“ geht bei mir nicht", "de"),
        ("Why does it write “Die Summe” in the English text?", "en"),
        ("Der PostgreSQL-Server wirft immer einen Fehler und meldet: relation does not exist", "de"),
        ("J’ai demandé une liste", "fr"),
        ("Sam's alarm isn't set, I'm late", "en"),
        ("答えはDockerについてではありません", "ja"),
        ("IT IS WRONG", "en"),
    ],
)
def test_names_and_quotes_of_another_language_do_not_decide(text: str, code: str) -> None:
    assert language(text) == code


def test_what_comes_late_in_a_long_text_is_not_read() -> None:
    assert language("это не так " * READ + "and this is the end of it") == "ru"


@given(st.text())
def test_any_text_has_a_known_language_or_none(text: str) -> None:
    assert language(text) in {None, *NAMES}
