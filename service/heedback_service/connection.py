"""What waitress does with a connection, where we want it otherwise."""

from __future__ import annotations

import socket
import time
from typing import Final

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

# What may still come over a connection after a refusal. It is thrown away as it comes, and costs no memory.
DISCARDED_BYTES: Final = 64 * 1024 * 1024
_SMALL_BYTES: Final = 65536  # an answer that a socket takes at once


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Answers 400 to a head with an address or a number that Python's own parsers give up on.

    waitress closes the connection then without an answer, and logs the message, which quotes what was sent.
    """

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.error:
            self.expect_continue = False  # waitress would say "100 Continue" to what it is about to refuse
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # `http://[bad`, or a Content-Length of thousands of digits
            raise ParsingError("Bad address or number") from error


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection whose small answers are sent by the thread that gives them, as waitress means it to be.

    The loop wants to send as well as soon as there is something to be sent, finds that thread at it, and looks again at
    once. When sixteen threads come out of one commit together, that alone took more than everything else (measured:
    1.1 ms a request of 2.3). What the thread could not send is the loop's when the request has ended.

    After a refusal the connection is closed in steps (RFC 9112, 9.6): we say that nothing more comes from us, read on
    until the client has closed, and close then. A socket that is closed while something waits in it to be read resets
    the connection, and the answer is lost to a client that sends all of a body before it reads. Who goes on beyond
    `DISCARDED_BYTES`, or longer than a connection may be quiet, is cut off.
    """

    parser_class = Parser
    _refused = False
    _discarded: int | None = None  # bytes; None as long as we send

    def writable(self) -> bool:
        if self._is_never_read():
            self.handle_close()
            return False
        ending = self.will_close or self.close_when_flushed
        if self.requests and not ending and self.total_outbufs_len < _SMALL_BYTES:
            return False
        return bool(super().writable())

    def _is_never_read(self) -> bool:
        """Whether an answer waits that nobody has taken for so long that waitress wants to close.

        It would do so when the answer is gone, which may be never: a connection held like this would be held for good.
        """
        waits = self.will_close and self.total_outbufs_len and not self.requests
        return bool(waits and time.time() - self.last_activity > self.adj.channel_timeout)

    def service(self) -> None:
        self._refused = self.requests[0].error is not None
        super().service()

    def handle_close(self) -> None:
        if not (self._refused and self._discarded is None and self._stops_sending()):
            super().handle_close()

    def handle_read(self) -> None:
        if self._discarded is None:
            super().handle_read()
            return
        try:
            self._discarded += len(self.recv(_SMALL_BYTES))  # which closes when the client has closed
        except OSError:
            self.handle_close()
        else:
            if self._discarded > DISCARDED_BYTES:
                self.handle_close()

    def _stops_sending(self) -> bool:
        """False: the other side is gone, or we have closed."""
        if self.socket is None:
            return False
        self._discarded = 0
        self.will_close = False
        self.request = None  # the body's end, read as if it were the next request
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True
