"""Recognition of DICOM objects, without pydicom."""

_VRS = (b"UL", b"OB", b"CS", b"UI", b"DA", b"TM", b"SH", b"LO", b"DT")
"""VRs that begin an object without a preamble, in groups 0002 and 0008."""


def recognizes(head: bytes) -> bool:
    """Return whether a file that begins with `head` (132 bytes or more) is a DICOM object.

    Old ones lack the preamble with DICM and begin with an element of group 0002 or 0008.
    """
    if head[128:132] == b"DICM":
        return True
    if head[:2] in (b"\2\0", b"\b\0") and head[3:4] == b"\0":
        explicit = head[4:6] in _VRS
        implicit = head[6:8] == b"\0\0" and 0 < int.from_bytes(head[4:6], "little") <= 64
        return explicit or implicit
    return head[:2] == b"\0\b" and head[2:3] == b"\0" and head[4:6] in _VRS
