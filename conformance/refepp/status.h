/* status.h - what a status allows, shows and changes
 *
 * Set by clients are client*; pendingDelete is set by the registry. server* are respected though
 * nothing in here sets them. `ok`, `linked` and `inactive` are computed when an object is shown.
 */
#ifndef REFEPP_STATUS_H
#define REFEPP_STATUS_H

#include "conformance/refepp/request.h"

/* NULL, or a constant text that says which status prohibits `right` ("Update", "Delete", "Renew";
 * empty: only what no update may pass). */
const char *status_prohibits(const struct object *object, const char *right);

/* The <status> elements of an infData. */
void status_show(struct text *data, const struct object *object);

/* Carries out the <status> elements below `rem` and `add` (either may be NULL) on change.next. */
int status_update(struct request *request, const xmlNode *rem, const xmlNode *add);

#endif
