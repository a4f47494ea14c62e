"""Pixels and waveforms -> segment features, such as those published with the AVE dataset."""

import importlib
from typing import Any

# Imported on first use: TensorFlow takes seconds, and a program may want to silence it first.
_MODULES = {
    "ApplicationEncoder": "applications",
    "AudioEncoder": "audio_encoder",
    "ClipEncoder": "clip_encoder",
    "FileAudioEncoder": "model_file",
    "FileVisualEncoder": "model_file",
    "PrecisionChoice": "precision",
    "Vgg19Encoder": "vgg19",
    "VggishEncoder": "vggish",
    "VisualEncoder": "visual_encoder",
    "YamnetEncoder": "yamnet",
    "choose_precision": "precision",
    "convert_vggish": "conversion",
    "with_precision": "precision",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
