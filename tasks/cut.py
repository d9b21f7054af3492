"""Cut one field out of a message that holds several: a GRIB2 message of its own, without decoding a value.

ecCodes gives the second field of a message only after a switch that is global to the process
(codes_grib_multi_support_on), which threads cannot share. Sections 2 to 7 may repeat; what is not repeated holds on
(WMO Manual on Codes I.2, regulation 92.1.3).
"""

from __future__ import annotations

from tasks.errors import MessageError
from tasks.grib import END, HEAD, message_length

_SAME_BITMAP = 254


def single_field(message: bytes, number: int) -> bytes:
    """The field `number` (from 0) of a whole GRIB2 message as a message of its own; raises MessageError.

    A GRIB1 message holds one field and is returned as it is.
    """
    if message[7:8] == b"\x01":
        return message
    if message_length(message[:HEAD]) != len(message) or message[-len(END) :] != END:
        raise MessageError(f"a GRIB message of {len(message)} bytes does not end where it says")
    sections: dict[int, bytes] = {}
    bitmap: bytes | None = None
    position, fields = HEAD, 0
    while position < len(message) - len(END):
        size, kind = int.from_bytes(message[position : position + 4], "big"), message[position + 4]
        if size < 5 or position + size > len(message) - len(END):
            raise MessageError(f"section {kind} of a GRIB message claims {size} bytes")
        section = message[position : position + size]
        position += size
        if kind == 6 and section[5:6] == bytes([_SAME_BITMAP]):
            if bitmap is None:
                raise MessageError("a GRIB message refers to a bitmap it does not hold")
            section = bitmap
        elif kind == 6 and section[5:6] == b"\x00":
            bitmap = section
        sections[kind] = section
        if kind == 7:
            if fields == number:
                return _message(message[:HEAD], sections)
            fields += 1
    raise MessageError(f"a GRIB message holds {fields} fields, not {number + 1}")


def _message(head: bytes, sections: dict[int, bytes]) -> bytes:
    body = b"".join(sections[kind] for kind in sorted(sections))
    return head[:8] + (HEAD + len(body) + len(END)).to_bytes(8, "big") + body + END
