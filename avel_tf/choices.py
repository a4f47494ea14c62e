"""The names that settings, flags and constructors accept, each list defined once; a leaf."""

TASKS = ("sel", "cml")
# `avel_tf.models.SYSTEMS` has their classes. "dam" is the paper's own; then come its baselines and,
# from "psp" on, its followers; "per_segment" is this package's own.
SYSTEMS = {
    "sel": (
        "dam",
        "audio",
        "visual",
        "audio_visual",
        "audio_visual_attention",
        "avsdn",
        "ed_tcn",
        "psp",
        "cpsp",
        "cmbs",
        "cace",
        "per_segment",
    ),
    "cml": ("dam", "avdln", "dcca"),
}
# Systems of "sel" that label each segment by itself, with background as one more label.
SEGMENT_SYSTEMS = (
    *("audio", "visual", "audio_visual", "audio_visual_attention"),
    *("avsdn", "ed_tcn", "psp", "cpsp"),
)
WEAK_SYSTEMS = (
    *("dam", "audio", "visual", "audio_visual", "audio_visual_attention"),
    *("psp", "cpsp", "cmbs", "per_segment"),
)

# Variants of dual attention matching.
SEQUENCE_EMBEDDINGS = ("rnn", "lstm", "gru", "blstm", "average", "max")
EMBEDDINGS = ("self_attention", *SEQUENCE_EMBEDDINGS)
SCORING_MATCHINGS = ("cross", "self")
MATCHINGS = (*SCORING_MATCHINGS, "none")
BLOCKS = ("equations", "plain", "residual", "full")
NORMALIZATIONS = ("none", "batch")
PROJECTIONS = ("relu", "linear")
SIMILARITIES = ("dot", "cosine")

# Training.
RELEVANCE_LOSSES = ("each", "mean")
SEGMENT_LOSSES = ("cross_entropy", "soft_margin")
SUPERVISIONS = ("full", "weak")
OPTIMIZERS = ("adam", "pytorch_adam", "sgd")
SCHEDULES = ("constant", "cosine", "drop", "halves", "fifths")
TRAINING_EXAMPLES = ("records", "segments")
KEPT_EPOCHS = ("best", "last")
DEVICES = ("auto", "cpu", "gpu", "mirrored")
PRECISIONS = ("float32", "mixed_bfloat16")

# Extraction.
RESIZES = ("bilinear", "antialiased")
ENCODING_PRECISIONS = ("auto", "float32", "bfloat16")
# `avel_tf.encoders.choosing` has them; besides, any file with this suffix.
VISUAL_ENCODERS = ("vgg19", "vgg16", "resnet50", "efficientnetv2b0", "convnext_tiny")
AUDIO_ENCODERS = ("vggish", "yamnet")
MODEL_SUFFIX = ".keras"
NAMED_WEIGHTS = ("imagenet", "audioset", "random")

# Suffixes that a search for videos looks for; a file with any other is read as a video too.
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".wmv"),
    *(".mpg", ".mpeg", ".mpe", ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".ogv"),
)

# Records.
PADDING = -1  # label and relevance of what pads a short record to the length of its batch
