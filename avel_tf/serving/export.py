"""Keras model to SavedModel."""

import pathlib

import keras
import tensorflow as tf

from avel_tf.records import Description, parse_examples
from avel_tf.records.description import AVE
from avel_tf.serving.labels import tracked_label_names
from avel_tf.serving.provenance import write_origin, write_threshold
from avel_tf.serving.request_checks import value_checks
from avel_tf.serving.signatures import signatures
from avel_tf.serving.warm_up import write_warm_up


def export_model(
    model: keras.Model, folder: pathlib.Path, source: dict, description: Description = AVE
) -> None:
    """Writes a SavedModel of a system.

    Its `serving_default` takes serialized tf.Examples, as the dataset holds them, and returns the
    model's outputs; see `signatures` for the others. `assets/labels.txt` has the name of each
    label, one per line; `assets.extra/` has requests for TF Serving to warm up with, and in
    `features.json` and `description.json` how the features that the model was trained on were made,
    and what its records were, and in `decision.json` its threshold.

    Args:
        model: A system for either task.
        folder: Folder to write to.
        source: How the features were made, as in `dataset.json`.
        description: What the records were.
    """
    # The archive finds the weights itself; if it tracked the model, it would write them twice.
    archive = keras.export.ExportArchive()

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = parse_examples(examples, tuple(model.input), description)
        features = {name: tf.cast(value, tf.float32) for name, value in features.items()}
        outputs = model(features, training=False)
        # Parsing has settled the shapes. The values are checked beside the model: if it waited
        # for them, a batch of 64 would take up to twice as long.
        with tf.control_dependencies(value_checks(features)):
            return {name: tf.identity(output) for name, output in outputs.items()}

    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    archive.add_endpoint("serving_default", serving_default, input_signature=signature)
    with tracked_label_names(archive, description.label_names) as names:
        others = signatures(model, names)
        for name, (function, specs) in others.items():
            archive.add_endpoint(name, function, input_signature=specs)
        archive.write_out(str(folder), verbose=False)
    write_warm_up(folder, ("serving_default", *others), description)
    write_origin(folder, source, description)
    write_threshold(folder, getattr(model, "threshold", None))
