"""epptap for Python, by ctypes: one file to copy, nothing to install. Python 3.8 or newer.

    import epptap

    with epptap.Tap('/etc/epptap/epptap.yaml') as tap:
        ticket = tap.begin('ClientX', command)      # before the command is carried out
        tap.end(ticket, response)                   # after it; or, in one: tap.transaction('ClientX', command, response)

Frames are bytes, or text, which is taken as UTF-8; a registrar is text, or None where none is known. epptap.h is the
manual of the calls.

Ownership   Frames are copied before a call returns. A Tap is closed by close() or its with-block, a Stream likewise.
Threads     All calls may come from any thread, and let others run meanwhile. End your threads before close().
Fork        Open after the last fork: in a pre-forking server's hook for a new worker (gunicorn's post_fork, the target
            of a multiprocessing.Process). In a child of the process that opened it every call raises TapError, EFORK.
Errors      TapError. One of begin(), end(), transaction() and server_change() is no reason to fail a command: what was
            lost is counted, and told in the feed. Log it and go on.
"""
import ctypes
import json

ABI = 1
LIBRARY = '/usr/local/lib/epptap/epptap.so'
OK, EINVAL, ECONFIG, EFULL, EFORK, EBUSY, ESTORE, ENOMEM, ETIMEOUT = range(0, -9, -1)

_tap, _stream, _bytes, _size, _int = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
_FUNCTIONS = {
    'version': (ctypes.c_char_p, []),
    'strerror': (ctypes.c_char_p, [_int]),
    'open': (_int, [ctypes.c_char_p, ctypes.POINTER(_tap), ctypes.c_char_p, _size]),
    'transaction': (_int, [_tap, ctypes.c_char_p, _bytes, _size, _bytes, _size]),
    'begin': (_int, [_tap, ctypes.c_char_p, _bytes, _size, ctypes.POINTER(ctypes.c_uint64)]),
    'end': (_int, [_tap, ctypes.c_uint64, _bytes, _size]),
    'server_change': (_int, [_tap, _bytes, _size]),
    'stream_new': (_int, [_tap, ctypes.c_char_p, ctypes.POINTER(_stream)]),
    'stream_client': (_int, [_stream, _bytes, _size]),
    'stream_server': (_int, [_stream, _bytes, _size]),
    'stream_free': (None, [ctypes.POINTER(_stream)]),
    'flush': (_int, [_tap, ctypes.c_uint]),
    'stats': (_int, [_tap, ctypes.c_char_p, ctypes.POINTER(_size)]),
    'reload': (_int, [_tap, ctypes.c_char_p, _size]),
    'close': (None, [ctypes.POINTER(_tap), ctypes.c_uint]),
}
_WHY_SIZE = 2048


class TapError(Exception):
    """A call that was not answered OK: `result` is the answer, the text says it in words."""

    def __init__(self, result, words):
        super().__init__(words)
        self.result = result


def _load(path):
    """The library's functions, once it has said that its ABI is ours."""
    library = ctypes.CDLL(str(path))
    library.epptap_abi.restype = ctypes.c_uint
    if library.epptap_abi() != ABI:
        raise TapError(EINVAL, f'{path}: its ABI is version {library.epptap_abi()}; this file needs {ABI}')
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, f'epptap_{name}')
        function.restype, function.argtypes = result, arguments
    return library


def _encoded(value):
    return value if value is None or isinstance(value, bytes) else \
        value.encode() if isinstance(value, str) else bytes(value)


class Tap:
    """epptap.so, opened with a configuration: one for a process and state_dir."""

    def __init__(self, config, library=LIBRARY):
        self._library = _load(library)
        self._handle = _tap()
        why = ctypes.create_string_buffer(_WHY_SIZE)
        self._check(self._library.epptap_open(str(config).encode(), ctypes.byref(self._handle), why, _WHY_SIZE), why)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    @property
    def version(self):
        """The library's version."""
        return self._library.epptap_version().decode()

    def _check(self, result, why=None):
        if result != OK:
            words = why.value if why and why.value else self._library.epptap_strerror(result)
            raise TapError(result, words.decode(errors='replace'))

    def transaction(self, registrar, command, response):
        """Shows a finished command with its response, before that goes out."""
        command, response = _encoded(command), _encoded(response)
        self._check(self._library.epptap_transaction(self._handle, _encoded(registrar), command, len(command), response,
                                                     len(response)))

    def begin(self, registrar, command):
        """Shows a command that is about to be carried out; the ticket for end()."""
        command, ticket = _encoded(command), ctypes.c_uint64()
        self._check(self._library.epptap_begin(self._handle, _encoded(registrar), command, len(command),
                                               ctypes.byref(ticket)))
        return ticket.value

    def end(self, ticket, response=b''):
        """Shows what came of it; nothing: it was given up, and changed nothing."""
        response = _encoded(response)
        self._check(self._library.epptap_end(self._handle, ticket, response, len(response)))

    def server_change(self, frame):
        """Shows a change that the registry itself made (RFC 8590)."""
        frame = _encoded(frame)
        self._check(self._library.epptap_server_change(self._handle, frame, len(frame)))

    def stream(self, registrar=None):
        """A connection whose bytes are shown; registrar None: its <login> tells."""
        return Stream(self, registrar)

    def flush(self, timeout_ms=2000):
        """Waits until all that was accepted is on disk."""
        self._check(self._library.epptap_flush(self._handle, timeout_ms))

    def stats(self):
        """The counters."""
        size = _size(16384)
        while True:
            room = ctypes.create_string_buffer(size.value)
            result = self._library.epptap_stats(self._handle, room, ctypes.byref(size))
            if result != EINVAL or size.value <= len(room):
                self._check(result)
                return json.loads(room.value)

    def reload(self):
        """Reads the configuration again; if that is wrong, all stays as it was."""
        why = ctypes.create_string_buffer(_WHY_SIZE)
        self._check(self._library.epptap_reload(self._handle, why, _WHY_SIZE), why)

    def close(self, drain_ms=2000):
        """Makes durable, and publishes, what it can in that time. To close again is nothing."""
        self._library.epptap_close(ctypes.byref(self._handle), drain_ms)


class Stream:
    """One EPP connection as raw bytes, from its first one on; close it when the connection ends. Whatever a call raises, go
    on showing the bytes."""

    def __init__(self, tap, registrar=None):
        self._tap, self._handle = tap, _stream()
        tap._check(tap._library.epptap_stream_new(tap._handle, _encoded(registrar), ctypes.byref(self._handle)))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def client(self, data):
        """Bytes from the registrar, before they are passed on."""
        data = _encoded(data)
        self._tap._check(self._tap._library.epptap_stream_client(self._handle, data, len(data)))

    def server(self, data):
        """Bytes to the registrar."""
        data = _encoded(data)
        self._tap._check(self._tap._library.epptap_stream_server(self._handle, data, len(data)))

    def close(self):
        """The connection is closed. To close again is nothing."""
        self._tap._library.epptap_stream_free(ctypes.byref(self._handle))
