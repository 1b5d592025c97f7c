# SPDX-License-Identifier: GPL-2.0-only
"""TAP for the Python tests, with the project's closing count line."""
import os
import sys
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; says why."""


class Lack(Skip):
    """A skip for want of what scripts/deps installs: fails with $TAP_DEPS."""


class Tap:
    """Numbers the tests, prints them, remembers what failed."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        print("TAP version 13", flush=True)

    @property
    def _number(self):
        return self.passed + self.failed + self.skipped

    def ok(self, condition, name, why=""):
        """One result; `why` is shown when it is bad."""
        self.passed += bool(condition)
        self.failed += not condition
        print(f"{'ok' if condition else 'not ok'} {self._number} - {name}",
              flush=True)
        if not condition and why:
            for line in str(why).splitlines():
                print("# " + line, flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"ok {self._number} - {name} # SKIP {why}", flush=True)

    def run(self, name, test):
        """A test that returns "" (good) or what is wrong, or raises."""
        try:
            why = test()
        except Skip as skip:
            if isinstance(skip, Lack) and os.environ.get("TAP_DEPS"):
                self.ok(False, name, skip)
            else:
                self.skip(name, skip)
        except Exception:       # pylint: disable=broad-except
            self.ok(False, name, traceback.format_exc())
        else:
            self.ok(not why, name, why)

    def finish(self):
        """Print the plan and the counts; the exit status for the shell."""
        print(f"1..{self._number}")
        print(f"{self.passed} passed, {self.failed} failed, "
              f"{self.skipped} skipped")
        sys.stdout.flush()
        return 1 if self.failed or not self.passed else 0
