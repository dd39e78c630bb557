"""The words the rules know, as tables, and how patterns are made of them."""

from __future__ import annotations

import re


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, as a set."""
    return frozenset(text.split())


def any_of(text: str) -> str:
    """Return a pattern for any of the words of a text; ``_`` in one is a blank."""
    words = sorted(text.split(), key=len, reverse=True)
    return f"(?:{'|'.join(word.replace('_', ' ') for word in words)})"


def phrase(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which a blank is some white space.

    It is bounded, as every repetition in these patterns is: a prompt of nothing but
    blanks, or of the beginnings of matches, takes no longer than any other.
    """
    return re.compile(pattern.replace(" ", r"(?:\s{1,4})"))


END = (
    r"(?=\s{0,4}(?:[.,;:!?)]|\Z)"
    r"| (?:and|while|but|with|without|then|so|please)\b)"
)
A = any_of("the a an this that these those my our your his her its their some all both")

# What begins an edit. The second lot are also nouns or adjectives, so they count only
# before an article or the like.
VERB = any_of(
    """
    make change turn convert transform give apply add put insert replace swap blur
    repaint recolou?r brighten lighten darken desaturate saturate increase reduce
    decrease remove delete erase move rotate enlarge shrink straighten sharpen fix
    restore colou?ri[sz]e render stylize redraw
    """
)
VERB_OR_NOUN = any_of(
    """
    place set paint colou?r dye draw write crop cut dress cover fill style show raise
    lower warm cool dim tint smooth zoom flip hide extend clean light edit update
    modify correct adjust create generate use
    """
)
EDIT_VERB = rf"(?:{VERB}\b|{VERB_OR_NOUN}\b(?= (?:{A}|it|him|them|every|one|two)\b))"
KEEP_VERB = any_of("keep preserve maintain retain leave")
EDIT_WORDS = words_of(
    """
    make change turn convert transform give apply add put insert replace swap blur
    repaint recolor recolour brighten lighten darken desaturate saturate increase reduce
    decrease remove delete erase move rotate enlarge shrink straighten sharpen fix
    restore colorize colorise colourise colourize render stylize redraw place set paint
    dye draw write crop cut dress raise tint zoom flip hide extend edit update modify
    correct adjust transfer swapping keep
    preserve maintain enhance improve upscale unblur combine merge relight restyle
    replaced changed removed added turned let show remake reimagine exchange
    """
)

KEEPS = words_of(
    """
    keep keeping keeps kept preserve preserving preserved maintain maintaining retain
    retaining same unchanged only intact identical untouched otherwise
    """
)

PERSON = any_of(
    """
    person people man men woman women girls? boys? lady ladies guys? child children
    kids? baby babies toddler teenager couple bride groom family mother father mum mom
    dad grandma grandmother grandpa grandfather daughter son sister brother friends?
    singers? players? actors? actress dancers? chefs? waiters? waitress doctors? nurses?
    teachers? students? workers? soldiers? models? figures? subjects?
    """
)
PERSONS = words_of(
    """
    person people persons man men woman women girl girls boy boys lady ladies guy guys
    gentleman child children kid kids baby babies toddler teenager teen adult human
    humans figure figures character characters subject subjects someone everybody
    everyone mother father mum mom dad grandma grandmother grandpa grandfather daughter
    son sister brother aunt uncle parent parents family couple bride groom wife husband
    friend friends crowd group audience pedestrian pedestrians model models singer
    player players actor actress dancer chef cook waiter waitress doctor nurse teacher
    student students worker workers farmer soldier knight king queen prince princess
    athlete runner cyclist driver rider musician guitarist pianist drummer photographer
    painter artist tourist tourists visitor customer officer policeman fireman astronaut
    pirate wizard witch viking santa statue mannequin doll puppet robot hero heroine
    dog dogs puppy cat cats kitten horse horses pony bird birds rabbit bear fox cow
    sheep lion tiger elephant monkey fish animal animals pet pets goat duck parrot
    blonde brunette redhead portrait sitter
    """
)

COLOUR = any_of(
    """
    red blue green yellow orange purple violet pink brown black white gr[ae]y gold
    golden silver turquoise teal beige navy maroon crimson cyan magenta
    """
)
SIZE = any_of(
    "bigger larger smaller taller shorter longer wider thinner thicker big small huge"
)

PICTURE = any_of(
    """
    picture photo photograph image scene shot whole_picture whole_photo whole_image
    whole_scene entire_picture entire_photo entire_image entire_scene
    """
)
WHOLE = rf"(?:it|this|that|everything|(?:the|this|my) {PICTURE})"

STYLE = any_of(
    """
    sketch sketches painting watercolou?r watercolou?rs cartoon cartoons anime manga
    comic pop-?art pixel_art pixel-art illustration drawing engraving etching woodcut
    linocut mosaic claymation lego impressionist impressionism cubist cubism ukiyo-e
    art_deco art_nouveau bauhaus ghibli pixar low-?poly stained_glass line_art poster
    collage vector_art 3d_render origami caricature fresco
    """
)
SETTING = any_of(
    """
    night nighttime night-time day daytime dusk dawn sunset sunrise evening morning
    midnight noon twilight golden_hour blue_hour winter summer autumn fall spring snowy
    snowing snow rainy raining rain thunderstorm foggy fog misty
    stormy storm overcast sunny cloudy
    """
)
PLACE = any_of(
    """
    beach forest city street streets desert space moon mars mountain mountains
    mountaintop jungle garden park office studio snow castle caf[eé] restaurant stage
    meadow field lake river sea ocean island waterfall library museum kitchen room bar
    bridge rooftop stadium classroom paris tokyo london
    rome venice new_york italy japan egypt hawaii
    eiffel_tower woods village farm market airport underwater cliff canyon volcano pool
    countryside skyline square temple palace cave club concert ballroom gym
    """
)
COMPOSITION = words_of(
    """
    position positions scale pose poses framing framed angle angles composition layout
    placement viewpoint perspective camera size
    """
)
