/* epptap.h - a change tap for domain registries
 *
 * An EPP front end (RFC 5730, 5734) loads epptap.so, opens it, and shows it each command with its response. The tap
 * keeps what changes the DNS or protects it, throws contact data away, signs each event and publishes it; see the
 * README. This is the whole interface of version 1: the one header to install. It has no macros, so that a
 * foreign-function interface can read it after `cc -E -P`.
 *
 * Ownership   Frames and texts stay the caller's: they are copied before a call returns. A handle is the tap's:
 *             epptap_close() takes it back and sets it NULL.
 * Threads     Every call may come from any thread at any time, but epptap_close(): when it begins, no other call on
 *             the handle may be under way or follow. The tap keeps no thread-local state and calls nothing back.
 *             Its own threads block all signals.
 * Blocking    epptap_transaction(), _begin(), _end() and _server_change() never block: no lock is held over a copy, no
 *             system call waits. Only with `durability: wait` in the configuration do all of them but _end(), if there
 *             may be a change, return when it is on disk, after wait_limit at the latest. epptap_flush() and
 *             epptap_close() wait, for the time given at most; epptap_open() reads files and may wait for a disk.
 * Fork        Open the tap after the last fork. In a child of the process that opened it every call answers
 *             EPPTAP_EFORK, and epptap_close() merely forgets the handle.
 * Disk full   The tap keeps what it has, in the queue, and goes on when there is room; when the queue is full, the
 *             newest change is dropped and counted. The front end goes on whatever happens.
 * Reload      epptap_reload() goes by a changed configuration without losing a call.
 */
#ifndef EPPTAP_H
#define EPPTAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call can answer. New ones may come, below -8; epptap_strerror() knows all. */
enum epptap_result {
	EPPTAP_OK = 0,       /* accepted, or of no interest; a later loss is told in the feed */
	EPPTAP_EINVAL = -1,  /* an argument is NULL, empty or out of its range: nothing was done */
	EPPTAP_ECONFIG = -2, /* the configuration, or a file that it names, is wrong */
	EPPTAP_EFULL =
		-3, /* the queue is full: the change was not taken, but counted and told as lost */
	EPPTAP_EFORK = -4,   /* used in a child of the process that opened it */
	EPPTAP_EBUSY = -5,   /* this process has the state directory open already */
	EPPTAP_ESTORE = -6,  /* the state directory can't be read or written */
	EPPTAP_ENOMEM = -7,  /* an allocation failed */
	EPPTAP_ETIMEOUT = -8 /* the time given ran out */
};

struct epptap; /* a tap; one per process and state directory */

/* The version of this interface: 1. Ask before anything else. */
unsigned epptap_abi(void);

/* The version of the library, such as "0.1.0". Static. */
const char *epptap_version(void);

/* A sentence for a result, for any int. Static, never NULL. */
const char *epptap_strerror(int result);

/* Opens the tap that the YAML file `config` describes, and starts its threads. Call it after the last fork, once per
 * process. On EPPTAP_OK *tap is a handle for epptap_close(). Otherwise *tap is NULL and `why`, of why_size bytes,
 * holds "file:line:column: what is wrong, and what would be right" (cut to fit, closed by a NUL), or which system call a
 * filter (seccomp) denies.
 * `why` may be NULL if why_size is 0. Answers EPPTAP_EINVAL, _ECONFIG, _EBUSY, _ESTORE, _ENOMEM. */
int epptap_open(const char *config, struct epptap **tap, char *why, size_t why_size);

/* Shows the tap one finished command with its response, each a whole XML frame without the length that RFC 5734
 * puts before it. Call it for every command, polls too, whose messages may tell of a change; after the change is done and
 * before the response goes out. Two calls that don't overlap in time keep their order in the feed. A message is told once,
 * however often and by whomever it is polled.
 * `registrar` is the login id of the session, or NULL where none is known; an id that is not printable ASCII without
 * spaces, or over 64 bytes, is left out of the event. A frame over capture.frame_limit is not taken but counted.
 * Answers EPPTAP_OK (also for what is of no interest), _EINVAL (NULL or empty frame), _EFULL, _EFORK; with `durability:
 * wait` also _ETIMEOUT: it is taken, and will be on disk when that can be written. */
