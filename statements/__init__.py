"""The broker's files: CTP settlement text, monitoring-centre workbooks, CSV with CTP field names, the
register.

``read`` takes bytes and gives records whose sums agree, or raises ``StatementError`` with the line
and the reason. Nothing here opens a file, a database or a socket.
"""

from statements.limits import Limits
from statements.reader import read

__all__ = ["Limits", "read"]
