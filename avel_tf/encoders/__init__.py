"""Pixels and waveforms -> segment features, as those published with the AVE dataset."""

import importlib
from typing import Any

# Imported when asked for: TensorFlow takes seconds, and a program may first want it quiet.
_MODULES = {
    "ClipEncoder": "clip_encoder",
    "PrecisionChoice": "precision",
    "Vgg19Encoder": "vgg19",
    "VggishEncoder": "vggish",
    "choose_precision": "precision",
    "convert_vggish": "conversion",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
