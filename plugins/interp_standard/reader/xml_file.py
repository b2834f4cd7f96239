"""Small XML files from anywhere, read safely: no document type, no entities, a bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers import expat

from interp.errors import InputError

MOST, DEEPEST = 4 << 20, 50
"""Bytes of a file, and nested elements, at most."""


def read_xml(file: Path) -> Element:
    """The outermost element of an XML file.

    Raises InputError for a file that cannot be read, is too large or is no XML, and for one that
    declares a document type, in which entities could be defined that expand without end or name
    other files.
    """
    try:
        size = file.stat().st_size
        if size > MOST:
            raise InputError(f"{file} has {size:,} bytes; expected at most {MOST:,} of XML")
        return _parsed(file.read_bytes())
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check the path") from error
    except (expat.ExpatError, ParseError, LookupError, ValueError, AssertionError) as error:
        raise InputError(f"{file}: expected XML that can be read; found {error}") from error


def _parsed(text: bytes) -> Element:
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} nested elements")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.Parse(text, True)
    return builder.close()


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a document type (<!DOCTYPE), which is not read")
