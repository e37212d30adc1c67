"""How much of somebody else's file is read before it is refused."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one file. ``max_bytes`` is the file as sent; the others bound an unpacked workbook and
    its sheets.

    ``max_ratio`` is unpacked bytes to packed bytes; it is not looked at below one mebibyte unpacked.
    """

    max_bytes: int = 40 * MEBIBYTE
    max_unpacked_bytes: int = 64 * MEBIBYTE
    max_ratio: int = 100
    max_rows: int = 1_000_000
    max_columns: int = 200
