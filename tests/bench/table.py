#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Turn fio's reports into the benchmark's table and its verdict.

    table.py count|wall|misses|write|chains DIRECTORY

The reports are DIRECTORY/ROUND.PATH.JOB.json.  In a guest whose clock counts
instructions, a nanosecond is an instruction.  Rounds are repetitions: the table
shows the first, and the spread over all of them is printed beneath.  By the wall
clock the table has the best of them, and beneath is how often a path was ahead of
its rival in the same round, and the median ratio.  Of writes by count the median
counts, since rivals take turns, each turn a round.  Of chains there are figures that
fio does not report, in DIRECTORY/ROUND.figures; the worst of the rounds is judged.
"""
from dataclasses import dataclass
import glob
import json
import os
import statistics
import sys

PATHS = {
    "bare": "the RAM disk itself",
    "linear": "dm-linear on it",
    "block": "dm-vhdx on it, 32 MiB blocks",
    "block-1m": "dm-vhdx on it, 1 MiB blocks, shuffled",
    "file": "a raw file, no block device",
    "loop": "loop, direct I/O, on that file",
    "vhdx": "dm-vhdx on a file, 32 MiB blocks",
    "vhdx-1m": "dm-vhdx on a file, 1 MiB blocks, shuffled",
    "nbd": "qemu-nbd on the same VHDX",
    "block-first-1m": "dm-vhdx on it, empty, 1 MiB blocks",
    "block-first-32m": "dm-vhdx on it, empty, 32 MiB blocks",
    "vhdx-first-1m": "dm-vhdx on an empty file, 1 MiB blocks",
    "vhdx-first-32m": "dm-vhdx on an empty file, 32 MiB blocks",
    "zeroes": "dm-vhdx on a disk with WRITE_ZEROES",
    "zeroes-first-1m": "the same, empty, 1 MiB blocks",
    "loop-first": "loop, direct I/O, on a reserved file",
    "nbd-first": "qemu-nbd on an empty VHDX, 1 MiB blocks",
    "hits": "within 256 MiB: BAT entries are at hand",
    "misses": "over all of it: BAT entries are loaded",
}
PATHS.update({
    f"{kind}-{store}": f"{what}, {where}"
    for store, where in (("block", "on a RAM disk"), ("vhdx", "in a file"))
    for kind, what in (
        ("plain", "an image without a parent"),
        ("child", "a child that has all"),
        ("absent", "a child that has none"),
        ("synced", "a child that has none"),
        ("deep", "16 images, the first has all"),
        ("base", "16 images, the last has all"))})
# Whom a path has to beat, what both are made of, and the limit.
RIVALS = {
    "linear": ("linear", "bare", None),
    "block": ("linear", "bare", 1.05),
    "block-1m": ("linear", "bare", 1.05),
    "loop": ("loop", "file", None),
    "vhdx": ("loop", "file", 1.0),
    "vhdx-1m": ("loop", "file", 1.0),
    "nbd": ("loop", "file", None),
    "block-first-1m": ("block-1m", "bare", None),
    "block-first-32m": ("block", "bare", None),
    "vhdx-first-1m": ("vhdx-1m", "file", None),
    "vhdx-first-32m": ("vhdx", "file", None),
    "zeroes-first-1m": ("zeroes", "bare", None),
}
# Of writes to empty disks: who, and whose writes to full ones they come near.
FIRST = (
    ("block-first-1m", "block-1m"),
    ("block-first-32m", "block"),
    ("vhdx-first-1m", "vhdx-1m"),
    ("vhdx-first-32m", "vhdx"),
    ("zeroes-first-1m", "zeroes"),
)
# Of writes: who, against whom, at what, and the limit.
WRITE_LIMITS = (
    ("block", "linear", "write", 1.05),
    ("block-1m", "linear", "write", 1.05),
    *((path, "loop", job, 1.0) for path in ("vhdx", "vhdx-1m")
      for job in ("write-qd1", "write", "write-batch")),
    *((path, rival, "fill", 1.5) for path, rival in FIRST),
    *((path, "nbd-first", "new", 0.1) for path, _ in FIRST),
    ("vhdx-first-1m", "nbd-first", "fsync", 0.5),
)
# Of chains: who, against whom, at what, and the limit; None if it is only shown.
CHAIN_LIMITS = tuple(
    (f"{path}-{store}", f"{rival}-{store}", job, limit)
    for store in ("block", "vhdx")
    for path, rival, jobs, limit in (
        ("child", "plain", ("write-qd1", "write", "write-batch"), 1.05),
        ("absent", "child", ("write",), 1.5),
        ("deep", "plain", ("qd1", "qd32", "qd32-batch"), 1.1),
        ("base", "plain", ("qd1", "qd32", "qd32-batch"), None))
    for job in jobs)
# The figure, what it is divided by, if by any, its sense, and the limit.
FIGURE_LIMITS = (
    ("flushes-synced-block", None, "at most", 2.05),
    ("flushes-synced-vhdx", None, "at most", 2.05),
    ("snapshot-ms", None, "at most", 10),
    ("merge-rate", "dd-rate", "at least", 0.7),
)
JOBS = {
    "warm": "a child that has none, one write of 4 KiB a MiB, queue depth 32",
    "qd1": "4 KiB random reads, queue depth 1",
    "qd32": "4 KiB random reads, queue depth 32",
    "qd32-batch": "4 KiB random reads, queue depth 32, up to 16 a system call",
    "seq": "1 MiB sequential reads, queue depth 1",
    "write-qd1": "4 KiB random writes, queue depth 1",
    "write-qd32": "4 KiB random writes, queue depth 32",
    "write": "4 KiB random writes, queue depth 32",
    "write-batch":
        "4 KiB random writes, queue depth 32, up to 16 a system call",
    "fill": "an empty disk, each 4 KiB written once, at random, queue depth 32",
    "sparse": "an empty disk, 20 writes of 4 KiB a MiB, at random, depth 32",
    "new": "an empty disk, one write of 4 KiB a MiB, queue depth 32",
    "fsync": "an empty disk, 4 KiB random writes, each with an fsync",
    "misses": "4 KiB random reads of 64 TiB of zeros, queue depth 1",
}
# Reads of 1 MiB are shown, not judged: copying the data is nearly all of them.
JUDGED = ("qd1", "qd32", "qd32-batch")


@dataclass
class Cost:
    """One report: nanoseconds an I/O, and how far the clock can be off."""
    per_io: float
    grain: float


def read_cost(path):
    with open(path, encoding="utf-8") as report:
        job = json.load(report)["jobs"][0]
    read = job["read"] if job["read"]["total_ios"] else job["write"]
    if job["error"] or not read["total_ios"]:
        sys.exit(f"table.py: fio failed, see {path}")
    # fio tells time in milliseconds.
    grain = 1e6 / read["total_ios"]
    return Cost(read["runtime"] * grain, grain)


def read_reports(directory):
    """{(path, job): [cost of each round]}"""
    found = {}
    for name in sorted(glob.glob(os.path.join(directory, "*.json"))):
        _, path, job, _ = os.path.basename(name).split(".")
        found.setdefault((path, job), []).append(read_cost(name))
    return found


def rival_costs(costs, rival, job):
    """Of a disk that is full: it is overwritten, whatever the path does."""
    return costs.get((rival, job)) or costs.get((rival, "write"))


def ratio_text(costs, path, job):
    """The ratio to the rival, of all and of what is above the storage."""
    rival, below, _ = RIVALS.get(path, (None, None, None))
    other = rival_costs(costs, rival, job)
    if not other or rival == path:
        return "", ""
    mine, theirs = costs[path, job][0].per_io, other[0].per_io
    whole = f"{mine / theirs:.3f} x {rival}"
    # Of a copy of 1 MiB the grain of the clock is more than what is left.
    if (below, job) not in costs or job not in JUDGED:
        return whole, ""
    base = costs[below, job][0].per_io
    return whole, f"{(mine - base) / (theirs - base):.3f}"


def print_table(costs, wall):
    unit = "ns per I/O" if wall else "instructions/IO"
    for job, title in JOBS.items():
        if not any((path, job) in costs for path in PATHS):
            continue
        print(f"\n{title}")
        head = "" if wall else "net of storage"
        print(f"  {'':42} {unit:>17}  {'ratio':14}  {head}".rstrip())
        for path, title in PATHS.items():
            if (path, job) not in costs:
                continue
            cost = costs[path, job][0]
            whole, net = ratio_text(costs, path, job)
            net = "" if wall else net
            print(f"  {title:42} {cost.per_io:17.0f}  {whole:14}  {net}"
                  .rstrip())


def print_spread(costs):
    """What repetitions differ by, at most."""
    if max(map(len, costs.values()), default=0) < 2:
        return
    worst = max(costs, key=lambda key: spread(costs[key]))
    print(f"\nrepeated {len(costs[worst])} times: figures differ by at most "
          f"{100 * spread(costs[worst]):.2f} % ({worst[0]}, {worst[1]}); the "
          f"clock's grain is {max(grain(c) for c in costs.values()):.2f} %")


def spread(rounds):
    values = [cost.per_io for cost in rounds]
    return (max(values) - min(values)) / min(values)


def median(rounds):
    return Cost(statistics.median(cost.per_io for cost in rounds),
                rounds[0].grain)


def best(rounds):
    return min(rounds, key=lambda cost: cost.per_io)


# Which of its rounds stands for a path, if not the first.
PICK = {"wall": best, "write": median}


def print_turns(costs):
    print("\nturns ahead, and the median ratio")
    for (path, job), rounds in costs.items():
        rival = RIVALS.get(path, (None,))[0]
        if rival == path or (rival, job) not in costs:
            continue
        ratios = [mine.per_io / theirs.per_io for mine, theirs in
                  zip(rounds, costs[rival, job])]
        print(f"  {path + ', ' + job:42} "
              f"{sum(ratio < 1 for ratio in ratios):6} of {len(ratios)}  "
              f"{statistics.median(ratios):.2f} x {rival}")


def grain(rounds):
    return 100 * rounds[0].grain / rounds[0].per_io


def judge(costs):
    """Print a verdict for each limit; returns how many are missed."""
    missed = 0
    print()
    for job in JUDGED:
        for path, (rival, _, limit) in RIVALS.items():
            if limit is None or (path, job) not in costs:
                continue
            if (rival, job) not in costs:
                print(f"FAIL {path} {job}: {rival} was not measured")
                missed += 1
                continue
            # The worst of the rounds, not the best.
            ratio = max(mine.per_io / theirs.per_io for mine, theirs in
                        zip(costs[path, job], costs[rival, job]))
            good = ratio < limit if limit == 1.0 else ratio <= limit
            word = "below" if limit == 1.0 else "at most"
            print(f"{'PASS' if good else 'FAIL'} {path} {job}: "
                  f"{ratio:.3f} x {rival}, wanted {word} {limit:.2f}")
            missed += not good
    return missed


def judge_writes(costs):
    """Print a verdict for each limit; returns how many are missed."""
    missed = 0
    print()
    for path, rival, job, limit in WRITE_LIMITS:
        theirs = rival_costs(costs, rival, job)
        if (path, job) not in costs or not theirs:
            continue
        ratio = costs[path, job][0].per_io / theirs[0].per_io
        good = ratio < limit if limit == 1.0 else ratio <= limit
        print(f"{'PASS' if good else 'FAIL'} {path} {job}: {ratio:.3f} x "
              f"{rival}, wanted at most {limit:.2f}")
        missed += not good
    return missed


def read_figures(directory):
    """{name: [value of each round]}"""
    found = {}
    for path in sorted(glob.glob(os.path.join(directory, "*.figures"))):
        with open(path, encoding="ascii") as lines:
            for name, value in map(str.split, lines):
                found.setdefault(name, []).append(float(value))
    return found


def judge_chains(costs, figures):
    """Print a verdict for each limit; returns how many are missed."""
    missed = 0
    print()
    for path, rival, job, limit in CHAIN_LIMITS:
        if (path, job) not in costs or (rival, job) not in costs:
            continue
        ratio = costs[path, job][0].per_io / costs[rival, job][0].per_io
        if limit is None:
            print(f"     {path} {job}: {ratio:.3f} x {rival}")
            continue
        print(f"{'PASS' if ratio <= limit else 'FAIL'} {path} {job}: "
              f"{ratio:.3f} x {rival}, wanted at most {limit:.2f}")
        missed += ratio > limit
    for name, other, sense, limit in FIGURE_LIMITS:
        if name not in figures:
            continue
        values = [mine / theirs for mine, theirs in
                  zip(figures[name], figures.get(other, ()))] \
            if other else figures[name]
        value = max(values) if sense == "at most" else min(values)
        good = value <= limit if sense == "at most" else value >= limit
        print(f"{'PASS' if good else 'FAIL'} {name}: {value:.2f}"
              f"{' x ' + other if other else ''}, wanted {sense} {limit}")
        missed += not good
    return missed


def main(mode, directory):
    costs, figures = read_reports(directory), read_figures(directory)
    if not costs and not figures:
        sys.exit(f"table.py: no reports in {directory}")
    pick = PICK.get(mode, lambda rounds: rounds[0])
    shown = {key: [pick(rounds)] for key, rounds in costs.items()}
    print_table(shown, mode == "wall")
    if mode == "wall":
        print_turns(costs)
        return 0
    print_spread(costs)
    if mode == "write":
        return judge_writes(shown)
    if mode == "chains":
        return judge_chains(shown, figures)
    return judge(costs) if mode == "count" else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(1 if main(*sys.argv[1:]) else 0)
