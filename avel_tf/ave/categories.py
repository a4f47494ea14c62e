"""The 28 event categories of AVE and the sizes every record shares."""

# The order is that of first appearance in Annotations.txt; the official label files use it too.
CATEGORIES = (
    "Church bell",
    "Male speech, man speaking",
    "Bark",
    "Fixed-wing aircraft, airplane",
    "Race car, auto racing",
    "Female speech, woman speaking",
    "Helicopter",
    "Violin, fiddle",
    "Flute",
    "Ukulele",
    "Frying (food)",
    "Truck",
    "Shofar",
    "Motorcycle",
    "Acoustic guitar",
    "Train horn",
    "Clock",
    "Banjo",
    "Goat",
    "Baby cry, infant cry",
    "Bus",
    "Chainsaw",
    "Cat",
    "Horse",
    "Toilet flush",
    "Rodents, rats, mice",
    "Accordion",
    "Mandolin",
)
NUM_CATEGORIES = len(CATEGORIES)
BACKGROUND = NUM_CATEGORIES  # the 29th segment label
BACKGROUND_NAME = "Background"  # category of the clips without event, for the weak setting
NUM_SEGMENTS = 10  # one a second
