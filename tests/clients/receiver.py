"""A customer's endpoint for the checks of this folder, and a helper for expected errors."""

import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Answers every request with 200 and `ok`, and returns received requests one by one."""

    def __init__(self):
        received = self._received = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                received.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            do_PUT = do_PATCH = do_POST

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/hook"

    def next(self):
        """The headers of the next request, with names in lower case, and its body."""
        return self._received.get(timeout=30)


def expect(error, call):
    """The error that `call` raises."""
    try:
        call()
    except error as raised:
        return raised
    sys.exit(f"no {error.__name__}")
