"""A system with both encoders in one SavedModel: frames and sound -> events."""

from typing import Any

__all__ = ["export_media_model"]


# Imported when asked for: TensorFlow takes seconds, and a program may first want it quiet.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from avel_tf.media_export import saved_model

    return getattr(saved_model, name)
