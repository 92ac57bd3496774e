/* session.h - what frames say of the connection that they go through: who logs in, and which answer is whose
 *
 * Told from the bytes, on the front end's own threads: no parser runs, nothing is allocated or kept, and a password is
 * not even looked at. What is not sure is said to be so, and never guessed: eppparse_login() can read it.
 * Pure; thread-safe.
 */
#ifndef EPPPARSE_SESSION_H
#define EPPPARSE_SESSION_H

#include <stddef.h>

/* A piece of the frame, trimmed, of printable ASCII; size 0: there is none, or it is not sure. */
struct session_text {
	const char *at;
	size_t size;
};

/* What the registrar sends. */
enum session_command {
	SESSION_COMMAND, /* a command, which is answered by a response */
	SESSION_HELLO,   /* which is answered by a greeting */
	SESSION_LOGIN,
	SESSION_LOGOUT,
	SESSION_UNSURE, /* any of these, or none */
};

enum session_command session_command_of(const char *frame, size_t size);

/* What the server sends. */
enum session_answer {
	SESSION_RESPONSE,
	SESSION_GREETING,
	SESSION_UNCLEAR, /* either, or none */
};

/* A server is no stranger: what has a greeting's name in it, and not a response's, is one in any encoding. */
enum session_answer session_answer_of(const char *frame, size_t size);

/* Who a login says it is (clID). */
struct session_text session_login(const char *frame, size_t size);

/* A response's result code, such as 1000. 0: it is not sure, or it has several. */
unsigned session_code(const char *frame, size_t size);

/* The clTRID of a command, and the one that a response repeats. Found from the frame's end, where what a registrar may
 * put into extensions, and a server into values, can't be taken for it. */
struct session_text session_command_id(const char *frame, size_t size);
struct session_text session_answer_id(const char *frame, size_t size);

#endif
