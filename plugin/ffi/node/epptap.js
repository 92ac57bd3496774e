'use strict';
/**
 * epptap for Node.js, by koffi 3 (npm install koffi): one file to copy, or a package to install from this folder. Node.js 18
 * or newer.
 *
 *     const {Tap} = require('./epptap');
 *
 *     const tap = new Tap('/etc/epptap/epptap.yaml');
 *     const ticket = tap.begin('ClientX', command);   // before the command is carried out
 *     tap.end(ticket, response);                      // after it; or, in one: tap.transaction('ClientX', command, response)
 *     tap.close();
 *
 * Frames are Buffers, or strings, which are taken as UTF-8; a registrar is a string, or null where none is known. epptap.h
 * is the manual of the calls.
 *
 * Ownership   Frames are copied before a call returns. A tap is closed by close(), a stream likewise.
 * Event loop  What does not wait is a plain call. flush() gives a promise. The constructor, reload() and close() hold the
 *             loop up, close() for the time given at most. With `durability: wait` in the configuration transaction(),
 *             begin() and serverChange() hold it up until the change is on disk: take transactionAsync(), beginAsync() and
 *             serverChangeAsync() then, and await each before you show what came after it.
 * Threads     A process has one tap, which its worker threads share: hand tap.handle to them (workerData), and let each
 *             Tap.attach() to it. Who opened it closes it, when the workers are done
 *             and no promise is open.
 * Processes   Those of child_process and cluster open a tap each, at their start.
 * Errors      Calls throw a TapError. One of begin(), end(), transaction() and serverChange() is no reason to fail a
 *             command: what was lost is counted, and told in the feed. Log it and go on.
 */
const koffi = require('koffi');

const ABI = 1;
const LIBRARY = '/usr/local/lib/epptap/epptap.so';
const RESULTS = {
	OK: 0, EINVAL: -1, ECONFIG: -2, EFULL: -3, EFORK: -4, EBUSY: -5, ESTORE: -6, ENOMEM: -7, ETIMEOUT: -8,
};
const WHY_SIZE = 2048;
const FUNCTIONS = [
	'str epptap_version()',
	'str epptap_strerror(int result)',
	'int epptap_open(str config, _Out_ void **tap, void *why, size_t why_size)',
	'int epptap_transaction(void *tap, str registrar, const void *command, size_t command_size, const void *response, ' +
		'size_t response_size)',
	'int epptap_begin(void *tap, str registrar, const void *command, size_t command_size, _Out_ uint64_t *ticket)',
	'int epptap_end(void *tap, uint64_t ticket, const void *response, size_t response_size)',
	'int epptap_server_change(void *tap, const void *frame, size_t size)',
	'int epptap_stream_new(void *tap, str registrar, _Out_ void **stream)',
	'int epptap_stream_client(void *stream, const void *bytes, size_t size)',
	'int epptap_stream_server(void *stream, const void *bytes, size_t size)',
	'void epptap_stream_free(_Inout_ void **stream)',
	'int epptap_flush(void *tap, unsigned int timeout_ms)',
	'int epptap_stats(void *tap, void *json, _Inout_ size_t *size)',
	'int epptap_reload(void *tap, void *why, size_t why_size)',
	'void epptap_close(_Inout_ void **tap, unsigned int drain_ms)',
];

/** A call that was not answered OK: `result` is the answer, the message says it in words. */
class TapError extends Error {
	constructor(result, words) {
		super(words);
		this.name = 'TapError';
		this.result = result;
	}
}

