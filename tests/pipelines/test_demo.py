"""The demo's encoders, and its look at a clip that the model was not trained on."""

import pathlib

import pytest

from avel_tf.cli.program import parse_arguments
from avel_tf.simulation import SimulationConfig
from pipelines import demo, local_runner

SMALL = SimulationConfig(num_clips=3, num_categories=1, fps=1, width=32, height=32)


def encoding_of(*arguments):
    flags = parse_arguments(local_runner, "avel run", arguments)
    config = local_runner.build_config(flags, pathlib.Path("somewhere"))
    return demo.with_learned_encoders(config, flags).extraction.encoding


@pytest.mark.parametrize("can_be_had", [True, False])
def test_encoders_are_learned_where_their_weights_can_be_had(can_be_had, monkeypatch, capsys):
    monkeypatch.setattr(demo, "fetch_quickly", lambda *_: can_be_had)
    encoding = encoding_of("--frames_per_segment", "2")
    names = {True: ("efficientnetv2b0", "yamnet"), False: ("vgg19", "vggish")}[can_be_had]
    weights = {True: ("imagenet", "audioset"), False: ("random", "random")}[can_be_had]
    assert (encoding.visual_encoder, encoding.audio_encoder) == names
    assert (encoding.visual_weights, encoding.audio_weights) == weights
    assert encoding.frames_per_segment == 2
    assert ("untrained" in capsys.readouterr().out) != can_be_had


def test_given_encoders_stay(monkeypatch):
    monkeypatch.setattr(demo, "fetch_quickly", lambda *_: pytest.fail("nothing is looked for"))
    encoding = encoding_of("--audio_encoder", "yamnet", "--audio_weights", "/yamnet.h5")
    assert (encoding.audio_encoder, encoding.audio_weights) == ("yamnet", "/yamnet.h5")
    assert (encoding.visual_encoder, encoding.visual_weights) == ("vgg19", "random")


def test_a_clip_of_another_seed_is_shown_once_for_each_version(tmp_path, monkeypatch):
    seen = []

    def run(flags):
        seen.append(flags)
        flags.report.touch()

    for command in (demo.predict, demo.match):
        monkeypatch.setattr(command, "run", run)
    demo.render_clips(tmp_path / "clips", SMALL, tmp_path)
    pages = {
        demo.show_unseen_clip(task, pathlib.Path(f"/served/{version}"), SMALL, tmp_path)
        for task, version in (("sel", 1), ("sel", 1), ("cml", 2))
    }
    assert {str(flags.model): flags.report for flags in seen} == dict(
        zip(("/served/1", "/served/2"), sorted(pages), strict=True)
    )
    (clip,), query = seen[0].videos, seen[1]
    assert seen[0].annotations == tmp_path / "unseen_clips/Annotations.txt"
    assert (query.audio, query.video) == (clip, clip) and query.start < query.end
    known = {path.read_bytes() for path in (tmp_path / "clips/AVE").iterdir()}
    assert clip.read_bytes() not in known
