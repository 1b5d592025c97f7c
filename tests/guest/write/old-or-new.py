#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""old-or-new.py DISK MODEL...: is each sector of a disk as in one of the models?"""
import sys

STEP = 1 << 20


def main():
    disk, *models = [open(path, "rb") for path in sys.argv[1:]]
    pos = 0
    while got := disk.read(STEP):
        wanted = [model.read(STEP) for model in models]
        if got not in wanted:
            for i in range(0, len(got), 512):
                sector = got[i:i + 512]
                if all(part[i:i + 512] != sector for part in wanted):
                    sys.exit("the sector at byte %d is %s, not %s" % (
                        pos + i, sector[:16].hex(), " or ".join(
                            part[i:i + 16].hex() for part in wanted)))
        pos += len(got)
    if any(model.read(1) for model in models):
        sys.exit("the disk ends at byte %d" % pos)


if __name__ == "__main__":
    main()
