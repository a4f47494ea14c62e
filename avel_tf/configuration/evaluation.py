"""Settings of what a model must pass to be served."""

import dataclasses

from avel_tf.choices import TASKS
from avel_tf.utils.arguments import check_choice, check_fraction, check_positive


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """Settings of the gate.

    A model is blessed if it is better than each trivial baseline and not much worse than the
    model that was blessed last. Both are decided by 95 % intervals over test records, so that
    chance neither blesses a model nor holds it back.

    Args:
        task: String. `"sel"` or `"cml"`.
        max_regression: Float in [0, 1]. How far the primary metric may fall below that of the last
            blessed model, beyond what chance explains.
    Raises:
        ValueError: If a value is out of range.
    """

    task: str
    max_regression: float = 0.01

    def __post_init__(self):
        check_choice("task", self.task, TASKS)
        check_fraction("max_regression", self.max_regression)


@dataclasses.dataclass(frozen=True)
class InfraValidationConfig:
    """Limits on the cost of serving a model.

    Args:
        max_load_seconds: Float. Time until the model is ready.
        max_request_seconds: Float. Slowest answer to a request of one record, warm-up included.
        max_memory_gib: Float. Peak memory of the process that serves it.
        max_process_seconds: Float. Time after which the whole check is given up.
    Raises:
        ValueError: If a limit is not positive.
    """

    max_load_seconds: float = 60.0
    max_request_seconds: float = 10.0
    max_memory_gib: float = 4.0
    max_process_seconds: float = 600.0

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            check_positive(name, value)