int epptap_transaction(struct epptap *tap, const char *registrar, const void *command,
		       size_t command_size, const void *response, size_t response_size);

/* The same in two steps, so that a change is known of even if the front end dies in the midst of it: the feed then
 * tells it with `outcome: unknown`. epptap_begin() shows a command before it is carried out, epptap_end() its response,
 * and nothing of it is shown by epptap_transaction().
 * *ticket is what epptap_end() takes: 0 if the command changes nothing, or was not taken (EPPTAP_ETIMEOUT gives one). A
 * ticket is good in the process and for the handle that gave it, from any thread, for one epptap_end(); 16384 can be
 * open at once, and when three quarters of them are, no registrar of several gets more than a quarter. Those that are
 * open when the tap is closed are told as unknown. A poll has a ticket too, since its response may have news, but takes
 * none of these: it may be left open, and nothing is told of it then.
 * Answers as epptap_transaction() does, EPPTAP_EFULL also if too many tickets are open. A command over
 * capture.frame_limit is counted as lost, whatever comes of it. */
int epptap_begin(struct epptap *tap, const char *registrar, const void *command,
		 size_t command_size, uint64_t *ticket);

/* What came of the command of `ticket`. response_size 0: it was given up, and changed nothing; also call it so when the
 * command was refused without a response. Ticket 0 is EPPTAP_OK: what epptap_begin() gave can always be handed on.
 * Answers EPPTAP_OK, _EINVAL (the ticket is not open: ended before, or none of this tap's), _EFULL (the response was
 * not taken: the change is told as unknown), _EFORK. Never blocks: that a change was made is told, as unknown, even if
 * its end is not durable when the front end dies; epptap_flush() makes sure. */
int epptap_end(struct epptap *tap, uint64_t ticket, const void *response, size_t response_size);

/* Shows the tap a change that the registry itself made: an expiry, a transfer approved by its time, a hand in the back
 * office. Call it after the change is done. `frame` is what a poll message of it would be (RFC 8590): a whole response with
 * the object's infData and, in its extension, a changePoll:changeData, which says what was done, and whether the infData is
 * the state before or after. It belongs to no registrar; its result code is not looked at. Of an update show two frames with
 * one svTRID, before and after, in this order: from one alone nobody can see what changed, and a lock that is lifted is not
 * told as one. If the same message is also polled, it is told once.
 * A frame that can't be read is told in the feed as a gap; one over capture.frame_limit is not taken but counted, and told
 * so too. Answers EPPTAP_OK, _EINVAL (NULL or empty frame), _EFULL, _EFORK, and with `durability: wait` also _ETIMEOUT, as
 * epptap_transaction() does. What never reaches the front end, `epptapctl submit` shows in the same form. */
int epptap_server_change(struct epptap *tap, const void *frame, size_t size);

