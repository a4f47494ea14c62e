"""Uses the three layers in your own Keras model: in which seconds is an event seen and heard?

    python docs/examples/layers_in_your_model.py MODEL.keras

Only the layers come from avel_tf: the inputs are spectrograms and small images, the two branches a
GRU and a CNN, and the loss and the training loop are Keras's. The same file runs on every backend,
for instance with KERAS_BACKEND=jax.
"""

import argparse

import keras
import numpy as np
from keras import layers

from avel_tf.layers import AudioGuidedAttention, CrossMatching, EventMaskedSelfAttention

SECONDS, FRAMES, BANDS = 6, 20, 8  # seconds per clip; spectrogram of each second
SIDE = 16  # pixels of the image
UNITS = 32


def make_model() -> keras.Model:
    """Maps spectrograms (B, T, 20, 8) and images (B, T, 16, 16, 3) to p(event), (B, T)."""
    sound = keras.Input((SECONDS, FRAMES, BANDS), name="sound")
    picture = keras.Input((SECONDS, SIDE, SIDE, 3), name="picture")

    # Any network will do that turns each second of sound into a vector ...
    hearing = layers.TimeDistributed(layers.GRU(UNITS), name="hearing")(sound)  # (B, T, U)
    # ... and each second's image into a map of fixed size.
    seeing = keras.Sequential(
        [
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(UNITS, 3, strides=2, padding="same", activation="relu"),
        ]
    )
    maps = layers.TimeDistributed(seeing, name="seeing")(picture)  # (B, T, 4, 4, U)

    # The sound decides where to look, and the map becomes one vector.
    seen = AudioGuidedAttention(units=UNITS)(hearing, maps)  # (B, T, U)
    # Both need the same width, because they are multiplied below.
    audio = layers.Dense(UNITS, activation="relu")(hearing)
    visual = layers.Dense(UNITS, activation="relu")(seen)
    # Summarize the whole clip. Zeros in the second argument would hide seconds.
    all_seconds = keras.ops.ones_like(audio[:, :, 0])  # (B, T)
    whole_audio = EventMaskedSelfAttention(units=UNITS)(audio, all_seconds)  # (B, U)
    whole_visual = EventMaskedSelfAttention(units=UNITS)(visual, all_seconds)
    # Check each second of one modality against the summary of the other.
    matches = CrossMatching()(audio, visual, whole_audio, whole_visual)
    return keras.Model([sound, picture], matches["event_relevance_probabilities"])


def make_clips(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Draws noise, with a tone and a red spot somewhere in the image during events."""
    random = np.random.default_rng(seed)
    is_event = random.random((count, SECONDS)) < 0.5
    sound = random.normal(0, 0.3, (count, SECONDS, FRAMES, BANDS))
    sound[is_event, :, 3] += 1
    picture = random.normal(0, 0.3, (count, SECONDS, SIDE, SIDE, 3))
    for clip, second in np.argwhere(is_event):
        row, column = random.integers(0, SIDE - 4, 2)
        picture[clip, second, row : row + 4, column : column + 4, 0] += 1
    return [sound.astype("float32"), picture.astype("float32")], is_event.astype("float32")


def main() -> None:
    """Trains, saves and loads a model, and prints the loaded model's accuracy on new clips."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", help="the .keras file to write")
    path = parser.parse_args().path

    keras.utils.set_random_seed(0)
    model = make_model()
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["binary_accuracy"])
    model.fit(*make_clips(256, seed=0), batch_size=32, epochs=8, verbose=2)
    model.save(path)

    # Importing the layers has registered them; nothing else is needed to load the file.
    loaded = keras.saving.load_model(path)
    results = loaded.evaluate(*make_clips(64, seed=1), verbose=0, return_dict=True)
    print(f"Accuracy on clips it has not seen: {results['binary_accuracy']:.1%}")


if __name__ == "__main__":
    main()
