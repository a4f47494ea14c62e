"""The files of this project that some code may use, found by reading its imports."""

import ast
import dataclasses
import functools
import pathlib
import re
from collections.abc import Iterable, Iterator

PACKAGES = ("avel_tf", "components")


def find_import_closure(starts: Iterable[pathlib.Path], root: pathlib.Path) -> set[pathlib.Path]:
    """Files of this project that the given ones may use, themselves included.

    Follows, at the top of a file and inside its functions:

    - imports, with the `__init__` of every package on the way;
    - names that a package imports only when asked for them, by the table from name to module in
      its `__init__`, as in `avel_tf.encoders`; all of them where the package itself is imported;
    - strings that are the full name of a module, as `python -m` takes it, or the path of a file,
      as of the data contract.

    Args:
        starts: Python files, below `root` or elsewhere. Packages elsewhere are not followed.
        root: Folder that holds the packages.
    Raises:
        ValueError: If an import is relative.
    """
    found, waiting = set(), set(starts)
    while waiting:
        path = waiting.pop()
        found.add(path)
        if path.suffix == ".py":
            waiting |= set(_find_uses(path, root)) - found
    return found


def _find_uses(path: pathlib.Path, root: pathlib.Path) -> Iterator[pathlib.Path]:
    source = _read(path, path.read_bytes())
    if source.is_relative:
        raise ValueError(f"{path} has a relative import. Import by the full name of the package.")
    for module, name in source.imports:
        if name and _find_file(f"{module}.{name}", root):
            module, name = f"{module}.{name}", ""
        yield from _find_module(module, root)
        if file := _find_file(module, root):
            for lazy_name, submodule in _read(file, file.read_bytes()).lazy_modules.items():
                if name in ("", "*", lazy_name):
                    yield from _find_module(f"{module}.{submodule}", root)
    for text in source.strings:
        yield from _find_module(text, root)
        # The data contract lies next to the packages in a checkout, inside one if installed.
        if "/" in text:
            paths = [root / text, *(root / package / text for package in PACKAGES)]
            yield from (path for path in paths if path.is_file())


def _find_module(module: str, root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Files of a module and of the packages that it is in; none if it is not of this project."""
    while file := _find_file(module, root):
        yield file
        module = module.rpartition(".")[0]


def _find_file(module: str, root: pathlib.Path) -> pathlib.Path | None:
    path = root.joinpath(*module.split("."))
    if module.split(".")[0] not in PACKAGES:
        return None
    files = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in files if file.is_file()), None)


@dataclasses.dataclass(frozen=True)
class _Source:
    """References in a file, of this project and others."""

    imports: set[tuple[str, str]]  # module and the name taken from it; "" for the module itself
    is_relative: bool  # if any of them is
    strings: set[str]  # those that may be the name of a module or the path of a file
    lazy_modules: dict[str, str]  # module by name, from the table next to a `__getattr__`


@functools.cache  # by content, so it cannot be out of date
def _read(path: pathlib.Path, content: bytes) -> _Source:
    imports, is_relative, strings, table, is_lazy = set(), False, set(), {}, False
    for node in ast.walk(ast.parse(content, path)):
        match node:
            case ast.Import():
                imports |= {(alias.name, "") for alias in node.names}
            case ast.ImportFrom():
                is_relative |= node.level > 0
                imports |= {(node.module or "", alias.name) for alias in node.names}
            case ast.Constant(value=str(text)) if re.fullmatch(r"\w[\w./-]*", text):
                strings.add(text)
            case ast.Dict(keys=keys, values=values):
                for pair in zip(keys, values):
                    match pair:
                        case ast.Constant(value=str(name)), ast.Constant(value=str(module)):
                            table[name] = module
            case ast.FunctionDef(name="__getattr__"):
                is_lazy = True
    return _Source(imports, is_relative, strings, table if is_lazy else {})
