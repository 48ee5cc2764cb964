"""A camera that speaks just enough RTSP to misbehave: answers every request with a status, with bytes, or never."""

from __future__ import annotations

import socketserver
import threading
from typing import Self

from fakes.ports import free_port


class RtspSpeaker:
    """Answers OPTIONS with 200 and everything else with `status`; 0 stands for never. `raw` is sent instead."""

    def __init__(self, status: int = 0, *, raw: bytes = b"", host: str = "127.0.0.1") -> None:
        self.requests: list[str] = []
        """First lines, as they came."""
        self._status = status
        self._raw = raw
        speaker = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                speaker._serve(self)

        self._server = socketserver.ThreadingTCPServer((host, free_port(host)), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"rtsp://{host}:{self._server.server_address[1]}/main"

    def _serve(self, handler: socketserver.StreamRequestHandler) -> None:
        while first := handler.rfile.readline():
            sequence = b"0"
            while (line := handler.rfile.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                if name.lower() == b"cseq":
                    sequence = value.strip()
            self.requests.append(first.decode().strip())
            if self._raw:
                handler.wfile.write(self._raw)
                return
            status = 200 if first.startswith(b"OPTIONS") else self._status
            if status:
                handler.wfile.write(b"RTSP/1.0 %d Said\r\nCSeq: %s\r\n\r\n" % (status, sequence))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
