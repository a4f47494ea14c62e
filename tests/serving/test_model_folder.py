import pathlib

from avel_tf.serving.model_folder import ModelFolder


def test_names_match_tfx_and_earlier_releases():
    folder = ModelFolder(pathlib.Path("/model"))
    assert folder.serving_path == pathlib.Path("/model/Format-Serving")
    assert folder.keras_path == pathlib.Path("/model/Format-Keras/model.keras")
    assert folder.configuration_path == pathlib.Path("/model/configuration.json")
    assert ModelFolder.around(folder.keras_path) == folder


def test_configuration_can_be_read_back(tmp_path):
    ModelFolder(tmp_path).write_configuration({"task": "sel", "model": {"units": 8}})
    assert ModelFolder(tmp_path).configuration() == {"task": "sel", "model": {"units": 8}}
