# SPDX-License-Identifier: GPL-2.0-only
"""Devices of the device mapper by libdevmapper, since a process for each step
takes longer in a guest than the step.  There is no udev in a guest."""
import atexit
import ctypes
import os

CREATE, REMOVE, SUSPEND, RESUME, STATUS, TARGET_MSG = 0, 2, 4, 5, 10, 17
LIB = ctypes.CDLL("libdevmapper.so.1.02.1", use_errno=True)
LIB.dm_task_create.restype = ctypes.c_void_p
LIB.dm_get_next_target.restype = ctypes.c_void_p
LOGGER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_int,
                          ctypes.c_int, ctypes.c_char_p)
# Refusals are what is expected; the kernel says why.
SILENT = LOGGER(lambda *_: None)
LIB.dm_log_with_errno_init(SILENT)
# The library says things when the interpreter is gone.
atexit.register(LIB.dm_log_with_errno_init, None)
LIB.dm_udev_set_sync_support(0)


class _Task:
    """One ioctl."""

    def __init__(self, kind, name):
        self.task = ctypes.c_void_p(LIB.dm_task_create(kind))
        LIB.dm_task_set_name(self.task, name.encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        LIB.dm_task_destroy(self.task)

    def table(self, sectors, target, params, read_only):
        LIB.dm_task_add_target(self.task, ctypes.c_uint64(0),
                               ctypes.c_uint64(sectors), target.encode(),
                               params.encode())
        if read_only:
            LIB.dm_task_set_ro(self.task)

    def run(self):
        if not LIB.dm_task_run(self.task):
            err = LIB.dm_task_get_errno(self.task)
            raise OSError(err, os.strerror(err))
        LIB.dm_task_update_nodes()


def create(name, sectors, target, params, read_only=False):
    """The device's path; OSError if the table is refused."""
    with _Task(CREATE, name) as task:
        task.table(sectors, target, params, read_only)
        task.run()
    return "/dev/mapper/" + name


def _simple(kind):
    def act(name):
        with _Task(kind, name) as task:
            task.run()
    return act


remove = _simple(REMOVE)
suspend = _simple(SUSPEND)
resume = _simple(RESUME)


def status(name):
    """The words of the only target."""
    with _Task(STATUS, name) as task:
        task.run()
        start, length = ctypes.c_uint64(), ctypes.c_uint64()
        kind, params = ctypes.c_char_p(), ctypes.c_char_p()
        LIB.dm_get_next_target(task.task, None, ctypes.byref(start),
                               ctypes.byref(length), ctypes.byref(kind),
                               ctypes.byref(params))
        return params.value.decode().split()


def message(name, text):
    with _Task(TARGET_MSG, name) as task:
        LIB.dm_task_set_sector(task.task, ctypes.c_uint64(0))
        LIB.dm_task_set_message(task.task, text.encode())
        task.run()
