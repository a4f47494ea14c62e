"""Collects the output of the workers into a dataset folder."""

import collections
import dataclasses
import logging
import pathlib
from collections.abc import Sequence

from avel_tf.errors import InputError
from avel_tf.extraction.journal import read_journal
from avel_tf.extraction.plan import Shard
from avel_tf.own_events import RejectedRow
from avel_tf.records import Description
from avel_tf.records.dataset_folder import DatasetFolder, describe_rejects, differences
from avel_tf.utils.atomic import link_or_copy


def collect(
    shards: Sequence[Shard],
    description: Description,
    working_dir: pathlib.Path,
    output: pathlib.Path,
    rejected_rows: Sequence[RejectedRow] = (),
    **metadata: str,
) -> dict:
    """Checks the workers' output, writes the tables and links everything into `output`.

    Args:
        shards: All shards of the job.
        description: What the records are.
        working_dir: Folder of the finished shards and journals.
        output: Folder for the dataset.
        rejected_rows: Rows of a list of events that cannot be used, for the table of rejects.
        **metadata: Further metadata of the dataset.
    Returns:
        The dataset's metadata, see `DatasetFolder`.
    Raises:
        InputError: If workers made features in different ways, or a split is left empty.
    """
    records, sources, num_repeated = [], [], 0
    rejects: list[dict] = [
        {"video_id": row.file, "reason": row.reason, "message": row.message}
        for row in rejected_rows
    ]
    for shard in shards:
        entries, source = read_journal(shard.files(working_dir)[1])
        sources.append(source)
        for item, entry in zip(shard.items, entries, strict=True):
            num_repeated += entry.get("num_repeated_frames", 0)
            row = {"split": shard.split, **dataclasses.asdict(item)}
            if entry["reason"] is None:
                records.append(row)
            else:
                rejects.append({**row, "reason": entry["reason"], "message": entry["message"]})
    for source in sources:
        if found := differences(sources[0], source):
            raise InputError(
                f"Workers made features in different ways: {'; '.join(found)}. Install the same "
                f"environment on all of them, remove {working_dir} and run again."
            )
    splits = list(dict.fromkeys(shard.split for shard in shards))
    written = collections.Counter(record["split"] for record in records)
    rejected = collections.Counter(reject["reason"] for reject in rejects)
    metadata |= {
        "num_records": {split: written[split] for split in splits},
        "num_rejected": dict(rejected.most_common()),
        "description": dataclasses.asdict(description),
        "source": sources[0],
    }
    if num_repeated:
        metadata["num_repeated_frames"] = num_repeated
    columns = ["split", *(field.name for field in dataclasses.fields(shards[0].items[0]))]
    made = DatasetFolder(working_dir)
    made.write_tables(metadata, columns, records, rejects)
    if rejects:
        found = describe_rejects(metadata, rejects)
        if not all(metadata["num_records"].values()):
            raise InputError(
                f"{found} A split is left empty. The full list is in {made.rejects_path}. "
                "Repair the clips."
            )
        logging.getLogger(__name__).warning(found)
    # Linked, not moved: the work must not be lost before the caller has published the output.
    for shard in shards:
        path, target = shard.files(working_dir)[0], shard.files(output)[0]
        target.parent.mkdir(exist_ok=True)
        link_or_copy(path, target)
    for path in made.table_paths:
        link_or_copy(path, output / path.name)
    return metadata
