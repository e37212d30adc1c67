"""One way in for every file of the broker: finds out what it is, reads it whole, or says why not."""

from hashlib import sha256

from domain.settlement import ParsedFile
from statements import ctp_sums, ctp_text
from statements.cfmmc import SUMMARY_SHEETS, is_monitoring_workbook, read_monitoring_workbook
from statements.ctp_csv import looks_like_ctp_csv, read_csv
from statements.encoding import decode
from statements.limits import Limits
from statements.reasons import refuse
from statements.workbook import read_workbook

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DEFAULT = Limits()


def read(name: str, data: bytes, *, limits: Limits = _DEFAULT) -> ParsedFile:
    """The records of a file, or StatementError with the line and the reason.

    The bytes decide what the file is; ``name`` is never opened and never trusted.
    """
    if not data.strip():
        raise refuse("empty")
    if len(data) > limits.max_bytes:
        raise refuse("too_large", size=str(len(data)), limit=str(limits.max_bytes))
    if data.startswith(_OLE):
        raise refuse("old_xls")
    if data.startswith(_ZIP):
        return _from_workbook(data, limits)
    text, encoding = decode(data)
    if looks_like_ctp_csv(text[:20_000]):
        del text
        return read_csv(data, encoding, limits)
    if ctp_text.looks_like_a_statement(text):
        return _from_text(text, data)
    raise refuse("not_a_statement")


def _from_workbook(data: bytes, limits: Limits) -> ParsedFile:
    sheets = read_workbook(data, limits)
    if not is_monitoring_workbook(sheets):
        raise refuse("no_sheet", sheet=SUMMARY_SHEETS[0])
    return read_monitoring_workbook(sheets, data)


def _from_text(text: str, data: bytes) -> ParsedFile:
    statements = ctp_text.statements_of(text)
    for statement in statements:
        ctp_sums.check(statement)
    records = tuple(ctp_text.record_of(statement) for statement in statements)
    positions = tuple(position for statement in statements for position in ctp_text.positions_of(statement))
    trades = tuple(trade for statement in statements for trade in ctp_text.trades_of(statement))
    return ParsedFile(
        format="ctp-text",
        day=max(record.day for record in records),
        records=records,
        positions=positions,
        trades=trades,
        rejected=(),
        sha256=sha256(data).hexdigest(),
        notes=tuple(found for statement in statements for found in statement.notes),
    )
