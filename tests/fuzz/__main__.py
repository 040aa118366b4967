"""The command ``python -m tests.fuzz``."""

import argparse
import sys

from .search import PARTS, search


def main():
    """Run the parts for so many seconds, print figures; exit status 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all parts together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--count", type=int, default=10**6, help="so many cases of each part")
    parser.add_argument("--case", type=int, help="this case alone")
    parser.add_argument("--only", choices=tuple(PARTS), action="append")
    parser.add_argument("--no-shrink", action="store_true", help="cases as they were drawn")
    given = parser.parse_args()
    parts = given.only or list(PARTS)
    reports = []
    for part in parts:
        numbers = range(given.first, given.first + given.count)
        if given.case is not None:
            numbers = [given.case]
        report = search(part, given.seed, given.seconds / len(parts), numbers, not given.no_shrink)
        print(report, flush=True)
        reports.append(report)
    sys.exit(any(report.wrong for report in reports))


if __name__ == "__main__":
    main()
