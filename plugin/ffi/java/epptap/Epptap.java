package epptap;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.NativeLongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.ToIntFunction;

/**
 * epptap for Java, by JNA 5 (Debian libjna-java): one file to copy. Java 11 or newer.
 *
 * <pre>{@code
 * try (Epptap tap = Epptap.open("/etc/epptap/epptap.yaml")) {
 *     long ticket = tap.begin("ClientX", command);   // before the command is carried out
 *     tap.end(ticket, response);                     // after it; or, in one: tap.transaction("ClientX", command, response)
 * }
 * }</pre>
 *
 * <p>A registrar is null where none is known. A flow that may run again, such as one in a database transaction, is shown
 * after its commit. epptap.h is the manual of the calls.
 *
 * <p>Ownership: frames are copied before a call returns. A tap is closed by close(), a stream likewise.
 *
 * <p>Threads: all calls may come from any thread, also begin() and end() of one command from two. close() waits for those
 * that are under way; later ones throw EINVAL. The tap's own threads are none of the JVM's, and call nothing of it.
 *
 * <p>Fork: a JVM does not; each process has a tap of its own.
 *
 * <p>Errors: calls throw EpptapException. One of begin(), end(), transaction() and serverChange() is no reason to fail a
 * command: what was lost is counted, and told in the feed. Log it and go on.
 */
public final class Epptap implements AutoCloseable {
	public static final int ABI = 1;
	public static final String LIBRARY = "/usr/local/lib/epptap/epptap.so";

	public static final int OK = 0;
	public static final int EINVAL = -1;
	public static final int ECONFIG = -2;
	public static final int EFULL = -3;
	public static final int EFORK = -4;
	public static final int EBUSY = -5;
	public static final int ESTORE = -6;
	public static final int ENOMEM = -7;
	public static final int ETIMEOUT = -8;

	private static final int WHY_SIZE = 2048;
	private static final int DRAIN_MS = 2000;

	/** What epptap.h declares; size_t is as wide as a long in C. */
	public interface Functions extends Library {
		int epptap_abi();

		String epptap_version();

		String epptap_strerror(int result);

		int epptap_open(String config, PointerByReference tap, byte[] why, NativeLong whySize);

		int epptap_transaction(Pointer tap, String registrar, byte[] command, NativeLong commandSize, byte[] response,
				NativeLong responseSize);

		int epptap_begin(Pointer tap, String registrar, byte[] command, NativeLong commandSize, LongByReference ticket);

		int epptap_end(Pointer tap, long ticket, byte[] response, NativeLong responseSize);

		int epptap_server_change(Pointer tap, byte[] frame, NativeLong size);

		int epptap_stream_new(Pointer tap, String registrar, PointerByReference stream);

		int epptap_stream_client(Pointer stream, byte[] bytes, NativeLong size);

		int epptap_stream_server(Pointer stream, byte[] bytes, NativeLong size);

		void epptap_stream_free(PointerByReference stream);

		int epptap_flush(Pointer tap, int timeoutMs);

		int epptap_stats(Pointer tap, byte[] json, NativeLongByReference size);

		int epptap_reload(Pointer tap, byte[] why, NativeLong whySize);

		void epptap_close(PointerByReference tap, int drainMs);
	}

	/** A call that was not answered OK: {@link #result()} is the answer, the message says it in words. */
	public static final class EpptapException extends RuntimeException {
		private static final long serialVersionUID = 1L;
		private final int result;

		EpptapException(int result, String words) {
			super(words);
			this.result = result;
		}

		public int result() {
			return result;
		}
	}

	private final Functions library;
	private final PointerByReference handle = new PointerByReference();
	private final ReadWriteLock closing = new ReentrantReadWriteLock(); // calls read, close() writes

	private Epptap(Functions library) {
		this.library = library;
	}

	/** Opens the tap with a configuration: one for a process and state_dir. */
	public static Epptap open(String config) {
		return open(config, LIBRARY);
	}

	/** The same, if the library lies elsewhere. */
	public static Epptap open(String config, String path) {
		Epptap tap = new Epptap(load(path));
		byte[] why = new byte[WHY_SIZE];
		tap.check(tap.library.epptap_open(config, tap.handle, why, new NativeLong(WHY_SIZE)), why);
		return tap;
	}

