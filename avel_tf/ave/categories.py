"""The 28 event categories of AVE, and the number of segments of its records."""

# In order of first appearance in Annotations.txt, as in the official label files.
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
BACKGROUND_NAME = "Background"  # category of the clips without an event, for the weak setting
NUM_SEGMENTS = 10  # one per second
