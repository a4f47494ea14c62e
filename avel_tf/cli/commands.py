"""Commands that need only the library."""

from avel_tf.cli.program import Command

COMMANDS = {
    "extract": Command("avel_tf.cli.extract", "encode videos and sounds as a dataset"),
    "train": Command("avel_tf.cli.train", "train a system on a dataset"),
    "evaluate": Command("avel_tf.cli.evaluate", "score a model on a dataset's test split"),
    "predict": Command("avel_tf.cli.predict", "find the events in videos"),
    "match": Command("avel_tf.cli.match", "find in one modality what happens in the other"),
    "simulate": Command(
        "avel_tf.cli.simulate", "write simulated clips or features, and audit features"
    ),
    "export": Command("avel_tf.cli.export", "put a model and its encoders in one SavedModel"),
    "convert-weights": Command(
        "avel_tf.cli.convert_weights", "turn VGGish's released checkpoint into a weights file"
    ),
}
