"""The design of the original description: python3-ws4py from Debian, as its users write it.

ws4py_server.py PORT BYTES FPS

wsgiref's server with a WebSocketManager, and a thread that broadcasts; TCP on the loopback, because
wsgiref has no Unix sockets. PORT 0 takes a free one; it is written to standard output.
"""
import resource
import sys
import threading
import time
from wsgiref.simple_server import make_server

from ws4py.server.wsgirefserver import WebSocketWSGIRequestHandler, WSGIServer
from ws4py.server.wsgiutils import WebSocketWSGIApplication
from ws4py.websocket import WebSocket


class Handler(WebSocketWSGIRequestHandler):
    def log_message(self, *args):
        pass


class Server(WSGIServer):
    request_queue_size = 128


def broadcast(manager, size, fps):
    begin = time.monotonic()
    count = 0
    while True:
        stamp = b'nalcast bench 01%016x%08x' % (time.monotonic_ns() // 1000, count)  # see stamp.h
        manager.broadcast(stamp.ljust(size, b'\0'), binary=True)
        count += 1
        time.sleep(max(0, begin + count / fps - time.monotonic()))


def main():
    port, size, fps = (int(word) for word in sys.argv[1:])
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    server = make_server('127.0.0.1', port, server_class=Server, handler_class=Handler,
                         app=WebSocketWSGIApplication(handler_cls=WebSocket))
    server.initialize_websockets_manager()
    print(server.server_port, flush=True)
    threading.Thread(target=broadcast, args=(server.manager, size, fps), daemon=True).start()
    server.serve_forever()


main()
