'use strict';
/**
 * A front end of a few lines, under load: connections served by one event loop, and others by worker threads beside it, all
 * with the tap that the main thread opened.
 *
 *     front_end.js EPPTAP.SO CONFIG REGISTRARS COMMANDS
 *
 * Each registrar n, Client<n>, sends so many updates; the k-th is of c<n>-<k>.example and answered with the svTRID
 * S-<n>-<k>. Even ones are served by the loop, odd ones by a worker each. On the loop, every other one is seen as a proxy
 * would see it: as bytes.
 */
const {isMainThread, Worker, workerData} = require('node:worker_threads');
const {setImmediate: otherThings} = require('node:timers/promises');
const {Tap, TapError} = require('./epptap');

const EPP = 'urn:ietf:params:xml:ns:epp-1.0';
const DOMAIN = 'urn:ietf:params:xml:ns:domain-1.0';

/** What a registrar sends. */
function update(name) {
	return `<epp xmlns="${EPP}"><command><update><d:update xmlns:d="${DOMAIN}"><d:name>${name}</d:name><d:add><d:ns>` +
		'<d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update></update></command></epp>';
}

/** The registry: every update is a success, after a while. */
async function carryOut(command, svtrid) {
	await otherThings();
	return `<epp xmlns="${EPP}"><response><result code="1000"><msg>Done</msg></result><trID><svTRID>${svtrid}</svTRID>` +
		'</trID></response></epp>';
}

/** What goes wrong with the tap is logged, and is no matter of the registrar's. */
function told(call) {
	try {
		return call();
	} catch (error) {
		if (!(error instanceof TapError))
			throw error;
		console.error(`epptap: ${error.message}`);
		return 0; // end() takes it as a ticket
	}
}

/** One command, from its arrival to its response. */
async function serve(tap, registrar, command, svtrid) {
	const ticket = told(() => tap.begin(registrar, command));
	let response = '';
	try {
		response = await carryOut(command, svtrid);
	} finally {
		told(() => tap.end(ticket, response));
	}
	return response;
}

/** A frame as it goes over the wire (RFC 5734). */
function framed(frame) {
	const size = Buffer.alloc(4);
	size.writeUInt32BE(Buffer.byteLength(frame) + 4);
	return Buffer.concat([size, Buffer.from(frame)]);
}

/** One command that a proxy passes on: socket.on('data', ...) calls the stream with each chunk, in each direction. */
async function pass(stream, command, svtrid) {
	const sent = framed(command);
	told(() => stream.client(sent.subarray(0, 100)));
	await otherThings();
	told(() => stream.client(sent.subarray(100)));
	const answer = framed(await carryOut(command, svtrid));
	told(() => stream.server(answer));
	return answer;
}

async function session(tap, number, commands) {
	const stream = number % 4 === 2 ? tap.stream(`Client${number}`) : null;
	for (let count = 0; count < commands; count++) {
		const [command, svtrid] = [update(`c${number}-${count}.example`), `S-${number}-${count}`];
		await (stream ? pass(stream, command, svtrid) : serve(tap, `Client${number}`, command, svtrid));
	}
	stream?.close();
}

/** A worker thread with a session; a promise of its end. */
function inWorker(data) {
	return new Promise((resolve, reject) => {
		const worker = new Worker(__filename, {workerData: data});
		worker.once('error', reject);
		worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
	});
}

async function main(library, config, registrars, commands) {
	const tap = new Tap(config, library);
	await Promise.all(Array.from({length: registrars}, (_, number) => (number % 2 === 0 ?
		session(tap, number, commands) : inWorker({library, handle: tap.handle, number, commands}))));
	tap.close();
}

if (isMainThread) {
	const [library, config, registrars, commands] = process.argv.slice(2);
	main(library, config, Number(registrars), Number(commands)).catch((error) => {
		console.error(`front_end.js: ${error.message}`);
		process.exitCode = 1;
	});
} else {
	const {library, handle, number, commands} = workerData;
	session(Tap.attach(handle, library), number, commands);
}
