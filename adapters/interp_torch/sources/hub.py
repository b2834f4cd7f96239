"""Hugging Face's hub, which timm and transformers fetch from: quiet, and without vain waiting."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse
from urllib.request import getproxies


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Without messages of the hub's client; without network only files that are here already.

    Where the hub's address is unknown, its client would retry for a minute and a half.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import logging

    offline, verbosity = constants.HF_HUB_OFFLINE, logging.get_verbosity()
    constants.HF_HUB_OFFLINE = offline or not _reachable(constants.ENDPOINT)
    logging.set_verbosity_error()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        logging.set_verbosity(verbosity)


def _reachable(address: str) -> bool:
    """Whether the address is known here; behind a proxy that is for the proxy to say."""
    if getproxies():
        return True
    try:
        socket.getaddrinfo(urlparse(address).hostname, 443)
    except OSError:
        return False
    return True
