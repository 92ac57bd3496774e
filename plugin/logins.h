/* logins.h - what a login is published as
 *
 * Decided before anything is stored: the config's `registrars:` names some logins and hides others; of the rest, what is
 * no token, or may be a person's address, is left out. Pure; thread-safe.
 */
#ifndef PLUGIN_LOGINS_H
#define PLUGIN_LOGINS_H

#include "base/config.h"
#include "eppparse/change.h"

#include <stdbool.h>

/* Puts into `registrar` what `login` is published as; empty: it is hidden, or there is none. False: it was left out. */
bool login_publish(const struct config *config, const char *login,
		   struct change_registrar *registrar);

/* Does the same to both sides of a transfer, which are logins until then. Returns how many were left out: 0 to 2. */
unsigned login_publish_transfer(const struct config *config, struct change_transfer *transfer);

#endif
