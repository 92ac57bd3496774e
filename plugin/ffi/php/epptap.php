<?php
/**
 * epptap for PHP, by its FFI: one file to copy. PHP 8.1 or newer with ffi.enable=1; "preload", the default, allows it to
 * programs of the command line, which servers on Swoole are.
 *
 *     $tap = new Epptap\Tap('/etc/epptap/epptap.yaml');
 *     $ticket = $tap->begin($login, $command);   // before the command is carried out
 *     $tap->end($ticket, $response);             // after it; or, in one: $tap->transaction($login, $command, $response)
 *
 * A registrar is null where none is known. epptap.h is the manual of the calls.
 *
 * Ownership   Frames are copied before a call returns. A tap is closed by close(), or when nothing refers to it, a stream
 *             likewise.
 * Fork        Open after the last fork: in Swoole's WorkerStart, or in the child of pcntl_fork(). In a child of the process
 *             that opened it every call throws, EFORK.
 * Coroutines  A call never yields: another coroutine may run between begin() and end(), but not within a call. With
 *             `durability: wait` in the configuration begin(), transaction() and server_change() hold up the whole worker
 *             until the change is on disk.
 * Errors      Calls throw Epptap\TapException, whose getCode() is the answer and getMessage() says it in words. One of
 *             begin(), end(), transaction() and serverChange() is no reason to fail a command: what was lost is counted,
 *             and told in the feed. Log it and go on.
 */
declare(strict_types=1);

namespace Epptap;

const ABI = 1;
const LIBRARY = '/usr/local/lib/epptap/epptap.so';
const OK = 0, EINVAL = -1, ECONFIG = -2, EFULL = -3, EFORK = -4, EBUSY = -5, ESTORE = -6, ENOMEM = -7, ETIMEOUT = -8;

/** What epptap.h declares, as `cc -E -P` leaves it, but for its enum: a test of epptap's holds the two together. */
const DECLARATIONS = <<<'C'
struct epptap;
unsigned epptap_abi(void);
const char *epptap_version(void);
const char *epptap_strerror(int result);
int epptap_open(const char *config, struct epptap **tap, char *why, size_t why_size);
int epptap_transaction(struct epptap *tap, const char *registrar, const void *command,
                       size_t command_size, const void *response, size_t response_size);
int epptap_begin(struct epptap *tap, const char *registrar, const void *command,
                 size_t command_size, uint64_t *ticket);
int epptap_end(struct epptap *tap, uint64_t ticket, const void *response, size_t response_size);
int epptap_server_change(struct epptap *tap, const void *frame, size_t size);
struct epptap_stream;
int epptap_stream_new(struct epptap *tap, const char *registrar, struct epptap_stream **stream);
int epptap_stream_client(struct epptap_stream *stream, const void *bytes, size_t size);
int epptap_stream_server(struct epptap_stream *stream, const void *bytes, size_t size);
void epptap_stream_free(struct epptap_stream **stream);
int epptap_flush(struct epptap *tap, unsigned timeout_ms);
int epptap_stats(struct epptap *tap, char *json, size_t *size);
int epptap_reload(struct epptap *tap, char *why, size_t why_size);
void epptap_close(struct epptap **tap, unsigned drain_ms);
C;

/** A call that was not answered OK. */
final class TapException extends \RuntimeException
{
}

/** Fails unless the result is OK: with what stands in `why`, if anything does. */
function check(\FFI $library, int $result, ?\FFI\CData $why = null): void
{
    if ($result !== OK) {
        $words = $why === null ? '' : \FFI::string($why);
        throw new TapException($words !== '' ? $words : $library->epptap_strerror($result), $result);
    }
}

/** epptap.so, opened with a configuration: one for a process and state_dir. */
final class Tap
{
    private const WHY_SIZE = 2048;
    private static array $libraries = [];
    private readonly \FFI $library;
    private readonly \FFI\CData $handle; // struct epptap *

    public function __construct(string $config, string $library = LIBRARY)
    {
        $this->library = self::load($library);
        $this->handle = $this->library->new('struct epptap *');
        $why = $this->library->new('char[' . self::WHY_SIZE . ']');
        check($this->library, $this->library->epptap_open($config, \FFI::addr($this->handle), $why, self::WHY_SIZE), $why);
    }

