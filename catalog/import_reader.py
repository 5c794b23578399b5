"""The process that reads a large file for an import: `python -m catalog.import_reader SOURCE LANGUAGE MAPPINGS`.

The file is its standard input. Standard output is a row of pickles: (packed batch, position) for each, then None at the
end, or a dict of errors in words when the file is no table. Only `catalog.import_reading` starts it.
"""

import gc
import json
import os
import pickle
import sys
from typing import Any

import django


def main() -> None:
    """Read, understand, hand over."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
    django.setup()
    from django.utils import translation

    from catalog.import_reading import Source, cut, records
    from catalog.import_transport import packed
    from catalog.marc.items import CopyFields
    from library.core.errors import Invalid

    source, language = Source(*json.loads(sys.argv[1])), sys.argv[2]
    known = {format: [CopyFields(**row) for row in rows] for format, rows in json.loads(sys.argv[3]).items()}
    gc.freeze()
    gc.disable()  # records hold no cycles, and looking for them takes a tenth of the time
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not come between the pickles

    def hand_over(message: Any) -> None:
        pickle.dump(message, out, pickle.HIGHEST_PROTOCOL)
        out.flush()

    with translation.override(language or None):
        try:
            for batch in cut(records(sys.stdin.buffer, source, known), sys.stdin.buffer):
                hand_over((packed(batch.arrivals, batch.ready), batch.position, batch.words))
        except Invalid as error:
            hand_over({name: list(map(str, messages)) for name, messages in error.errors.items()})
            return
    hand_over(None)


if __name__ == "__main__":
    main()
