"""Reading DICOM files with pydicom, an extra: `pip install "interp[dicom]"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError, first_line
from interp.storage.pixel import LoadedImage, check_size, from_array

SUFFIXES = (".dcm", ".dicom")
MARK, AT = b"DICM", 128


def is_dicom(file: Path) -> bool:
    """Whether a file is called like a DICOM file, or begins like one."""
    if file.suffix.lower() in SUFFIXES:
        return True
    with file.open("rb") as opened:
        return opened.read(AT + len(MARK))[AT:] == MARK


def read(file: Path, page: int | None) -> LoadedImage:
    """Frame `page`, from 1, of a DICOM file: rescaled, windowed as the file says, black to white.

    Raises InputError without pydicom and for a file that it cannot read.
    """
    try:
        import pydicom
        from pydicom import pixels
    except ImportError as error:
        raise InputError(
            'DICOM files need pydicom, which is not installed; pip install "interp[dicom]", or '
            "save the image as PNG"
        ) from error
    try:
        found = pydicom.dcmread(file)
        check_size(int(found.Columns), int(found.Rows))
        count = int(found.get("NumberOfFrames", 1) or 1)
        if page is not None and not 1 <= page <= count:
            raise InputError(f"found {count} frames, expected one of them after #")
        values = found.pixel_array
        frame = values[(page or 1) - 1] if count > 1 else values
        read = _colour(found, frame, pixels) if frame.ndim == 3 else _grey(found, frame, pixels)
    except InputError:
        raise
    except Exception as error:  # pydicom raises what its decoders raise
        raise InputError(f"pydicom cannot read it ({first_line(error)})") from error
    first = (f"frame 1 of {count} was read; name another as FILE#2",)
    return LoadedImage(read.pixels, (*(first if page is None and count > 1 else ()), *read.notes))


def _colour(found: Any, values: np.ndarray, pixels: Any) -> LoadedImage:
    kind = str(found.PhotometricInterpretation)
    if kind.startswith("YBR"):
        values = pixels.convert_color_space(values, kind, "RGB")
    return from_array(values)


def _grey(found: Any, values: np.ndarray, pixels: Any) -> LoadedImage:
    """One band, with the window that the file names, else from its darkest to its brightest."""
    rescaled = np.asarray(pixels.apply_modality_lut(values, found), np.float64)
    if "WindowCenter" in found and "WindowWidth" in found:
        centre, width = (_first(found[name].value) for name in ("WindowCenter", "WindowWidth"))
        low, high = centre - width / 2, centre + width / 2
        note = f"the file's window of {low:g} to {high:g} was mapped to 0 to 255"
    else:
        low, high = float(rescaled.min()), float(rescaled.max())
        note = f"the file names no window; its values {low:g} to {high:g} were mapped to 0 to 255"
    share = ((rescaled - low) / ((high - low) or 1.0)).clip(0, 1)
    if found.PhotometricInterpretation == "MONOCHROME1":
        share, note = 1 - share, f"{note}, inverted since the file's white is its lowest value"
    grey = (share * 255).round().astype(np.uint8)
    return LoadedImage(np.repeat(grey[..., None], 3, 2), (note,))


def _first(value: Any) -> float:
    """The first of several windows that a file names."""
    return float(value if isinstance(value, str | int | float) else np.ravel(value)[0])
