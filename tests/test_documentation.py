"""The docs site builds without warnings; files and versions named in documents exist."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import avel_tf

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [
    CHECKOUT / "README.md",
    CHECKOUT / "CONTRIBUTING.md",
    *sorted((CHECKOUT / "docs").rglob("*.md")),
]
FOLDERS = "avel_tf|benchmarks|components|docs|pipelines|requirements|schemas|tests"


@pytest.mark.slow
def test_site_builds_without_warnings(tmp_path):
    pytest.importorskip("mkdocs", reason="The docs site needs the extra `docs`.")
    pytest.importorskip("mkdocstrings", reason="The docs site needs the extra `docs`.")
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=CHECKOUT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stderr
    home = (tmp_path / "index.html").read_text()
    assert "images/events.png" in home and (tmp_path / "images/events.png").exists()
    assert (tmp_path / "results/index.html").exists()
    reference = (tmp_path / "api/index.html").read_text()
    assert 'id="avel_tf.layers.CrossMatching"' in reference
    assert "doc-section-title" in reference
    assert not re.search(r"<p>(Args|Call arguments|Returns|Raises):", reference)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_named_files_exist(page):
    names = re.findall(rf"`((?:{FOLDERS})/[\w/.*-]*)`", page.read_text())
    missing = [name for name in names if not list(CHECKOUT.glob(name.rstrip("/")))]
    assert not missing


def test_citation_and_changelog_know_the_version():
    citation = (CHECKOUT / "CITATION.cff").read_text()
    version, date = re.search(
        r"^version: (.+)\ndate-released: (.+)$", citation, re.MULTILINE
    ).groups()
    assert version == avel_tf.__version__
    assert f"\n## {version} – {date}\n" in (CHECKOUT / "CHANGELOG.md").read_text()
