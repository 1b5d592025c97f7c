# SPDX-License-Identifier: GPL-2.0-only
"""libvhdi through ctypes, so that no FUSE mount and no bindings are needed."""
import ctypes
import ctypes.util
import hashlib

PIECE = 1 << 20


class Failed(Exception):
    """libvhdi would not read the chain."""


def load():
    """The library, or None where it is not installed."""
    try:
        return ctypes.CDLL("libvhdi.so.1")
    except OSError:
        return None


class Chain:
    """A chain of open files, the child first."""

    def __init__(self, paths):
        self._lib = load()
        self._files = []
        try:
            for path in paths:
                self._files.append(self._open(path))
            for child, parent in zip(self._files, self._files[1:]):
                self._call("file_set_parent_file", child, parent)
        except Failed:
            self.close()
            raise

    def _call(self, name, *args):
        function = getattr(self._lib, "libvhdi_" + name)
        function.restype = ctypes.c_ssize_t
        got = function(*args, None) & 0xffffffff
        if got == 0xffffffff:
            raise Failed(name)
        return got

    def _open(self, path):
        handle = ctypes.c_void_p()
        self._call("file_initialize", ctypes.byref(handle))
        self._call("file_open", handle, path.encode(), 1)
        return handle

    def size(self):
        value = ctypes.c_uint64()
        self._call("file_get_media_size", self._files[0],
                   ctypes.byref(value))
        return value.value

    def flat_sha256(self):
        digest = hashlib.sha256()
        piece = ctypes.create_string_buffer(PIECE)
        at, size = 0, self.size()
        while at < size:
            want = min(PIECE, size - at)
            got = self._call("file_read_buffer_at_offset", self._files[0],
                             piece, ctypes.c_size_t(want),
                             ctypes.c_int64(at))
            if not 0 < got <= want:
                raise Failed("short read")
            digest.update(piece.raw[:got])
            at += got
        return digest.hexdigest()

    def close(self):
        for handle in self._files:
            self._lib.libvhdi_file_free(ctypes.byref(handle), None)
        self._files = []


def flat_sha256(paths):
    chain = Chain(paths)
    try:
        return chain.flat_sha256()
    finally:
        chain.close()
