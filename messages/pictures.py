"""Pictures for the chat: words and numbers in, PNG bytes out."""

import io

import segno


def qr(text: str) -> bytes:
    """A QR code of ``text`` (an address), dark on white, with its quiet zone: about 500 pixels wide."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=12, border=4)
    return picture.getvalue()
