"""Beam jobs with checked options."""

import contextlib
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners import create_runner

# Named explicitly, because Beam's default first tries to download a runner binary.
DEFAULT_ARGS = ("--runner=FnApiRunner",)


def options(beam_args: Sequence[str] = ()) -> PipelineOptions:
    """Makes Beam options: in-process unless `beam_args` name a runner.

    Args:
        beam_args: Beam's own command-line options, such as `--runner=DirectRunner`.
    Raises:
        ValueError: If Beam does not know the runner or an option, which it would silently ignore.
    """
    parsed = PipelineOptions([*DEFAULT_ARGS, *beam_args])
    standard = parsed.view_as(StandardOptions)
    if standard.runner == "DaskRunner":  # the only runner Beam does not know by its short name
        standard.runner = "apache_beam.runners.dask.dask_runner.DaskRunner"
    try:
        create_runner(standard.runner)  # imports it, which registers its options
    except (ValueError, ImportError, AttributeError) as error:
        raise ValueError(
            f"Beam cannot make the runner {standard.runner!r}: {error}. Correct `--beam_args`."
        ) from error
    if standard.runner.endswith(".DaskRunner"):
        _spread(parsed)
    known = parsed.get_all_options()
    unknown = parsed.get_all_options(retain_unknown_options=True).keys() - known.keys()
    if unknown:
        raise ValueError(f"Beam has no option {sorted(unknown)}. Correct `--beam_args`.")
    return parsed


def _spread(parsed: PipelineOptions) -> None:
    """Gives each task one element: by default Dask groups 128, and one worker does all the work."""
    from apache_beam.runners.dask.dask_runner import DaskOptions

    bags = parsed.view_as(DaskOptions)
    if not bags.npartitions and not bags.partition_size:
        bags.partition_size = 1


@contextlib.contextmanager
def pipeline(beam_args: Sequence[str] = ()) -> Iterator[beam.Pipeline]:
    """Runs a Beam pipeline at the end of a `with` block.

    Raises:
        KeyboardInterrupt: On Ctrl-C, which Beam's in-process runner turns into a RuntimeError.
    """
    job = beam.Pipeline(options=options(beam_args))
    try:
        with job:
            yield job
    except RuntimeError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if client := getattr(getattr(job, "result", None), "client", None):
            client.close()  # or Dask's client keeps looking for a cluster that is gone
