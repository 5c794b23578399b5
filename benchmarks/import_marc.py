"""MARC records into the catalogue, searchable on completion, with two copies each; and the same file again.

    python -m benchmarks.import_marc [--records 20000] [--runs 3] [--file records.mrc]

The file is read as `import_marc` and the worker read it: a large one by a process of its own. Beside the rate stands
the processor time that the three who share the work took: the process that reads, the one that writes, PostgreSQL's
backend. On a busy machine these tell more than the clock. And the floor: COPY of the very rows that the import made,
search index included, into the same tables with their indexes, triggers and constraints.
Each run has a fresh database in a process of its own; the median counts. Records are generated (half Russian, half
English, authors and subjects by Zipf's law) unless a file is given.
"""

import argparse
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scratch import scratch_database

TABLES = (
    "catalog_importrun",
    "catalog_publisher",
    "catalog_series",
    "catalog_author",
    "catalog_genre",
    "catalog_subject",
    "catalog_book",
    "catalog_contribution",
    "catalog_isbn",
    "catalog_book_genres",
    "catalog_book_subjects",
    "catalog_copy",
    "catalog_sourcerecord",
    "catalog_importedbook",
    "catalog_searchentry",
)
"""Every table that an import writes, in the order of their references."""
WORDS = {
    "rus": "история война любовь город море зима дорога сад театр музыка наука школа река лес огонь время звезда книга "
    "письмо дом берег снег хлеб друг тайна остров птица ветер камень голос",
    "eng": "history war love city sea winter road garden theatre music science school river forest fire time star book "
    "letter house shore snow bread friend secret island bird wind stone voice",
}


def main() -> None:
    """Run every case in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="records to generate")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--file", type=Path, help="a file of MARC records in place of generated ones")
    parser.add_argument("--case", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or generate(Path(folder) / "records.mrc", options.records)
        command = [sys.executable, "-m", "benchmarks.import_marc", "--case", str(path)]
        rows = [
            json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
            for _ in range(options.runs)
        ]
    print("records per second unless said otherwise, median of", options.runs)
    for name in rows[0]:
        values = sorted(row[name] for row in rows)
        print(f"  {name:42s} {statistics.median(values):9.0f}   ({values[0]:.0f} to {values[-1]:.0f})")


def measure(path: Path) -> dict[str, float]:
    """Rates in records per second, but for the number of records itself."""
    with scratch_database("import_marc"):
        from django.db import connection
        from pymarc import MARCReader

        from catalog.import_copies import CopyOptions
        from catalog.import_reading import Source, batches
        from catalog.imports import import_batches
        from policies.setup import set_up

        set_up(language="en")
        pymarc, count = timed(lambda: sum(record is not None for record in MARCReader(io.BytesIO(path.read_bytes()))))
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = cursor.fetchone()[0]

        def run() -> Any:
            with path.open("rb") as stream:
                size = path.stat().st_size
                read = batches(stream, Source(path.name, is_table=False), size=size)
                return import_batches(read, file_name=path.name, by=None, copies=CopyOptions(), size=size)

        before = processor_seconds(backend)
        first, done = timed(run)
        shares = [after - start for after, start in zip(processor_seconds(backend), before, strict=True)]
        peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        assert done.read == done.created + done.rejected + done.unchanged, done
        again, repeated = timed(run)
        assert repeated.created == 0, repeated
        floor, floor_share = copy_of_the_same_rows(connection, backend)
    each = 1e6 / done.read
    return {
        "records": done.read,
        "copies": done.copies_created,
        "import": done.read / first,
        "the same file again": done.read / again,
        "floor: COPY of the same rows": done.read / floor,
        "import, % of the floor": 100 * floor / first,
        "pymarc, parsing only": count / pymarc,
        "import, % of pymarc's parsing": 100 * done.read / first / (count / pymarc),
        "processor, us/record: reading": shares[0] * each,
        "processor, us/record: writing": shares[1] * each,
        "processor, us/record: PostgreSQL": shares[2] * each,
        "processor, us/record: PostgreSQL, floor": floor_share * each,
        "processor: floor, % of all": 100 * floor_share / sum(shares),
        "rate if two cores had nothing else": 2e6 / (sum(shares) * each),
        "peak memory, MB: writing": peaks[0],
        "peak memory, MB: reading": peaks[1],
    }


def processor_seconds(backend: int) -> tuple[float, float, float]:
    """What processes that ended, this one and PostgreSQL's backend have used so far."""
    own = os.times()
    stat = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    ticks = int(stat[11]) + int(stat[12])
    return own.children_user + own.children_system, own.user + own.system, ticks / os.sysconf("SC_CLK_TCK")


