"""Whether a prompt is English, by its commonest words: the rules know no other."""

from __future__ import annotations

from collections.abc import Mapping

from kontext_nb.prompts.vocabulary import words_of

_LATIN_END = 0x250

_ENGLISH = words_of(
    """
    a an the this that these those and or but with without of in on at to into onto from
    for by as her his him them their its it he she they is are be should must my our
    behind under over near next same all every some no not do don't only while keep
    keeping make made change changing turn replace remove add put give convert transform
    using use swap set blur erase delete brighten darken sharpen crop move rotate place
    fix improve enhance better nicer more less look looks like background you can please
    everything else something both combine merge
    blend crop darker brighter warmer colder red blue green i do want would who which
    has have
    """
)
# None of these is an English word that prompts have: no "die", "on", "no", "an", "in".
_FOREIGN = (
    words_of(
        """
        der das den dem des ein eine einen einem einer und oder mit ohne auf aus bei
        nach von vor zu zum zur im ins ist sind nicht kein keine mach mache ändere
        ersetze entferne füge hinzu lass lasse bild hintergrund bitte sich wie für über
        unter durch soll haben ihr ihre sein seine nur alle alles mehr
        le la les un une du au aux et ou avec sans dans sur sous est sont ce cette
        ces sa ses leur leurs fond remplace remplacez enlève enlevez ajoute ajoutez mets
        mettez rends gardez garde tout toute pas ne en que qui
        el los las una uno del al y o sobre por para con es su sus esta este cambia
        cambie reemplaza quita añade agrega pon haz mantén fondo todo
        il gli uno della dello degli dei delle nel nella senza su per è e che questo
        questa cambia sostituisci rimuovi aggiungi metti sfondo tutto
        os uma um com sem em na nas ao não mude troque remova adicione fundo
        het een en zonder naar voor achter door niet verander vervang verwijder
        achtergrond
        och utan på till från byt ta bort bakgrunden
        bez na zmień usuń dodaj tło
        """
    )
    - _ENGLISH
)


def leaning(words: Mapping[str, int]) -> int:
    """Return by how many words a prompt is English, below 0 for any other language.

    Args:
        words: How often each stands there, in lower case. Names and rare words count
            neither way, so a word or two of another language in an English sentence do
            not turn it.
    """
    english = sum(words[word] for word in _ENGLISH & words.keys())
    foreign = sum(words[word] for word in _FOREIGN & words.keys())
    return (
        english
        - foreign
        - sum(count for word, count in words.items() if ord(word[0]) >= _LATIN_END)
    )
