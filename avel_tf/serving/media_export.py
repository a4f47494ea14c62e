"""Export of a Keras model with both encoders as a SavedModel."""

import json
import pathlib

import keras
import tensorflow as tf

from avel_tf.encoders import AudioEncoder, VisualEncoder
from avel_tf.encoders.in_graph import encode_frames, encode_waveform
from avel_tf.encoders.log_mel import SAMPLE_RATE_HZ
from avel_tf.records import Description
from avel_tf.records.description import AVE
from avel_tf.serving.labels import tracked_label_names
from avel_tf.serving.loading import INPUTS
from avel_tf.serving.provenance import write_threshold
from avel_tf.serving.request_checks import checked
from avel_tf.serving.signatures import signatures
from avel_tf.serving.warm_up import write_warm_up

ENCODERS = pathlib.Path("assets.extra", "encoders.json")


def export_media_model(
    model: keras.Model,
    visual_encoder: VisualEncoder,
    audio_encoder: AudioEncoder,
    folder: pathlib.Path,
    description: Description = AVE,
) -> None:
    """Writes a SavedModel that takes frames and sound: encoders and system in one graph.

    Its signature `localize_media`, which is also the default, takes
        `frames` uint8 (B, T, F, height, width, 3), RGB, F evenly spaced ones per second;
        `waveform` float32 (B, T * 16000), mono at 16 kHz, in [-1, 1];
    for any B, T and F, and returns the same as `localize_event` of `signatures`. All operations
    are TensorFlow's own. Memory grows with the request but not with the encoders' activations,
    because they see 16 frames or seconds at a time.

    `assets/labels.txt` has the name of each label, one per line; `assets.extra/` has a request for
    TF Serving to warm up with, `encoders.json`, the metadata of both encoders, and
    `decision.json`, the system's threshold.

    Args:
        model: A system of supervised event localization, trained on features of these encoders.
        visual_encoder: `VisualEncoder`.
        audio_encoder: `AudioEncoder`.
        folder: Folder to write to.
        description: What the records of its training were.
    Raises:
        ValueError: If the model is not such a system.
    """
    check_inputs(model)
    shapes = {"frames": (None, None, None, *visual_encoder.frame_shape), "waveform": (None, None)}
    archive = keras.export.ExportArchive()
    with tracked_label_names(archive, description.label_names) as names:
        localize_event, _ = signatures(model, names)["localize_event"]

        def localize_media(frames: tf.Tensor, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
            media = checked({"frames": frames, "waveform": waveform}, shapes, num_shared=1)
            with tf.control_dependencies([_check_seconds(**media)]):
                audio_features = encode_waveform(audio_encoder, tf.identity(media["waveform"]))
                visual_features = encode_frames(visual_encoder, tf.identity(media["frames"]))
            return localize_event(audio_features, visual_features)

        specs = [
            tf.TensorSpec(shapes["frames"], tf.uint8, name="frames"),
            tf.TensorSpec(shapes["waveform"], tf.float32, name="waveform"),
        ]
        archive.add_endpoint("localize_media", localize_media, input_signature=specs)
        archive.write_out(str(folder), verbose=False)
    write_warm_up(folder, ["localize_media"], description)
    encoders = {"visual_encoder": visual_encoder, "audio_encoder": audio_encoder}
    metadata = {name: encoder.metadata() for name, encoder in encoders.items()}
    write_threshold(folder, getattr(model, "threshold", None))
    (folder / ENCODERS).write_text(json.dumps(metadata, indent=2) + "\n")


def check_inputs(model: keras.Model) -> None:
    """Raises ValueError unless a model takes the encoders' features and nothing else."""
    if model.input.keys() != INPUTS:
        raise ValueError(
            "`model` must be a system of supervised event localization, with the inputs "
            f"{sorted(INPUTS)}. Received: {type(model).__name__} with {sorted(model.input)}. "
            "Systems of cross-modality localization take only features."
        )


def _check_seconds(frames: tf.Tensor, waveform: tf.Tensor) -> tf.Operation:
    num_segments, num_samples = tf.shape(frames)[1], tf.shape(waveform)[1]
    message = (
        f"`waveform` must have {SAMPLE_RATE_HZ} samples for each second of `frames`. Received "
        "samples and seconds:"
    )
    return tf.debugging.Assert(
        num_samples == num_segments * SAMPLE_RATE_HZ, [message, num_samples, num_segments]
    )
