# SPDX-License-Identifier: GPL-2.0-only
"""What the writers that are to be killed tell the world outside.

Each writer has a file DIRECTORY/steps.N, on the host.  A line there has reached
the host before note() returns.  Lines that begin with "safe" are counted there.
"""
import glob
import os
import sys
import traceback

WRITERS = 2


class Notes:
    def __init__(self, directory, writer):
        self.path = os.path.join(directory, "steps.%d" % writer)

    def note(self, *words):
        # In UML, the kernel hands over what was written at the close.
        with open(self.path, "a", encoding="ascii") as out:
            print(*words, file=out)

    def lines(self):
        if os.path.exists(self.path):
            with open(self.path, encoding="ascii") as text:
                for line in text:
                    yield line.split()


def run_writers(write):
    """write(n) for each writer, in a process of its own; none should end."""
    for writer in range(WRITERS):
        if os.fork() == 0:
            try:
                write(writer)
            except SystemExit as reason:
                print(reason, file=sys.stderr)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(1)


def started(directory):
    """Tell the host that the work has begun, and the kill may come."""
    with open(os.path.join(directory, "writing"), "w", encoding="ascii"):
        pass
    os.wait()
    sys.exit("kill: a writer has ended")
