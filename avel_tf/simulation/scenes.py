"""Frames and sound of a simulated clip."""

import colorsys
from collections.abc import Iterator

import numpy as np

from avel_tf.ave import NUM_SEGMENTS, Annotation
from avel_tf.simulation.categories import Appearance
from avel_tf.simulation.config import SimulationConfig

# Content of a background second: the object only seen, only heard, or neither.
BACKGROUND_KINDS = ("seen", "heard", "neither")
BACKGROUND_SHARES = (0.2, 0.2, 0.6)
FADE_SECONDS = 0.02  # where a sound begins or ends


def draw_presence(
    annotation: Annotation, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Decides in which seconds the object is seen and in which it is heard.

    Args:
        annotation: The event; in exactly its seconds the object is both seen and heard.
        generator: NumPy random generator.
    Returns:
        Two boolean arrays (T,): seen and heard.
    """
    event = np.array(annotation.event_relevance, bool)
    kinds = generator.choice(BACKGROUND_KINDS, NUM_SEGMENTS, p=BACKGROUND_SHARES)
    return event | (kinds == "seen"), event | (kinds == "heard")


def draw_frames(
    appearance: Appearance,
    seen: np.ndarray,
    config: SimulationConfig,
    generator: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Draws the frames of a clip: an object that drifts over a grainy background.

    Size, tilt, color, path and background differ between clips.

    Args:
        appearance: The object.
        seen: Boolean array (T,). Seconds that show it.
        config: Size and rate of the frames.
        generator: NumPy random generator.
    Returns:
        Iterator of uint8 arrays (height, width, 3).
    """
    height, width = config.height, config.width
    size = round(generator.uniform(0.4, 0.6) * min(height, width))
    mask, pixels = _draw_object(appearance, size, generator)
    background = _draw_background(height, width, generator)
    room = np.array([height - size, width - size])
    centre, reach = generator.uniform(0.3, 0.7, 2) * room, generator.uniform(0.1, 0.3, 2) * room
    phase, turns_per_second = generator.uniform(0, 2 * np.pi, 2), generator.uniform(0.1, 0.3, 2)
    for number in range(NUM_SEGMENTS * config.fps):
        picture = background.copy()
        if seen[number // config.fps]:
            angle = phase + 2 * np.pi * turns_per_second * number / config.fps
            top, left = (centre + reach * np.sin(angle)).round().astype(int)
            picture[top : top + size, left : left + size][mask] = pixels
        yield picture


def draw_waveform(
    appearance: Appearance,
    heard: np.ndarray,
    config: SimulationConfig,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draws the sound of a clip: the object's tones, noise and beats over a low hiss.

    Pitch, level, pace and hiss differ between clips.

    Args:
        appearance: The object.
        heard: Boolean array (T,). Seconds in which it sounds.
        config: Sampling rate.
        generator: NumPy random generator.
    Returns:
        Float array (T * sample_rate_hz,) in [-1, 1].
    """
    rate = config.sample_rate_hz
    seconds = np.arange(NUM_SEGMENTS * rate) / rate
    pitch = 2 ** generator.uniform(-0.25, 0.25)
    sound = np.zeros(len(seconds))
    for hz in appearance.partials_hz:
        sound += generator.uniform(0.3, 1) * np.sin(
            2 * np.pi * (pitch * hz * seconds + generator.uniform())
        )
    low, high = pitch * np.array(appearance.noise_hz)
    if high > low:
        sound += _band_noise(len(seconds), rate, low, high, generator)
    if appearance.pulses_per_second:
        beats = appearance.pulses_per_second * generator.uniform(0.85, 1.15) * seconds
        since_beat = (beats + generator.uniform()) % 1 / appearance.pulses_per_second
        sound *= np.exp(-since_beat / appearance.decay_seconds)
    fade = round(FADE_SECONDS * rate)
    gate = np.convolve(np.repeat(heard, rate), np.ones(fade) / fade, "same")
    level = generator.uniform(0.2, 0.5) / np.abs(sound).max()
    hiss = 10 ** generator.uniform(-3.5, -2.5) * generator.standard_normal(len(seconds))
    return level * gate * sound + hiss


def _draw_object(
    appearance: Appearance, size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the object in a square: its mask (size, size), and the colors of its pixels (N, 3)."""
    down, right = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    tilt = generator.uniform(-0.35, 0.35)
    mask = appearance.shape(
        right * np.cos(tilt) - down * np.sin(tilt), right * np.sin(tilt) + down * np.cos(tilt)
    )
    hue = appearance.hue + generator.uniform(-0.03, 0.03)
    color = colorsys.hsv_to_rgb(hue % 1, generator.uniform(0.6, 1), generator.uniform(0.7, 1))
    shading = 0.8 + 0.2 * np.cos(np.pi * (right + down))[mask]
    return mask, np.round(255 * shading[:, None] * color).astype(np.uint8)


def _draw_background(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Draws a dull gradient with grain, uint8 (height, width, 3)."""
    first, second = generator.uniform(40, 160, (2, 1, 1, 3))
    across = np.linspace(0, 1, width)[None, :, None]
    gradient = first + (second - first) * across
    grain = generator.normal(0, generator.uniform(4, 12), (height, width, 1))
    return np.clip(gradient + grain, 0, 255).astype(np.uint8)


def _band_noise(
    length: int, rate_hz: int, low_hz: float, high_hz: float, generator: np.random.Generator
) -> np.ndarray:
    """Draws white noise between two frequencies."""
    spectrum = np.fft.rfft(generator.standard_normal(length))
    frequencies = np.fft.rfftfreq(length, 1 / rate_hz)
    return np.fft.irfft(spectrum * ((frequencies >= low_hz) & (frequencies < high_hz)), length)
