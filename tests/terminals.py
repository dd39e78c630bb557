"""What a program said to a terminal."""

import contextlib
import os


def all_of(handle):
    """Return what came through a terminal whose other end is closed, and close it.

    One read is not enough: a terminal hands its text on in pieces, and later.
    """
    said = b""
    # An error is how Linux says that this is the end.
    with os.fdopen(handle, "rb", buffering=0) as it, contextlib.suppress(OSError):
        while piece := it.read(2**16):
            said += piece
    return said.decode()
