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
 * Blocking    epptap_transaction(), _begin() and _end() never block: no lock is held over a copy, no system call waits.
 *             Only with `durability: wait` in the configuration do the first two, if the command may change something,
 *             return when it is on disk, after wait_limit at the latest. epptap_flush() and epptap_close() wait, for
 *             the time given at most; epptap_open() reads files and may wait for a disk.
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
 * holds "file:line:column: what is wrong, and what would be right" (cut to fit, closed by a NUL).
 * `why` may be NULL if why_size is 0. Answers EPPTAP_EINVAL, _ECONFIG, _EBUSY, _ESTORE, _ENOMEM. */
int epptap_open(const char *config, struct epptap **tap, char *why, size_t why_size);

/* Shows the tap one finished command with its response, each a whole XML frame without the length that RFC 5734
 * puts before it. Call it for every command, after the change is done and before the response goes out; two calls
 * that don't overlap in time keep their order in the feed.
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
 * open when the tap is closed are told as unknown.
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

/* Waits until all that was accepted before the call is durable in the spool, timeout_ms milliseconds at most.
 * Answers EPPTAP_OK, _EINVAL, _EFORK, _ETIMEOUT (it stays accepted). */
int epptap_flush(struct epptap *tap, unsigned timeout_ms);

/* Writes the counters as a JSON object, closed by a NUL, to `json`. *size is the capacity in and the length without
 * the NUL out; with EPPTAP_EINVAL for too little room, *size is the capacity that it takes. 16 KiB are plenty.
 * Answers EPPTAP_OK, _EINVAL, _EFORK, _ENOMEM. */
int epptap_stats(struct epptap *tap, char *json, size_t *size);

/* Reads the configuration file again, at the path that epptap_open() was given, and goes by it from then on; other
 * calls may be under way. registry, state_dir, capture.queue and publisher must be as before; nearly all else may have
 * changed, the key that signs too. Each reload keeps some KiB until the tap is closed, since a call may still be
 * reading the old configuration. May wait for a disk, and while sockets are opened anew.
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
