"""Keras model and encoders to SavedModel."""

import json
import pathlib

import keras
import tensorflow as tf

from avel_tf.encoders import Vgg19Encoder, VggishEncoder
from avel_tf.encoders.in_graph import encode_frames, encode_waveform
from avel_tf.encoders.log_mel import SAMPLE_RATE_HZ
from avel_tf.encoders.vgg19 import FRAME_SHAPE
from avel_tf.export import tracked_label_names
from avel_tf.keras_files import INPUTS
from avel_tf.signatures import signatures
from avel_tf.warm_up import write_warm_up

ENCODERS = pathlib.Path("assets.extra", "encoders.json")


def export_media_model(
    model: keras.Model,
    visual_encoder: Vgg19Encoder,
    audio_encoder: VggishEncoder,
    folder: pathlib.Path,
) -> None:
    """Writes a SavedModel that takes frames and sound: encoders and system in one graph.

    Its signature `localize_media`, the default one too, takes
        `frames` uint8 (B, T, F, 224, 224, 3), RGB, of each second F evenly spaced ones;
        `waveform` float32 (B, T * 16000), mono at 16 kHz, in [-1, 1];
    any B, T and F, and returns what `localize_event` of `avel_tf.signatures` does. All operations
    are TensorFlow's own. Memory grows with the request, not with what the encoders' layers make of
    it: they see 16 frames or seconds at a time.

    `assets/labels.txt` has the name of each label, a line each; `assets.extra/` has a request for
    TF Serving to warm up with and `encoders.json`, the metadata of both encoders.

    Args:
        model: A system of supervised event localization, trained on features of these encoders.
        visual_encoder: `Vgg19Encoder`.
        audio_encoder: `VggishEncoder`.
        folder: Folder to write to.
    Raises:
        ValueError: If the model is no such system.
    """
    check_inputs(model)
    archive = keras.export.ExportArchive()
    with tracked_label_names(archive) as names:
        localize_event, _ = signatures(model, names)["localize_event"]

        def localize_media(frames: tf.Tensor, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.control_dependencies([_check_seconds(frames, waveform)]):
                audio_features = encode_waveform(audio_encoder, tf.identity(waveform))
                visual_features = encode_frames(visual_encoder, tf.identity(frames))
            return localize_event(audio_features, visual_features)

        specs = [
            tf.TensorSpec((None, None, None, *FRAME_SHAPE), tf.uint8, name="frames"),
            tf.TensorSpec((None, None), tf.float32, name="waveform"),
        ]
        archive.add_endpoint("localize_media", localize_media, input_signature=specs)
        archive.write_out(str(folder), verbose=False)
    write_warm_up(folder, ["localize_media"])
    encoders = {"visual_encoder": visual_encoder, "audio_encoder": audio_encoder}
    metadata = {name: encoder.metadata() for name, encoder in encoders.items()}
    (folder / ENCODERS).write_text(json.dumps(metadata, indent=2) + "\n")


def check_inputs(model: keras.Model) -> None:
    """Raises ValueError unless a model takes the encoders' features and nothing else."""
    if model.input.keys() != INPUTS:
        raise ValueError(
            "`model` must be a system of supervised event localization, with the inputs "
            f"{sorted(INPUTS)}. Received: {type(model).__name__} with {sorted(model.input)}. "
            "Systems of cross-modality localization are asked for features alone."
        )


def _check_seconds(frames: tf.Tensor, waveform: tf.Tensor) -> tf.Operation:
    num_segments, num_frames = tf.unstack(tf.shape(frames)[1:3])
    batch, num_samples = tf.unstack(tf.shape(waveform))
    fits = (
        (batch == tf.shape(frames)[0])
        & (num_samples == num_segments * SAMPLE_RATE_HZ)
        & (num_segments > 0)
        & (num_frames > 0)
    )
    message = (
        "`frames` must be (B, T, F, 224, 224, 3) and `waveform` (B, T * 16000), with at least one "
        "segment and one frame. Received:"
    )
    return tf.debugging.Assert(fits, [message, tf.shape(frames), tf.shape(waveform)], summarize=6)