    /** The library's functions, once it has said that its ABI is ours. */
    private static function load(string $path): \FFI
    {
        if (!isset(self::$libraries[$path])) {
            $abi = \FFI::cdef('unsigned epptap_abi(void);', $path)->epptap_abi();
            if ($abi !== ABI) {
                throw new TapException("$path: its ABI is version $abi; this file needs " . ABI, EINVAL);
            }
            self::$libraries[$path] = \FFI::cdef(DECLARATIONS, $path);
        }
        return self::$libraries[$path];
    }

    public function __destruct()
    {
        if (isset($this->handle)) {
            $this->close();
        }
    }

    /** The library's version. */
    public function version(): string
    {
        return $this->library->epptap_version();
    }

    /** Shows a finished command with its response, before that goes out. */
    public function transaction(?string $registrar, string $command, string $response): void
    {
        check($this->library, $this->library->epptap_transaction($this->handle, $registrar, $command, strlen($command),
            $response, strlen($response)));
    }

    /** Shows a command that is about to be carried out; the ticket for end(). */
    public function begin(?string $registrar, string $command): int
    {
        $ticket = $this->library->new('uint64_t');
        check($this->library, $this->library->epptap_begin($this->handle, $registrar, $command, strlen($command),
            \FFI::addr($ticket)));
        return $ticket->cdata;
    }

    /** Shows what came of it; nothing: it was given up, and changed nothing. */
    public function end(int $ticket, string $response = ''): void
    {
        check($this->library, $this->library->epptap_end($this->handle, $ticket, $response, strlen($response)));
    }

    /** Shows a change that the registry itself made (RFC 8590). */
    public function serverChange(string $frame): void
    {
        check($this->library, $this->library->epptap_server_change($this->handle, $frame, strlen($frame)));
    }

    /** A connection whose bytes are shown; without a registrar: its <login> tells. */
    public function stream(?string $registrar = null): Stream
    {
        return new Stream($this->library, $this->handle, $registrar);
    }

    /** Waits until all that was accepted is on disk. */
    public function flush(int $timeoutMs = 2000): void
    {
        check($this->library, $this->library->epptap_flush($this->handle, $timeoutMs));
    }

    /** The counters. */
    public function stats(): array
    {
        $size = $this->library->new('size_t');
        $size->cdata = 16384;
        do {
            $capacity = $size->cdata;
            $room = $this->library->new("char[$capacity]");
            $result = $this->library->epptap_stats($this->handle, $room, \FFI::addr($size));
        } while ($result === EINVAL && $size->cdata > $capacity);
        check($this->library, $result);
        return json_decode(\FFI::string($room, $size->cdata), true, flags: JSON_THROW_ON_ERROR);
    }

    /** Reads the configuration again; if that is wrong, all stays as it was. */
    public function reload(): void
    {
        $why = $this->library->new('char[' . self::WHY_SIZE . ']');
        check($this->library, $this->library->epptap_reload($this->handle, $why, self::WHY_SIZE), $why);
    }

    /** Makes durable, and publishes, what it can in that time. To close again is nothing. */
    public function close(int $drainMs = 2000): void
    {
        $this->library->epptap_close(\FFI::addr($this->handle), $drainMs);
    }
}

/** One EPP connection as raw bytes, from its first one on; close it when the connection ends. Whatever a call throws, go on
 *  showing the bytes. */
final class Stream
{
    private readonly \FFI\CData $handle; // struct epptap_stream *

    /** For Tap::stream(). */
    public function __construct(private readonly \FFI $library, \FFI\CData $tap, ?string $registrar)
    {
        $this->handle = $library->new('struct epptap_stream *');
        check($library, $library->epptap_stream_new($tap, $registrar, \FFI::addr($this->handle)));
    }

    public function __destruct()
    {
        $this->close();
    }

    /** Bytes from the registrar, before they are passed on. */
    public function client(string $bytes): void
    {
        check($this->library, $this->library->epptap_stream_client($this->handle, $bytes, strlen($bytes)));
    }

    /** Bytes to the registrar. */
    public function server(string $bytes): void
    {
        check($this->library, $this->library->epptap_stream_server($this->handle, $bytes, strlen($bytes)));
    }

    /** The connection is closed. To close again is nothing. */
    public function close(): void
    {
        $this->library->epptap_stream_free(\FFI::addr($this->handle));
    }
}
