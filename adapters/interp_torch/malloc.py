"""Settings of glibc's malloc that make forward passes on a CPU faster."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
NEVER_TRIM = (1 << 31) - 1  # mallopt takes a C int


def keep_freed_memory() -> bool:
    """Let glibc reuse large freed blocks instead of returning them; False where there is no glibc.

    A network's activations are allocated and freed with every pass. By default glibc maps each
    anew, and the page faults take longer than the arithmetic.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    options = ((M_MMAP_THRESHOLD, 1 << 30), (M_TRIM_THRESHOLD, NEVER_TRIM), (M_TOP_PAD, 1 << 26))
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(option, value) for option, value in options)
