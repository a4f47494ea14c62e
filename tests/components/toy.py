"""A pipeline of four small components; as a program, a run that can be killed."""

import dataclasses
import json
import os
import pathlib
import signal
import sys
from typing import ClassVar

from components import artifacts, component, launcher, lineage

# Called in the middle of `execute` with its working folder, by component id; tests fill it.
HOOKS = {}


@dataclasses.dataclass(frozen=True)
class SourceParameters:
    file: str


class Source(component.Component):
    OUTPUTS: ClassVar = {"examples": artifacts.Examples}
    PARAMETERS = SourceParameters

    def external_fingerprint(self):
        return pathlib.Path(self.parameters.file).read_text()

    def execute(self, inputs, outputs, working_dir):
        examples = outputs["examples"]
        examples.splits = ["train"]
        examples.split_path("train").mkdir()
        number = pathlib.Path(self.parameters.file).read_text()
        (examples.split_path("train") / "number").write_text(number)
        HOOKS.get("Source", lambda _: None)(working_dir)


@dataclasses.dataclass(frozen=True)
class TrainParameters:
    gain: float = 2.0
    layers: tuple[int, ...] = (3, 4)


class Train(component.Component):
    INPUTS: ClassVar = {"examples": artifacts.Examples}
    OUTPUTS: ClassVar = {"model": artifacts.Model, "model_run": artifacts.ModelRun}
    PARAMETERS = TrainParameters

    def execute(self, inputs, outputs, working_dir):
        checkpoint = working_dir / "checkpoint"
        restored = checkpoint.exists()
        checkpoint.touch()
        (outputs["model"].path() / "half").touch()
        HOOKS.get("Train", lambda _: None)(working_dir)
        number = int((inputs["examples"].split_path("train") / "number").read_text())
        outputs["model"].folder().configuration_path.write_text(str(number * self.parameters.gain))
        return {"restored": restored}


@dataclasses.dataclass(frozen=True)
class JudgeParameters:
    threshold: float = 0.0


class Judge(component.Component):
    INPUTS: ClassVar = {"model": artifacts.Model, "baseline_model": artifacts.Model}
    OUTPUTS: ClassVar = {"blessing": artifacts.ModelBlessing}
    PARAMETERS = JudgeParameters

    def execute(self, inputs, outputs, working_dir):
        model, baseline_model = inputs["model"], inputs["baseline_model"]
        score = float(model.folder().configuration_path.read_text())
        blessed = score >= self.parameters.threshold
        outputs["blessing"].record_verdict(blessed, model, baseline_model)
        if baseline_model is None:
            return {"baseline_score": None}
        return {"baseline_score": float(baseline_model.folder().configuration_path.read_text())}


@dataclasses.dataclass(frozen=True)
class PushParameters:
    folder: str


class Push(component.Component):
    INPUTS: ClassVar = {"model": artifacts.Model, "blessing": artifacts.ModelBlessing}
    OUTPUTS: ClassVar = {"pushed": artifacts.PushedModel}
    PARAMETERS = PushParameters

    def execute(self, inputs, outputs, working_dir):
        if not inputs["blessing"].is_blessed:
            outputs["pushed"].record_no_push()
            return
        version = inputs["model"].id
        destination = pathlib.Path(self.parameters.folder, str(version))
        destination.mkdir(parents=True, exist_ok=True)
        outputs["pushed"].record_push(destination, version)


def make_pipeline(folder, name="toy", gain=2.0, threshold=0.0):
    """Makes the pipeline, which reads `folder`/number and pushes to `folder`/serving."""
    source = Source(SourceParameters(str(folder / "number")))
    train = Train(TrainParameters(gain), examples=source.outputs["examples"])
    model = train.outputs["model"]
    judge = Judge(
        JudgeParameters(threshold), model=model, baseline_model=component.LatestBlessed(model)
    )
    push = Push(
        PushParameters(str(folder / "serving")), model=model, blessing=judge.outputs["blessing"]
    )
    return component.Pipeline(name, (push, judge, source, train))


def main(folder, run_id, killed=""):
    """Runs the pipeline; the component called `killed` takes the process with it."""
    HOOKS[killed] = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    results = launcher.run_pipeline(
        make_pipeline(folder),
        pipeline_root=folder / "root",
        lineage=lineage.Lineage(folder / "lineage.sqlite"),
        run_id=run_id,
    )
    report = {
        "states": {result.component_id: result.state for result in results},
        "summaries": {result.component_id: result.summary for result in results},
        "modules": sorted(name for name in sys.modules if "." not in name),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
