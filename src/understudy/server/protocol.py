"""The ML-Server protocol as a pure machine: bytes in, messages out. No socket, no clock, no thread.

A request is twelve decimal digits (the length of the message) and the message. ``RequestReader`` says where
the next bytes should go (``room``), is told how many came (``took``), and so lets a socket write straight
into the place where the picture will be used:

    header -> start -> buffer -> body -> complete

In ``start`` the first bytes of the message are read; they show where the picture's bytes begin. In
``buffer`` the machine waits for a piece of memory (``use``), which it fills such that the first picture
lies on a 64-byte boundary, ready for numpy without a copy.
"""

from __future__ import annotations

from understudy.server import messages
from understudy.server.wire import LENGTH, Part, WireError, _Reader, decode_into, encode, varint

HEADER_SIZE = 12
START_SIZE = 4096
ALIGNMENT = 64
MAX_ERROR_TEXT = 600
ONE_SEGMENT = 1400
MAX_ANSWER = 2**31 - 1
PADDING = varint(1000 << 3 | LENGTH) + varint(9) + bytes(9)  # a field that nobody knows, of twelve bytes


class ProtocolError(ValueError):
    """What a client sent is not a request; the text is fit to be shown to it."""


class RequestReader:
    """Reads one request. ``state`` is header, start, buffer, body or complete; ``size`` is known after the
    header, ``received`` counts all bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.received = 0
        self.state = "header"
        self._space = memoryview(bytearray(HEADER_SIZE))
        self._filled = 0

    def room(self) -> memoryview:
        """Where the next bytes belong; empty while memory is awaited and when the request is complete."""
        return self._space[self._filled :] if self.state in ("header", "start", "body") else memoryview(b"")

    def took(self, count: int) -> None:
        """``count`` bytes were written into ``room()``. Raises ``ProtocolError`` when they cannot be a
        request.
        """
        self._filled += count
        self.received += count
        if self._filled == len(self._space):
            self._advance()

    def feed(self, data: Part) -> int:
        """Copy from ``data`` as much as there is room for; the number of bytes taken."""
        view, taken = memoryview(data).cast("B"), 0
        while taken < len(view) and len(space := self.room()):
            count = min(len(space), len(view) - taken)
            space[:count] = view[taken : taken + count]
            taken += count
            self.took(count)
        return taken

    def memory_wanted(self) -> int:
        """How many bytes ``use`` must be given in the state ``buffer``."""
        return self.size + ALIGNMENT

    def use(self, memory: Part) -> None:
        """Give the memory for the message (``memory_wanted()`` writable bytes, 64-byte aligned or not)."""
        if self.state != "buffer":
            raise RuntimeError("no memory is awaited")
        start, view = self._space, memoryview(memory).cast("B")
        at = -picture_offset(start) % ALIGNMENT
        self._space = view[at : at + self.size]
        self._space[: len(start)] = start
        self._filled = len(start)
        self.state = "body"

    def request(self) -> messages.RequestWrapper:
        """The complete request. Pictures are views of the memory. ``ProtocolError`` when it is not one."""
        if self.state != "complete":
            raise ProtocolError("The request is not complete.")
        return parse_request(self._space)

    def _advance(self) -> None:
        if self.state == "header":
            self.size = parse_header(bytes(self._space), self.limit)
            self._space = memoryview(bytearray(min(self.size, START_SIZE)))
            self._filled = 0
            self.state = "start" if self.size else "complete"
        elif self.state == "start" and self.size > len(self._space):
            self.state = "buffer"
        else:
            self.state = "complete"


def parse_header(header: bytes, limit: int) -> int:
    """The length that twelve digits (or leading blanks and digits) claim; ``ProtocolError`` otherwise."""
    digits = header.lstrip(b" ")
    if len(header) != HEADER_SIZE or not digits.isdigit():
        raise ProtocolError("The header is not a length of twelve digits.")
    size = int(digits)
    if size > limit:
        raise ProtocolError(f"The request claims {size} bytes; this server takes up to {limit} bytes.")
    return size


def parse_request(data: Part) -> messages.RequestWrapper:
    """The message of a request; ``ProtocolError`` when the bytes are not one."""
    try:
        return decode_into(messages.RequestWrapper(), data)
    except WireError as error:
        raise ProtocolError(f"The request is not a message of this protocol: {error}.") from None


def picture_offset(start: memoryview) -> int:
    """Where the bytes of the first picture begin, as far as the start of a request shows; else 0."""
    reader, at, end, path = _Reader(start), 0, len(start), (3, 2, 4)
    try:
        for wanted in path:
            at = _find(reader, wanted, at, end)
    except WireError:
        return 0
    return at


def _find(reader: _Reader, wanted: int, at: int, end: int) -> int:
    """Where the content of the field ``wanted`` begins, looking at fields that may be cut off later."""
    while True:
        number, wire, at = reader.tag(at, end)
        if number == wanted and wire == LENGTH:
            return reader.varint(at, end)[1]
        at = reader.skip(number, wire, at, end)


# ---------------------------------------------------------------- answers


def framed(answer: messages.RespondWrapper) -> list[Part]:
    """An answer with its header, as parts to be sent one after the other.

    The header counts what follows it, as many bytes as the compiled plug-in parses. Clients written against
    the original server, whose header counts itself as well, take twelve bytes less: these are an unknown
    field that says nothing, so that both find the whole message.
    """
    parts, size = encode(answer)
    size += len(PADDING)
    if size > MAX_ANSWER - HEADER_SIZE:
        raise ProtocolError("The answer is too large for this protocol (2 GB).")
    whole = [b"%012d" % size + bytes(parts[0]), *parts[1:], PADDING]
    return [b"".join(whole)] if size < ONE_SEGMENT else whole


def error_answer(text: str) -> list[Part]:
    """An answer that the artist sees word for word."""
    short = text if len(text) <= MAX_ERROR_TEXT else text[: MAX_ERROR_TEXT - 3] + "..."
    return framed(messages.RespondWrapper(info=True, error=messages.Error(msg=short)))


def info_answer(models: list[messages.Model]) -> list[Part]:
    """The list of models."""
    return framed(messages.RespondWrapper(info=True, r1=messages.RespondInfo(len(models), models)))


def inference_answer(
    images: list[messages.Image], objects: list[messages.FieldValuePairAttrib]
) -> list[Part]:
    """Pictures, and what a pressed button wants to tell the node."""
    body = messages.RespondInference(num_images=len(images), images=images)
    if objects:
        body.num_objects, body.objects = len(objects), objects
    return framed(messages.RespondWrapper(info=True, r2=body))


def answer_size(parts: list[Part]) -> int:
    """How many bytes go out, header and all."""
    return sum(len(memoryview(part).cast("B")) for part in parts)
