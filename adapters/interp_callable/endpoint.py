"""A model behind an HTTP address: batches are sent by POST, scores come back."""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

import numpy as np

from interp.errors import ModelError, first_line, nearest

NPY, JSON = "application/x-npy", "application/json"
MAGIC = b"\x93NUMPY"
"""How the bytes of an .npy file begin."""
BUSY = (429, 502, 503, 504)
"""Status codes after which the same request may succeed."""
OTHER_FORM = (400, 406, 415, 422, 500)
"""Status codes of a server that may expect the other format."""
PAUSE = 0.25
"""Seconds before the first retry; each next one waits twice as long."""
SHOWN = 120
"""Characters of a server's text that an error shows."""


class StatusError(Exception):
    """A server's answer that is no success: its code, and its text in a line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(eq=False)
class Endpoint:
    """An address that answers a batch of images with scores, through one kept connection."""

    address: SplitResult
    format: str | None = None
    """npy or json; None: npy, and json where the server refuses npy."""
    timeout: float = 60.0
    """Seconds without a sign of life after which a request has failed."""
    retries: int = 2
    classes_: tuple[str, ...] | None = None
    """Class names, where the server's answer gives them."""
    _connection: http.client.HTTPConnection | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def name(self) -> str:
        """The address without scheme and settings."""
        query = f"?{self.address.query}" if self.address.query else ""
        return f"{self.address.netloc}{self.address.path}{query}"

    def __call__(self, images: np.ndarray) -> Any:
        """What the server answers to images (N, ...); ModelError in one line where it fails."""
        with self._lock:
            try:
                return self._negotiated(images)
            except StatusError as error:
                raise ModelError(f"{self.name} answers {error}") from error

    def _negotiated(self, images: np.ndarray) -> Any:
        if self.format is not None:
            return self._ask(images, self.format)
        try:
            found = self._ask(images, "npy")
            self.format = "npy"
            return found
        except StatusError as error:
            if error.status not in OTHER_FORM:
                raise
            try:
                found = self._ask(images, "json")
            except StatusError as other:
                text = f"{error} to npy, and {other} to JSON"
                raise StatusError(error.status, text) from other
            self.format = "json"
            return found

    def _ask(self, images: np.ndarray, form: str) -> Any:
        body = to_npy(images) if form == "npy" else to_json(images)
        kind = NPY if form == "npy" else JSON
        return self._read(self._send(body, kind))

    def _send(self, body: bytes, kind: str) -> bytes:
        """The body of the answer, after retries; raises StatusError or ModelError."""
        for attempt in range(self.retries + 1):
            try:
                return self._post(body, kind)
            except StatusError as error:
                self._close()
                if error.status not in BUSY or attempt == self.retries:
                    raise
            except (OSError, http.client.HTTPException) as error:
                self._close()
                if isinstance(error, ssl.SSLError) or attempt == self.retries:
                    raise ModelError(f"{self.name} {self._reason(error)}") from error
            time.sleep(PAUSE * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _post(self, body: bytes, kind: str) -> bytes:
        """One request; a kept connection that the server has closed meanwhile is opened anew."""
        if self._connection is not None:
            try:
                return self._request(self._connection, body, kind)
            except TimeoutError:
                raise
            except (OSError, http.client.HTTPException):
                self._close()
        kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        host, port = self.address.hostname or "", self.address.port
        self._connection = kinds[self.address.scheme](host, port, timeout=self.timeout)
        return self._request(self._connection, body, kind)

    def _request(self, connection: http.client.HTTPConnection, body: bytes, kind: str) -> bytes:
        query = f"?{self.address.query}" if self.address.query else ""
        headers = {"Content-Type": kind, "Accept": f"{NPY}, {JSON}"}
        connection.request("POST", f"{self.address.path or '/'}{query}", body, headers)
        _acknowledge_at_once(connection)
        with connection.getresponse() as response:
            _acknowledge_at_once(connection)
            content = response.read()
        if not 200 <= response.status < 300:
            text = _line(content) or "without a reason"
            raise StatusError(response.status, f"{response.status} {response.reason}: {text}")
        return content

    def _read(self, content: bytes) -> Any:
        """The scores in a server's answer: an .npy file, {"scores": ...} or the bare lists."""
        try:
            if content.startswith(MAGIC):
                return np.load(io.BytesIO(content), allow_pickle=False)
            found = json.loads(content)
        except ValueError as error:
            raise ModelError(
                f"{self.name} answers {_line(content)!r}; "
                'expected {"scores": [[...]]} in JSON, or an .npy file'
            ) from error
        if isinstance(found, dict):
            if "scores" not in found:
                keys = ", ".join(map(str, found)) or "nothing"
                raise ModelError(f'{self.name} answers JSON with {keys}; expected the key "scores"')
            listed = found.get("classes")
            self.classes_ = tuple(map(str, listed)) if isinstance(listed, list) else self.classes_
            found = found["scores"]
        return found

    def _reason(self, error: Exception) -> str:
        """Why no answer came, as the rest of a sentence that begins with the address."""
        if isinstance(error, TimeoutError):
            return f"gives no answer within {self.timeout:g} s; allow more with #timeout=SECONDS"
        if isinstance(error, ConnectionRefusedError):
            return "refuses the connection; start the server, or check host and port"
        if isinstance(error, socket.gaierror):
            return f"is not found ({error.strerror}); check the host's name"
        if isinstance(error, ssl.SSLError):
            return f"cannot be trusted or speaks no TLS ({first_line(error)}); check the address"
        return f"breaks the connection off ({type(error).__name__}: {first_line(error)})"

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@lru_cache(maxsize=64)
def open_endpoint(url: str) -> Endpoint:
    """The endpoint at an address, with settings behind a hash: `http://...#format=json&timeout=5`.

    Nothing is sent yet. An address that is opened again shares the connection, since a server of
    one thread would never answer on a second one. Raises ModelError for an address or a setting
    that cannot be used.
    """
    address = urlsplit(url)
    try:
        usable = bool(address.hostname) and address.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ModelError(
            f"found {url!r}; expected an address such as http://127.0.0.1:8000/predict"
        )
    if "@" in address.netloc:
        raise ModelError(
            f"found a name or password in the address of {address.hostname}; it would stand in "
            "every report: leave it out, and let a local proxy add it"
        )
    return Endpoint(address, **_settings(address.fragment))


def _settings(text: str) -> dict[str, Any]:
    """`format=json&timeout=5&retries=0` as fields of Endpoint."""
    known: dict[str, Callable[[str], Any]] = {
        "format": _format,
        "timeout": _seconds,
        "retries": _count,
    }
    found: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        if key not in known:
            raise ModelError(f"an address has no setting {key!r}; {nearest(key, known)}")
        try:
            found[key] = known[key](value)
        except (ValueError, OverflowError) as error:
            raise ModelError(f"found #{key}={value}; expected {WANTED[key]}") from error
    return found


WANTED = {"format": "npy or json", "timeout": "seconds, as 30", "retries": "a whole number, as 2"}


def _format(text: str) -> str:
    if text not in ("npy", "json"):
        raise ValueError(text)
    return text


def _seconds(text: str) -> float:
    if not 0 < float(text) < 1e6:
        raise ValueError(text)
    return float(text)


def _count(text: str) -> int:
    if int(text) < 0:
        raise ValueError(text)
    return int(text)


def to_npy(images: np.ndarray) -> bytes:
    """An array as the bytes of an .npy file."""
    held = io.BytesIO()
    np.save(held, images, allow_pickle=False)
    return held.getvalue()


def to_json(images: np.ndarray) -> bytes:
    """{"images": nested lists} of an array; fractions are rounded to six digits."""
    plain = images if images.dtype == np.uint8 else np.round(images.astype(np.float64), 6)
    return json.dumps({"images": plain.tolist()}, separators=(",", ":")).encode()


def _acknowledge_at_once(connection: http.client.HTTPConnection) -> None:
    """Acknowledge packets without delay, on Linux.

    A server that writes head and body of its answer in two small packets waits for the first to be
    acknowledged, by default 40 ms later. Linux forgets the option now and then, so it is set before
    the head is read and once more, which acknowledges it, before the body is.
    """
    if hasattr(socket, "TCP_QUICKACK") and connection.sock is not None:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _line(content: bytes) -> str:
    """The beginning of a server's text, in a line."""
    return " ".join(content[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN]
