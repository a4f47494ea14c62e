"""Connection to a database server that a test can cut.

It runs in a separate process, because ml-metadata's client holds Python's lock while it waits for
the server.
"""

import contextlib
import socket
import subprocess
import sys
import threading
import urllib.parse


class Relay:
    """Passes bytes between its own port and a server.

    Args:
        connection: String. URL of the server; the relay's `connection` leads through it.
    """

    def __init__(self, connection):
        url = urllib.parse.urlsplit(connection)
        self._process = subprocess.Popen(
            [sys.executable, __file__, url.hostname, str(url.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        port = self._process.stdout.readline().strip()
        self.connection = connection.replace(f":{url.port}/", f":{port}/")

    def cut(self):
        """Ends all current connections; new ones can be made."""
        self._process.stdin.write("cut\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def close(self):
        """Ends the process."""
        self._process.communicate(timeout=10)


def main(host, port):
    """Prints the relay's port, then obeys commands line by line until there are no more."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    lines = []
    start_thread(accept, listener, (host, int(port)), lines)
    for _ in sys.stdin:
        while lines:
            with contextlib.suppress(OSError):  # it may have ended on its own
                lines.pop().shutdown(socket.SHUT_RDWR)
        print("done", flush=True)


def accept(listener, address, lines):
    """Connects every client to the server."""
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(address)
        lines.append(server)
        start_thread(pass_on, client, server)
        start_thread(pass_on, server, client)


def pass_on(source, target):
    """Forwards bytes until one side ends."""
    with contextlib.suppress(OSError):  # when the other direction ended first
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


def start_thread(function, *arguments):
    """Starts a thread that ends with the process."""
    threading.Thread(target=function, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
