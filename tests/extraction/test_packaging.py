"""The package that Beam ships to the workers of a cluster with `--setup_file`."""

import pathlib
import subprocess
import sys

import pytest

from avel_tf import beam_jobs

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_staged_package_runs_without_the_checkout(tmp_path):
    from apache_beam.runners.portability.stager import Stager

    options = beam_jobs.options([f"--setup_file={CHECKOUT / 'setup.py'}"])
    Stager.create_job_resources(options, str(tmp_path))
    (package,) = tmp_path.glob("avel_tf-*.tar.gz")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", tmp_path / "installed", package], check=True)
    for name in ("py.typed", "__init__.pyi"):
        assert (tmp_path / "installed/avel_tf" / name).is_file()
    program = (
        "import avel_tf.extraction.job as job; from avel_tf.records import read_schema; "
        "print(job.__file__, len(read_schema().feature))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "installed", capture_output=True, text=True
    )
    path, num_features = run.stdout.split()
    assert path.startswith(str(tmp_path)) and int(num_features) > 9, run.stderr