/* One EPP connection, as the bytes that go through it: for who does not see commands and responses, such as a proxy or a
 * connection filter. Frames (RFC 5734) are found in any chunks, down to single bytes, and commands are paired with their
 * responses in order; what is a change, or a message, is taken as epptap_transaction() takes it. With capture.intent: on,
 * commands of who is logged in are noted as epptap_begin() does: one whose response never comes is told as unknown.
 * Begin with the connection's first byte, behind TLS. Show what the registrar sent before it is passed on to the server, so
 * that no response is seen before its command; and what the server sent before or after it is passed on.
 * Whatever is in the bytes, and whatever a call answers, go on showing them: what can't be read, is over
 * capture.frame_limit or finds no room is passed over to its last byte, counted, and told in the feed as a gap if it may
 * have been a change.
 *
 * Ownership   All streams together hold capture.streams bytes at most, set aside when the first is made; one that is idle
 *             holds 1 KiB. Bytes are overwritten with zeros when they are done with.
 * Threads     The two directions of a stream may be shown from two threads at once, and streams know nothing of each other.
 *             Calls of one direction are made one after the other, by whichever threads, since their order is that of the
 *             bytes; those that do overlap wait for each other. None blocks else, with `durability: wait` neither.
 * Fork, close In a child of the process that opened the tap, calls answer EPPTAP_EFORK, and epptap_stream_free() merely
 *             forgets. Free streams before epptap_close(); one that is not answers EPPTAP_EINVAL from then on, and can
 *             still be freed. epptap_reload() changes nothing of a stream but the limits of frames that begin later. */
struct epptap_stream;

/* Makes a stream. `registrar` is the login id of the connection, where the host knows it and no other will log in; NULL:
 * the stream learns it from the <login>, whenever one is answered with 1000. *stream is for epptap_stream_free(), or NULL
 * on failure. May allocate and map memory.
 * Answers EPPTAP_OK, _EINVAL, _EFORK, _ENOMEM, _EFULL: there is no room for one more; that is told as a gap, and the
 * connection goes unseen. */
int epptap_stream_new(struct epptap *tap, const char *registrar, struct epptap_stream **stream);

/* Takes bytes from the registrar (client), or to it (server). size may be 0.
 * Answers EPPTAP_OK, _EINVAL (NULL, or the tap is closed), _EFORK, _EFULL: something in these bytes found no room,
 * and is lost. What is lost otherwise shows in the counters, and in the feed. */
int epptap_stream_client(struct epptap_stream *stream, const void *bytes, size_t size);
int epptap_stream_server(struct epptap_stream *stream, const void *bytes, size_t size);

/* The connection is closed, whoever closed it and wherever that cut it. Commands that have no response, and were noted, are
 * told as unknown. Frees the stream and sets *stream NULL; no other call on it may be under way. Accepts NULL and a
 * pointer to NULL. */
void epptap_stream_free(struct epptap_stream **stream);

/* Waits until all that was accepted before the call is durable in the spool, timeout_ms milliseconds at most.
 * Answers EPPTAP_OK, _EINVAL, _EFORK, _ETIMEOUT (it stays accepted). */
int epptap_flush(struct epptap *tap, unsigned timeout_ms);

/* Writes the counters as a JSON object, closed by a NUL, to `json`. *size is the capacity in and the length without
 * the NUL out; with EPPTAP_EINVAL for too little room, *size is the capacity that it takes. 16 KiB are plenty.
 * Answers EPPTAP_OK, _EINVAL, _EFORK, _ENOMEM. */
int epptap_stats(struct epptap *tap, char *json, size_t *size);

/* Reads the configuration file again, at the path that epptap_open() was given, and goes by it from then on; other
 * calls may be under way. registry, state_dir, capture.queue, capture.streams and publisher must be as before; nearly
 * all else may have changed, the key that signs too. Each reload keeps some KiB until the tap is closed, since a call
 * may still be reading the old configuration. May wait for a disk, and while sockets are opened anew.
 * On failure everything stays as it was, and `why`, as with epptap_open(), says what is wrong.
 * Answers EPPTAP_OK, _EINVAL, _ECONFIG, _EFORK, _ESTORE, _ENOMEM. */
int epptap_reload(struct epptap *tap, char *why, size_t why_size);

/* Makes durable what was accepted, publishes what it can, for drain_ms milliseconds together at most (a disk that
 * hangs may hold it longer), then ends the threads, frees everything and sets *tap NULL. What was not published is
 * published by who opens the state directory next. Accepts NULL and a pointer to NULL. */
void epptap_close(struct epptap **tap, unsigned drain_ms);

#ifdef __cplusplus
}
#endif

#endif