	/** The library's functions, once it has said that its ABI is ours. */
	private static Functions load(String path) {
		Functions library = Native.load(path, Functions.class, Map.of(Library.OPTION_STRING_ENCODING, "UTF-8"));
		int abi = library.epptap_abi();
		if (abi != ABI) {
			throw new EpptapException(EINVAL, path + ": its ABI is version " + abi + "; this file needs " + ABI);
		}
		return library;
	}

	private void check(int result, byte[] why) {
		if (result != OK) {
			String words = why == null ? "" : Native.toString(why, "UTF-8");
			throw new EpptapException(result, words.isEmpty() ? library.epptap_strerror(result) : words);
		}
	}

	/** Calls with the handle, which stays good meanwhile. */
	private void call(ToIntFunction<Pointer> function, byte[] why) {
		closing.readLock().lock();
		try {
			check(function.applyAsInt(handle.getValue()), why);
		} finally {
			closing.readLock().unlock();
		}
	}

	private static NativeLong size(byte[] bytes) {
		return new NativeLong(bytes.length);
	}

	/** The library's version. */
	public String version() {
		return library.epptap_version();
	}

	/** Shows a finished command with its response, before that goes out. */
	public void transaction(String registrar, byte[] command, byte[] response) {
		call(tap -> library.epptap_transaction(tap, registrar, command, size(command), response, size(response)), null);
	}

	/** Shows a command that is about to be carried out; the ticket for end(). */
	public long begin(String registrar, byte[] command) {
		LongByReference ticket = new LongByReference();
		call(tap -> library.epptap_begin(tap, registrar, command, size(command), ticket), null);
		return ticket.getValue();
	}

	/** Shows what came of it; null: it was given up, and changed nothing. */
	public void end(long ticket, byte[] response) {
		byte[] bytes = response == null ? new byte[0] : response;
		call(tap -> library.epptap_end(tap, ticket, bytes, size(bytes)), null);
	}

	/** Shows a change that the registry itself made (RFC 8590). */
	public void serverChange(byte[] frame) {
		call(tap -> library.epptap_server_change(tap, frame, size(frame)), null);
	}

	/** A connection whose bytes are shown; registrar null: its login tells. */
	public Stream stream(String registrar) {
		PointerByReference stream = new PointerByReference();
		call(tap -> library.epptap_stream_new(tap, registrar, stream), null);
		return new Stream(stream);
	}

	/** Waits until all that was accepted is on disk. */
	public void flush(int timeoutMs) {
		call(tap -> library.epptap_flush(tap, timeoutMs), null);
	}

	/** The counters, a JSON object. */
	public String stats() {
		NativeLongByReference size = new NativeLongByReference(new NativeLong(16384));
		while (true) {
			byte[] room = new byte[size.getValue().intValue()];
			try {
				call(tap -> library.epptap_stats(tap, room, size), null);
				return new String(Arrays.copyOf(room, size.getValue().intValue()), StandardCharsets.UTF_8);
			} catch (EpptapException refused) {
				if (refused.result() != EINVAL || size.getValue().intValue() <= room.length) {
					throw refused;
				}
			}
		}
	}

	/** Reads the configuration again; if that is wrong, all stays as it was. */
	public void reload() {
		byte[] why = new byte[WHY_SIZE];
		call(tap -> library.epptap_reload(tap, why, new NativeLong(WHY_SIZE)), why);
	}

	/** Makes durable, and publishes, what it can in that time. To close again is nothing. */
	public void close(int drainMs) {
		closing.writeLock().lock();
		try {
			library.epptap_close(handle, drainMs);
		} finally {
			closing.writeLock().unlock();
		}
	}

	@Override
	public void close() {
		close(DRAIN_MS);
	}

	/**
	 * One EPP connection as raw bytes, from its first one on; close it when the connection ends, and no call on it is under
	 * way. Whatever a call throws, go on showing the bytes.
	 */
	public final class Stream implements AutoCloseable {
		private final PointerByReference handle;

		private Stream(PointerByReference handle) {
			this.handle = handle;
		}

		/** Bytes from the registrar, before they are passed on. */
		public void client(byte[] bytes) {
			check(library.epptap_stream_client(handle.getValue(), bytes, size(bytes)), null);
		}

		/** Bytes to the registrar. */
		public void server(byte[] bytes) {
			check(library.epptap_stream_server(handle.getValue(), bytes, size(bytes)), null);
		}

		/** The connection is closed. To close again is nothing. */
		@Override
		public void close() {
			library.epptap_stream_free(handle);
		}
	}
}
