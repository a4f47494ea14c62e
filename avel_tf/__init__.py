"""Dual Attention Matching for audio-visual event localization.

In your own notebook or program:

```python
import avel_tf

dataset = avel_tf.load_dataset("ave_features", task="sel")  # or avel_tf.simulate()
model = avel_tf.SupervisedEventLocalizer()
history = avel_tf.fit(model, dataset)
result = avel_tf.evaluate(model, dataset)
found = avel_tf.predict(model, "video.mp4", avel_tf.EncodingConfig(audio_weights="vggish.h5"))
```

Nothing heavy is imported before it is used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

# Module of each name, imported on first use; `__init__.pyi` tells type checkers the same.
_MODULES = {
    # From features to events.
    "load_dataset": "notebook.dataset",
    "simulate": "notebook.dataset",
    "fit": "notebook.fitting",
    "evaluate": "notebook.evaluating",
    "predict": "notebook.predicting",
    # Their arguments and results.
    "Dataset": "notebook.dataset",
    "Split": "notebook.dataset",
    "Evaluation": "notebook.evaluating",
    "Prediction": "notebook.predicting",
    "Event": "prediction.events",
    "EncodingConfig": "configuration",
    "CATEGORIES": "ave",
    # Systems and their folders.
    "AudioVisualDistanceLearning": "models",
    "AudioVisualDualNetwork": "models",
    "AudioVisualLocalizer": "models",
    "CrossModalityLocalizer": "models",
    "DeepCanonicalCorrelation": "models",
    "DualAttentionMatching": "models",
    "EncoderDecoderTCN": "models",
    "SupervisedEventLocalizer": "models",
    "from_preset": "presets",
    "save_to_preset": "presets",
}
# Modules that are imported when they are used as attributes.
_SUBMODULES = ("layers", "localization", "losses", "metrics", "models", "presets", "simulation")

__all__ = ["__version__", *_MODULES, *_SUBMODULES]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"avel_tf.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module 'avel_tf' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"avel_tf.{_MODULES[name]}"), name)
    globals()[name] = value  # so that the next use finds it directly
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
