/* idn.h - internationalised domain names (IDNA2008, RFC 5890 to 5893; nothing is mapped)
 *
 * The feed has A-labels; what came in a frame may have U-labels, as some registries and clients write them. No state,
 * no locale; thread-safe. Needs libidn2.
 */
#ifndef PUBLISHER_IDN_H
#define PUBLISHER_IDN_H

#include "eppparse/change.h"

#include <stdbool.h>

/* Bytes of a name's U-labels in UTF-8, with a NUL: each character takes at most four, and at least one in the A-label. */
enum { IDN_UNICODE_SIZE = 4 * CHANGE_NAME_SIZE };

/* Turns the U-labels of a name into A-labels; one without any stays as it is. RESULT_INVALID: they are none, or it is
 * longer then than RFC 1035 lets names be; RESULT_NOMEM. Unless RESULT_OK, the name stays as it was. */
MUST_USE int idn_to_ascii(struct change_name *name);

/* The same for all names in a change, an empty one left out. RESULT_INVALID also if a list has more than 64 such. Unless RESULT_OK, some may be turned and others not. */
MUST_USE int idn_change_to_ascii(struct change *change);

/* Writes the name with U-labels, if it has A-labels for which there are some. False: it has none, or they are not what
 * IDNA2008 makes these A-labels of. */
bool idn_to_unicode(const char *name, char unicode[IDN_UNICODE_SIZE]);

#endif
