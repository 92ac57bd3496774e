'use strict';
/**
 * What the Node.js binding does; test_ffi.py says what it prints, as all walks do.
 *
 *     walk.js EPPTAP.JS EPPTAP.SO GUEST.SO FOLDER           each call once
 *     walk.js EPPTAP.JS EPPTAP.SO GUEST.SO FOLDER leave     opens, and ends without a close
 */
const fs = require('node:fs');
const path = require('node:path');
const koffi = require('koffi');

const [binding, library, guestLibrary, folder, leaves] = process.argv.slice(2);
const {Tap, TapError} = require(binding);
const guest = koffi.load(guestLibrary);
const guestChanges = guest.func('str guest_changes()');
const guestForked = guest.func('int guest_forked(str library, void *tap)');
const here = (name) => path.join(folder, name);
const frame = (name) => fs.readFileSync(here(name));

async function refused(word, call) {
	try {
		await call();
		console.log(`${word} not refused`);
	} catch (error) {
		if (!(error instanceof TapError))
			throw error;
		console.log(`${word} ${error.result} ${error.message}`);
	}
}

async function walk() {
	guestChanges();
	await refused('open', () => new Tap(here('bad.yaml'), library));
	const tap = new Tap(here('epptap.yaml'), library);
	console.log(`version ${tap.version}`);
	await refused('again', () => new Tap(here('epptap.yaml'), library));

	tap.transaction('ClientX', frame('1.command'), frame('1.response'));
	await tap.transactionAsync(null, frame('2.command').toString(), frame('2.response').toString());
	const ticket = await tap.beginAsync('ClientY', frame('3.command'));
	tap.end(ticket, frame('3.response'));
	await refused('ended', () => tap.end(ticket, frame('3.response')));
	const failing = tap.begin('ClientY', frame('4.command'));
	await tap.flush();
	tap.end(failing);
	await tap.serverChangeAsync(frame('server'));
	await refused('empty', () => tap.transactionAsync('ClientX', '', ''));
	const stream = tap.stream();
	stream.server(frame('server-greeting'));
	const client = frame('client');
	for (let start = 0; start < client.length; start += 100)
		stream.client(client.subarray(start, start + 100));
	stream.server(frame('server-responses'));
	stream.close();
	await refused('stream', () => stream.client('x'));

	await tap.flush();
	const stats = tap.stats();
	console.log(`changes ${stats.changes} given up ${stats.intents.given_up} streams ${stats.streams.open}`);
	tap.reload();
	fs.copyFileSync(here('bad.yaml'), here('epptap.yaml'));
	await refused('reload', () => tap.reload());
	fs.copyFileSync(here('good.yaml'), here('epptap.yaml'));
	console.log(`guest ${guestChanges()}`);

	console.log(`forked ${guestForked(library, tap.handle)}`);
	console.log('child 0');

	tap.close();
	await refused('closed', () => tap.transaction('ClientX', frame('1.command'), frame('1.response')));
	console.log(`guest ${guestChanges()}`);
}

if (leaves) {
	global.left = new Tap(here('epptap.yaml'), library);
	process.exit(0);
}
walk();
