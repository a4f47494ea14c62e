"""How this project starts a Beam job."""

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

# Named because Beam's default first tries to download a runner binary.
DEFAULT_ARGS = ("--runner=FnApiRunner",)


def options(beam_args: Sequence[str] = ()) -> PipelineOptions:
    """Beam options: in-process unless `beam_args` name a runner.

    Args:
        beam_args: Beam's own command-line options, such as `--runner=DirectRunner`.
    Raises:
        ValueError: If Beam does not know an option, which it would ignore.
    """
    parsed = PipelineOptions([*DEFAULT_ARGS, *beam_args])
    known = parsed.get_all_options()
    unknown = parsed.get_all_options(retain_unknown_options=True).keys() - known.keys()
    if unknown:
        raise ValueError(f"Beam has no option {sorted(unknown)}. Correct `--beam_args`.")
    return parsed


def pipeline(beam_args: Sequence[str] = ()) -> beam.Pipeline:
    """A Beam pipeline for a `with` statement."""
    return beam.Pipeline(options=options(beam_args))
