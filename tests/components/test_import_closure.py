"""Files covered by a component's cache key: in small packages, and by edits of a real copy."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import components
from components.import_closure import find_import_closure

CHECKOUT = pathlib.Path(components.__file__).parents[1]
COMPONENTS = {
    "AveExampleGen": "ave_example_gen",
    "StatisticsGen": "statistics_gen",
    "ExampleValidator": "example_validator",
    "Trainer": "trainer",
    "Evaluator": "evaluator",
    "InfraValidator": "infra_validator",
    "Scorer": "scorer",
    "Pusher": "pusher",
}
MODEL_SIDE = {"Trainer", "Evaluator", "InfraValidator", "Scorer"}
DIGESTS = """
import importlib, json, sys
from components.component_code import digest_code

digests = {}
for name, module in json.loads(sys.argv[1]).items():
    kind = getattr(importlib.import_module(f"components.{module}"), name)
    digests[name] = digest_code(kind)
print(json.dumps(digests))
"""


def closure_of(root, text, **files):
    """Returns the modules that a component with this text uses, given the texts of other files."""
    files = {"components/step": text, "components/__init__": "", "avel_tf/__init__": ""} | files
    for name, content in files.items():
        path = root / (name if "." in name else f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    found = find_import_closure([root / "components" / "step.py"], root)
    names = {str(path.relative_to(root)).removesuffix(".py") for path in found}
    assert names >= {"components/step"}
    return names - {"components/step", "components/__init__", "avel_tf/__init__"}


@pytest.mark.parametrize(
    "text",
    [
        "import avel_tf.room.tool",
        "import os, avel_tf.room.tool as tool",
        "from avel_tf.room import tool",
        "from avel_tf.room.tool import use",
        "from avel_tf.room.tool import *",
        "def execute():\n    if True:\n        from avel_tf.room.tool import use",
        "command = ['python', '-m', 'avel_tf.room.tool']",
    ],
)
def test_a_module_is_followed_with_its_package(tmp_path, text):
    files = {
        "avel_tf/room/__init__": "import avel_tf.leaf",
        "avel_tf/room/tool": "",
        "avel_tf/room/other": "",
        "avel_tf/leaf": "",
    }
    assert closure_of(tmp_path, text, **files) == {
        "avel_tf/room/__init__",
        "avel_tf/room/tool",
        "avel_tf/leaf",
    }


def test_only_this_projects_packages_are_followed(tmp_path):
    files = {"keras/__init__": "import avel_tf.leaf", "avel_tf/leaf": ""}
    assert closure_of(tmp_path, "import keras\nfrom pipelines import configs", **files) == set()


def test_modules_that_import_each_other(tmp_path):
    files = {"avel_tf/a": "import avel_tf.b", "avel_tf/b": "def later():\n    import avel_tf.a"}
    assert closure_of(tmp_path, "import avel_tf.a", **files) == {"avel_tf/a", "avel_tf/b"}


LAZY = """
import importlib
_MODULES = {"Encoder": "encoder", "Other": "other"}
def __getattr__(name):
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
"""


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("from avel_tf.room import Encoder", {"encoder"}),
        ("from avel_tf.room import *", {"encoder", "other"}),
        ("from avel_tf import room", {"encoder", "other"}),
        ("import avel_tf.room", {"encoder", "other"}),
        ("import avel_tf.room.tool", {"tool"}),
        ("from avel_tf.room import tool", {"tool"}),
        ("from avel_tf.room import CONSTANT", set()),
    ],
)
def test_names_that_a_package_imports_lazily(tmp_path, text, used):
    files = {f"avel_tf/room/{name}": "" for name in ("encoder", "other", "tool")}
    files["avel_tf/room/__init__"] = LAZY
    expected = {f"avel_tf/room/{name}" for name in used | {"__init__"}}
    assert closure_of(tmp_path, text, **files) == expected


@pytest.mark.parametrize("place", ["schemas/a.pbtxt", "avel_tf/schemas/a.pbtxt"])
def test_a_file_named_by_its_path(tmp_path, place):
    files = {place: "", "schemas/b.pbtxt": ""}
    assert closure_of(tmp_path, "path = 'schemas/a.pbtxt'", **files) == {place}


def test_a_relative_import_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"step.py has a relative import. Import by the full name"):
        closure_of(tmp_path, "from . import other")


def test_broken_code_is_named(tmp_path):
    with pytest.raises(SyntaxError) as error:
        closure_of(tmp_path, "import")
    assert error.value.filename.endswith("step.py")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Copy of this checkout's code, for edits."""
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("avel_tf", "components", "schemas"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / folder, root / folder, ignore=ignored)
    return root


def digests(root):
    """Computes each component's code digest in a new process there."""
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS, json.dumps(COMPONENTS)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def before(copy):
    return digests(copy)


@pytest.mark.parametrize(
    ("file", "old", "new", "rerun"),
    [
        # A new look of the report neither extracts nor trains.
        (
            "avel_tf/reporting/report.py",
            "border-collapse: collapse",
            "border-collapse: separate",
            {"Evaluator", "Pusher"},
        ),
        ("avel_tf/layers/cross_matching.py", "einsum", "matmul", MODEL_SIDE),
        ("schemas/ave_examples.pbtxt", "10", "11", {"ExampleValidator"}),
    ],
)
def test_an_edit_reruns_the_components_that_use_the_file(copy, before, file, old, new, rerun):
    path = copy / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    after = digests(copy)
    path.write_text(text)
    assert {name for name in COMPONENTS if after[name] != before[name]} == rerun
    assert after.keys() == before.keys() == COMPONENTS.keys()


@pytest.fixture(scope="module")
def closures():
    """Files of this checkout that each component may use."""
    folder = CHECKOUT / "components"
    return {
        name: find_import_closure([folder / f"{module}.py"], CHECKOUT)
        for name, module in COMPONENTS.items()
    }


@pytest.mark.parametrize(
    ("file", "users"),
    [
        ("avel_tf/errors.py", COMPONENTS.keys()),
        ("avel_tf/extraction/job.py", {"AveExampleGen"}),
        ("avel_tf/encoders/vgg19.py", {"AveExampleGen"}),
        ("avel_tf/media/decoder_child.py", {"AveExampleGen"}),
        ("avel_tf/training/train.py", {"Trainer"}),
        ("avel_tf/serving/serving_process.py", {"InfraValidator"}),
        ("avel_tf/serving/push.py", {"Pusher"}),
        ("avel_tf/reporting/model_card.py", {"Pusher"}),
        ("avel_tf/prediction/page.py", set()),
        ("components/component.py", COMPONENTS.keys()),
        ("components/scorer.py", {"Scorer"}),
        ("components/launcher.py", set()),
    ],
)
def test_a_component_covers_what_it_uses_and_little_else(closures, file, users):
    assert (CHECKOUT / file).is_file()
    assert {name for name, files in closures.items() if CHECKOUT / file in files} == users


def test_components_import_nothing_by_a_name_that_cannot_be_read(closures):
    """Or a closure would lack it: lazy packages have a table, programs a full name."""
    by_name = r"import_module|__import__|runpy|spec_from_file_location|^\s*import avel_tf$"
    texts = {path: path.read_text() for path in set().union(*closures.values())}
    assert not [
        path
        for path, text in texts.items()
        if re.search(by_name, text, re.MULTILINE) and "def __getattr__" not in text
    ]
