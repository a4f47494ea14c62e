"""Named configurations and the flags that change them."""

import pathlib

import pytest

from avel_tf.choices import SYSTEMS
from avel_tf.cli.program import parse_arguments
from avel_tf.models.followers.cace import CONTRAST_EPOCH
from avel_tf.training.settings import SETTINGS, system_training
from pipelines import configs, local_runner
from pipelines.ave_pipeline import create_pipeline

OUTPUT = pathlib.Path("somewhere")
ORDER = [
    "AveExampleGen",
    "StatisticsGen",
    "ExampleValidator",
    "Trainer",
    "Evaluator",
    "InfraValidator",
    "Pusher",
]


def build(*arguments):
    return local_runner.build_config(parse_arguments(local_runner, "avel run", arguments), OUTPUT)


@pytest.mark.parametrize("task", ["sel", "cml"])
@pytest.mark.parametrize(
    "config",
    [
        ["demo"],
        ["ave", "--features_dir", "features"],
        ["own", "--data_root", "videos", "--events", "e.csv"],
    ],
)
def test_every_configuration_wires_a_pipeline_in_order(config, task):
    pipeline = create_pipeline(build("--config", *config, "--task", task), OUTPUT, OUTPUT)
    assert [component.id for component in pipeline.components] == ORDER
    assert pipeline.name == f"{config[0]}-{task}"
    assert pipeline.components[0].parameters.task == task


def test_default_is_the_demo_for_supervised_localization():
    assert build().name == "demo-sel"


def test_flags_reach_the_field_of_their_name():
    config = build(
        *("--epochs", "3", "--batch_size", "5", "--seed", "7", "--precision", "mixed_bfloat16"),
        *("--xla", "--devices", "cpu", "--learning_rate", "0.5", "--relevance_loss", "mean"),
        *("--max_regression", "0.25", "--max_rejected_share", "0.5", "--allow_anomaly", "a:b"),
        *("--keep_versions", "7"),
    )
    assert config.keep_versions == 7
    training = config.training
    assert (training.epochs, training.batch_size, training.seed) == (3, 5, 7)
    assert (training.precision, training.xla, training.devices) == ("mixed_bfloat16", True, "cpu")
    assert (training.learning_rate, training.relevance_loss) == (0.5, "mean")
    assert config.evaluation.max_regression == 0.25
    assert config.validation.max_rejected_share == 0.5
    assert config.validation.allowed_anomalies == ("a:b",)


def test_a_flag_of_zero_is_a_value():
    assert build("--max_rejected_share", "0", "--seed", "0").validation.max_rejected_share == 0


def test_the_seed_is_the_trainings():
    assert build("--seed", "9").training.seed == 9
    assert build("--seed", "9").simulation == build().simulation


def test_models_of_weak_supervision_are_compared_and_served_apart():
    ave = ("--config", "ave", "--features_dir", "features", "--supervision", "weak")
    assert build("--supervision", "weak").name == "demo-sel-weak"
    config = build(*ave, "--system", "audio", "--settings", "faithful")
    assert config.name == "ave-sel-audio-weak"
    assert (config.training.supervision, config.training.segment_loss) == ("weak", "soft_margin")


def test_flags_left_out_keep_the_configuration():
    config = build("--config", "ave", "--features_dir", "/features")
    assert config == configs.ave("sel", features_dir="/features")


def test_published_features_are_made_of_sixteen_frames():
    config = configs.ave("sel", data_root="videos")
    assert config.extraction.encoding.frames_per_segment == 16
    assert config.extraction.encoding.visual_weights == "imagenet"


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(
    ("task", "system"), [(task, system) for task, names in SYSTEMS.items() for system in names]
)
def test_every_system_has_a_training(task, system, settings):
    training = system_training(task, system, settings)
    assert (training.task, training.system) == (task, system)


def test_faithful_settings_are_what_the_papers_say():
    for task in SYSTEMS:
        assert system_training(task, "dam", "faithful").relevance_loss == "mean"  # Eq. 7
    training = system_training("sel", "audio_visual_attention", "faithful")
    assert (training.segment_loss, training.epochs) == ("soft_margin", 300)
    assert training.optimizer == "pytorch_adam"
    assert (training.schedule, training.patience) == ("drop", 300)  # never stopped early
    assert (training.batch_size, training.learning_rate) == (64, 1e-3)
    for system, batch_size, learning_rate, schedule, clip_norm, epochs in (
        ("psp", 128, 1e-3, "fifths", 0, 300),
        ("cpsp", 64, 1e-3, "constant", 0.1, 45),
        ("cmbs", 64, 7e-4, "halves", 0.5, 200),
        ("cace", 64, 7e-4, "halves", 0.5, 200),
    ):
        training = system_training("sel", system, "faithful")
        assert (training.batch_size, training.learning_rate) == (batch_size, learning_rate)
        assert (training.schedule, training.clip_norm) == (schedule, clip_norm)
        assert (training.epochs, training.patience) == (epochs, epochs)
        assert training.optimizer == "pytorch_adam"
    training = system_training("cml", "avdln", "faithful")
    assert (training.batch_size, training.epochs, training.learning_rate) == (8, 20, 1e-3)
    assert (training.examples, training.kept_epoch, training.patience) == ("segments", "last", 20)
    weak = system_training("sel", "audio", "faithful", "weak")
    assert (weak.segment_loss, weak.epochs, weak.patience) == ("soft_margin", 250, 250)
    assert (weak.optimizer, weak.schedule) == ("pytorch_adam", "drop")


def test_patience_lasts_until_a_late_part_was_trained():
    for settings in SETTINGS:
        plain, late = (system_training("sel", name, settings) for name in ("cmbs", "cace"))
        assert late.patience - plain.patience == (CONTRAST_EPOCH - 1) * (settings != "faithful")
        assert late.epochs > CONTRAST_EPOCH


def test_unknown_settings_and_systems_are_named():
    with pytest.raises(ValueError, match="`settings` must be .*Received: settings='best'"):
        system_training("sel", "dam", "best")
    with pytest.raises(ValueError, match="`system` must be .*Received: system='dcca'"):
        system_training("sel", "dcca")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "ave"], "`--data_root` or `--features_dir` must be given"),
        (
            ["--config", "ave", "--features_dir", "/missing"],
            "`--features_dir`: /missing is not a folder",
        ),
        (
            ["--config", "ave", "--data_root", "/missing", "--audio_weights", "random"],
            "`--data_root`: /missing is not a folder",
        ),
        (
            ["--config", "ave", "--data_root", "/", "--audio_weights", "/missing.weights.h5"],
            "`--audio_weights`: /missing.weights.h5 does not exist",
        ),
        (["--settings", "faithful"], "`--settings` needs `--config ave`"),
        (["--data_root", "videos"], "need `--config ave`"),
        (["--epochs", "0"], "`--epochs` must be a positive integer. Received: epochs=0"),
        (["--learning_rate", "-1"], "`--learning_rate` must be a positive number"),
        (["--beam_args=--runnr=DirectRunner"], "Beam has no option ['runnr']"),
        (["--max_regression", "2"], "`--max_regression` must be a number from 0 to 1"),
    ],
)
def test_wrong_flags_end_with_a_clear_error(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("avel_tf.simulation.render_dataset", lambda *_: None)
    assert local_runner.main([*arguments, "--output_root", str(tmp_path / "root")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "root").exists()