def copy_of_the_same_rows(connection: Any, backend: int) -> tuple[float, float]:
    """Seconds to COPY the rows that the import made into the same tables, emptied; and the backend's processor time."""
    saved = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            with cursor.copy(f"COPY {table} TO STDOUT") as rows:
                saved[table] = b"".join(rows)
        cursor.execute("SET session_replication_role = replica")  # the ledger, which refers to copies, refuses TRUNCATE
        cursor.execute(f"TRUNCATE {', '.join(TABLES)}, exchange_publishedrecord CASCADE")
        cursor.execute("RESET session_replication_role")
    from django.db import transaction

    def fill() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in TABLES:
                with cursor.copy(f"COPY {table} FROM STDIN") as rows:
                    rows.write(saved[table])

    before = processor_seconds(backend)[2]
    seconds = timed(fill)[0]
    return seconds, processor_seconds(backend)[2] - before


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def generate(path: Path, count: int) -> Path:
    """A deterministic file of MARC21 records, each with two items of Koha."""
    chance = random.Random(7)
    with path.open("wb") as stream:
        for number in range(count):
            stream.write(record(number, chance))
    return path


def record(number: int, chance: random.Random) -> bytes:
    """One record in ISO 2709."""
    language = "rus" if number % 2 else "eng"
    words = WORDS[language].split()

    def pick(kinds: int) -> int:
        """Few come often, many seldom."""
        return int(kinds ** chance.random())

    title = " ".join(chance.choices(words, k=4)).capitalize()
    year = 1950 + number % 75
    fields = [
        ("001", f"b{number}"),
        ("003", "BENCH"),
        ("005", "20260101000000.0"),
        ("008", f"260101s{year}    xx                  {language} d"),
        ("020", f"  \x1fa{isbn(number)}"),
        ("100", f"1 \x1faАвтор{pick(20000)}, А. Б.,\x1fd19{number % 90 + 10}-"),
        ("245", f"10\x1fa{title} :\x1fb{chance.choice(words)} {number} /\x1fcА. Б. Автор ; ред. В. Г. Редактор."),
        ("264", f" 1\x1faМосква :\x1fbИздательство {pick(2000)},\x1fc{year}."),
        ("300", f"  \x1fa{number % 700 + 20} с. :\x1fbил. ;\x1fc22 см"),
        ("490", f"0 \x1faСерия {pick(1000)} ;\x1fv{number % 30}"),
        ("520", f"  \x1fa{' '.join(chance.choices(words, k=40))}."),
        *[("650", f" 4\x1fa{chance.choice(words).capitalize()} {pick(3000)}\x1fxИстория.") for _ in range(3)],
        ("655", f" 4\x1fa{chance.choice(('Роман', 'Учебник', 'Поэзия', 'Справочник'))}."),
        ("700", f"1 \x1faРедактор{pick(5000)}, В. Г.\x1f4edt"),
        *[("952", f"  \x1famain\x1fi{number}-{copy}\x1fo84 {number % 1000}\x1fp9{number:07}{copy}") for copy in (1, 2)],
    ]
    directory, body = "", b""
    for tag, text in fields:
        piece = text.encode() + b"\x1e"
        directory += f"{tag}{len(piece):04}{len(body):05}"
        body += piece
    base = 24 + len(directory) + 1
    leader = f"{base + len(body) + 1:05}nam a22{base:05} i 4500"
    return f"{leader}{directory}\x1e".encode() + body + b"\x1d"


def isbn(number: int) -> str:
    """A valid ISBN-13."""
    digits = f"978{number:09}"
    check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10
    return f"{digits}{check}"


if __name__ == "__main__":
    main()
