/* tap.h - the plugin, loaded the way a registry would load it
 *
 * dlopen() and dlsym(), nothing else: refepp is never linked with epptap, so that whatever a real
 * front end would trip over, this one trips over first. The ABI's version is asked before any
 * other call.
 * Owner: main(). tap_transaction() and tap_print_stats() may be called by any thread between open
 * and close; how long they block is the plugin's promise. A NULL tap is a front end without one:
 * every call does nothing.
 */
#ifndef REFEPP_TAP_H
#define REFEPP_TAP_H

#include "conformance/refepp/text.h"

#include <stddef.h>
#include <stdint.h>

struct tap;

/* Loads `plugin` and opens it with the file `config`. NULL on failure: then `why` says what and
 * where. */
struct tap *tap_open(const char *plugin, const char *config, char *why, size_t why_size);

/* Tells of one command and its response. `registrar` may be NULL. A result other than 0 is
 * counted, and told on stderr at most once a second: the command itself stands. */
void tap_transaction(struct tap *tap, const char *registrar, const struct text *command,
		     const struct text *response);

/* The same in two steps: before a command is carried out, and when its response is made. 0 is a
 * ticket that needs no end. */
uint64_t tap_begin(struct tap *tap, const char *registrar, const struct text *command);
void tap_end(struct tap *tap, uint64_t ticket, const struct text *response);

/* Lets the plugin read its config again, and says on stdout how that went. */
void tap_reload(struct tap *tap);

/* The plugin's statistics as one line on stdout, flushed. */
void tap_print_stats(struct tap *tap);

/* Closes the plugin, giving it `drain_ms` to be done, and sets NULL. The object stays mapped, as
 * in a registry that can't know whether its threads are gone. */
void tap_close(struct tap **tap, unsigned drain_ms);

#endif