/** The library's functions by their names without epptap_, once it has said that its ABI is ours. */
function load(path) {
	const library = koffi.load(path);
	const abi = library.func('unsigned int epptap_abi()')();
	if (abi !== ABI)
		throw new TapError(RESULTS.EINVAL, `${path}: its ABI is version ${abi}; this file needs ${ABI}`);
	return Object.fromEntries(FUNCTIONS.map((text) => [/epptap_(\w+)\(/.exec(text)[1], library.func(text)]));
}

function bytes(frame) {
	return Buffer.isBuffer(frame) ? frame : Buffer.from(frame);
}

/** The text that C left in a buffer. */
function text(buffer) {
	return buffer.toString('utf8', 0, buffer.indexOf(0));
}

/** epptap.so, opened with a configuration: one for a process and state_dir. */
class Tap {
	#functions;
	#handle = [null];

	constructor(config, library = LIBRARY) {
		this.#functions = load(library);
		if (typeof config === 'bigint') {
			this.#handle[0] = config;
			return;
		}
		const why = Buffer.alloc(WHY_SIZE);
		this.#check(this.#functions.open(config, this.#handle, why, WHY_SIZE), why);
	}

	/** In a worker thread: the tap whose `handle` that is. It is not this one's to close. */
	static attach(handle, library = LIBRARY) {
		return new Tap(BigInt(handle), library);
	}

	/** For Tap.attach() in a worker thread of this process. */
	get handle() {
		return this.#handle[0];
	}

	/** The library's version. */
	get version() {
		return this.#functions.version();
	}

	#check(result, why) {
		if (result !== RESULTS.OK)
			throw new TapError(result, (why && text(why)) || this.#functions.strerror(result));
	}

	/** Calls on another thread; `held` are the buffers that must last until then. */
	#later(name, held, ...values) {
		return new Promise((resolve, reject) => {
			this.#functions[name].async(this.#handle[0], ...values, (error, result) => {
				try {
					if (error)
						throw error;
					this.#check(result);
					resolve(held);
				} catch (refused) {
					reject(refused);
				}
			});
		});
	}

	/** Shows a finished command with its response, before that goes out. */
	transaction(registrar, command, response) {
		const [asked, answered] = [bytes(command), bytes(response)];
		this.#check(this.#functions.transaction(this.#handle[0], registrar, asked, asked.length, answered, answered.length));
	}

	/** The same, where it waits for the disk: a promise. */
	async transactionAsync(registrar, command, response) {
		const [asked, answered] = [bytes(command), bytes(response)];
		await this.#later('transaction', [asked, answered], registrar, asked, asked.length, answered, answered.length);
	}

	/** Shows a command that is about to be carried out; the ticket for end(). */
	begin(registrar, command) {
		const [asked, ticket] = [bytes(command), [0]];
		this.#check(this.#functions.begin(this.#handle[0], registrar, asked, asked.length, ticket));
		return ticket[0];
	}

	/** The same, where it waits for the disk: a promise of the ticket. */
	async beginAsync(registrar, command) {
		const [asked, ticket] = [bytes(command), [0]];
		await this.#later('begin', [asked], registrar, asked, asked.length, ticket);
		return ticket[0];
	}

	/** Shows what came of it; nothing: it was given up, and changed nothing. */
	end(ticket, response = '') {
		const answered = bytes(response);
		this.#check(this.#functions.end(this.#handle[0], ticket, answered, answered.length));
	}

	/** Shows a change that the registry itself made (RFC 8590). */
	serverChange(frame) {
		const shown = bytes(frame);
		this.#check(this.#functions.server_change(this.#handle[0], shown, shown.length));
	}

	/** The same, where it waits for the disk: a promise. */
	async serverChangeAsync(frame) {
		const shown = bytes(frame);
		await this.#later('server_change', [shown], shown, shown.length);
	}

	/** A connection whose bytes are shown; without a registrar: its <login> tells. */
	stream(registrar = null) {
		return new Stream(this.#functions, this.#handle[0], registrar);
	}

	/** A promise that all that was accepted is on disk. */
	async flush(timeoutMs = 2000) {
		await this.#later('flush', [], timeoutMs);
	}

	/** The counters. */
	stats() {
		const size = [16384];
		for (;;) {
			const room = Buffer.alloc(Number(size[0]));
			const result = this.#functions.stats(this.#handle[0], room, size);
			if (result !== RESULTS.EINVAL || size[0] <= room.length) {
				this.#check(result);
				return JSON.parse(text(room));
			}
		}
	}

	/** Reads the configuration again; if that is wrong, all stays as it was. */
	reload() {
		const why = Buffer.alloc(WHY_SIZE);
		this.#check(this.#functions.reload(this.#handle[0], why, WHY_SIZE), why);
	}

	/** Makes durable, and publishes, what it can in that time. To close again is nothing. */
	close(drainMs = 2000) {
		this.#functions.close(this.#handle, drainMs);
	}
}

/** One EPP connection as raw bytes, from its first one on; close it when the connection ends. Whatever a call throws, go on
 *  showing the bytes. For Tap.stream(). */
class Stream {
	#functions;
	#handle = [null];

	constructor(functions, tap, registrar) {
		this.#functions = functions;
		this.#check(functions.stream_new(tap, registrar, this.#handle));
	}

	#check(result) {
		if (result !== RESULTS.OK)
			throw new TapError(result, this.#functions.strerror(result));
	}

	/** Bytes from the registrar, before they are passed on. */
	client(chunk) {
		const shown = bytes(chunk);
		this.#check(this.#functions.stream_client(this.#handle[0], shown, shown.length));
	}

	/** Bytes to the registrar. */
	server(chunk) {
		const shown = bytes(chunk);
		this.#check(this.#functions.stream_server(this.#handle[0], shown, shown.length));
	}

	/** The connection is closed. To close again is nothing. */
	close() {
		this.#functions.stream_free(this.#handle);
	}
}

module.exports = {Tap, TapError, ABI, LIBRARY, ...RESULTS};
