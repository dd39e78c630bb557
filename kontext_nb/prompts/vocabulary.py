"""The words the rules know, as tables."""

from __future__ import annotations


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, as a set."""
    return frozenset(text.split())


PERSONS = words_of(
    """
    person people man men woman women girl girls boy boys lady ladies guy guys child
    children kid kids baby babies toddler teenager teen adult human humans figure
    figures character subject subjects someone everybody everyone
    mother father mum mom dad grandma grandmother grandpa grandfather daughter son
    sister brother aunt uncle parent parents family couple bride groom wife husband
    friend friends crowd group audience passer-by pedestrian pedestrians
    model singer player actor actress dancer chef cook waiter waitress doctor nurse
    teacher student students worker workers farmer soldier knight king queen prince
    princess athlete runner cyclist driver rider musician guitarist pianist drummer
    photographer painter artist tourist tourists visitor customer officer policeman
    fireman astronaut pirate wizard witch viking santa statue mannequin doll puppet
    """
)
