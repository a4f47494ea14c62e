"""One owner for each folder format: no other file spells the names in it."""

import ast
import pathlib
import re

import avel_tf

CHECKOUT = pathlib.Path(avel_tf.__file__).parents[1]
OWNERS = {
    "avel_tf/records/dataset_folder.py": r"Split-.*|dataset\.json|records\.csv|rejects\.csv",
    "avel_tf/records/shards.py": r"data_tfrecord-.*",
    "avel_tf/serving/model_folder.py": (
        r"Format-Serving|Format-Keras|model\.keras|configuration\.json"
    ),
    "avel_tf/training/run_folder.py": r"history\.csv",
    "avel_tf/evaluation/evaluation_folder.py": r"metrics\.json|records\.npz|report\.html",
}


def names_in(text):
    """Finds the parts of string literals that are names or paths, f-strings included."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Constant(value=str(value)) if not re.search(r"\s", value):
                yield from value.split("/")


def test_names_are_found_in_code_and_not_in_prose():
    text = """a = 'x/history.csv'; b = f'{c}/Split-{d}'; e = 'Reads model.keras'"""
    assert {"history.csv", "Split-"} < set(names_in(text))
    assert not any("model.keras" in name for name in names_in(text))


def test_only_the_owner_spells_a_name():
    spelled = {owner: set() for owner in OWNERS}
    for room in ("avel_tf", "components", "pipelines", "benchmarks"):
        for path in (CHECKOUT / room).rglob("*.py"):
            for name in names_in(path.read_text()):
                for owner, pattern in OWNERS.items():
                    if re.fullmatch(pattern, name):
                        spelled[owner].add(str(path.relative_to(CHECKOUT)))
    assert spelled == {owner: {owner} for owner in OWNERS}
