"""The names that `import avel_tf` offers: light, lazy, and the same for type checkers."""

import ast
import pathlib
import subprocess
import sys

import pytest

import avel_tf

PACKAGE = pathlib.Path(avel_tf.__file__).parent


def test_every_name_is_there():
    assert len(avel_tf.__all__) == len(set(avel_tf.__all__)) > 25
    assert set(avel_tf.__all__) <= set(dir(avel_tf))
    for name in avel_tf.__all__:
        assert getattr(avel_tf, name) is not None, name
    assert avel_tf.fit.__module__ == "avel_tf.notebook.fitting"
    with pytest.raises(AttributeError, match="'avel_tf' has no attribute 'fitt'"):
        _ = avel_tf.fitt


def test_type_checkers_see_the_same_names():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    imported = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported.keys() == set(avel_tf.__all__) - {"__version__"}
    for name, place in imported.items():
        module = avel_tf._MODULES.get(name)
        expected = f"avel_tf.{module}.{name}" if module else f"avel_tf.{name}"
        assert place == expected


def test_looking_around_imports_nothing_heavy():
    code = (
        "import sys, avel_tf\n"
        "assert 'fit' in dir(avel_tf)\n"
        "avel_tf.EncodingConfig(audio_weights='random')\n"
        "heavy = {'numpy', 'keras', 'tensorflow', 'h5py', 'av', 'apache_beam'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=True)


def test_finding_events_needs_no_pipeline():
    code = (
        "import sys, avel_tf\n"
        "missing = ('apache_beam', 'tensorflow_model_analysis', 'ml_metadata')\n"
        "missing += ('tensorflow_data_validation', 'tensorflow_metadata', 'tensorflow_serving')\n"
        "sys.modules.update(dict.fromkeys(missing))  # any import of them fails\n"
        "avel_tf.load_dataset, avel_tf.fit, avel_tf.evaluate, avel_tf.predict\n"
        "import avel_tf.prediction.clips, avel_tf.prediction.matches, avel_tf.prediction.system"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=True)


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").is_file()
