/* users.h - registrars' logins and passwords
 *
 * A file with one `login:password` a line, '#' starting a comment line; read once. A new password
 * holds until the process ends and is not written back.
 * Owner: main(); lives as long as the process. users_login() may be called by any thread; it never
 * blocks for long.
 */
#ifndef REFEPP_USERS_H
#define REFEPP_USERS_H

#include <stdbool.h>
#include <stddef.h>

struct users;

/* NULL if the file can't be read or a line is wrong: then `why` says what, where, and what would
 * be right. */
struct users *users_load(const char *path, char *why, size_t why_size);

void users_free(struct users **users);

/* True if `login` exists and `password` is its password (compared in constant time); then, if
 * `new_password` is not NULL, that is its password from now on. */
bool users_login(struct users *users, const char *login, const char *password,
		 const char *new_password);

#endif
