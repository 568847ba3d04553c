"""Bringing an older catalog to today's columns, when it is first written to: reading alone changes nothing.

Schema version 2: the column `decode_failures` of `shots` is called `lost_frames` and holds 32-bit numbers.
"""

import json

import pyarrow as pa

from mediafm.catalog.store import Store
from mediafm.catalog.tables import LOST_FRAMES, LOST_FRAMES_V1, META, META_SCHEMA, SCHEMA_VERSION, SHOTS, SHOTS_SCHEMA


def upgrade(store: Store) -> None:
    """Nothing happens to a catalog of today. Killed at any step it can be done again."""
    if LOST_FRAMES in store.columns(SHOTS):
        return
    # The version first: from here on an older mediafm refuses, instead of missing a column.
    version = pa.table([["schema_version"], [json.dumps(SCHEMA_VERSION)]], schema=META_SCHEMA)
    store.upsert(META, version, "key")
    store.rename_column(SHOTS, LOST_FRAMES_V1, LOST_FRAMES, SHOTS_SCHEMA.field(LOST_FRAMES).type)
