/* audit_report.h - what an audit found, for people or as JSON */
#ifndef SUBSCRIBER_AUDIT_REPORT_H
#define SUBSCRIBER_AUDIT_REPORT_H

#include "subscriber/audit.h"

/* Something is wrong: in a file, or with an entry, or both (file NULL, index UINT64_MAX: neither). Told at once. */
void audit_report_fault(struct audit *audit, const char *file, uint64_t index, const char *what);

/* It could not be gone on with. */
void audit_report_failure(struct audit *audit, const char *why);

/* The sum of it all. RESULT_OK; RESULT_STORE: it can't be written; RESULT_NOMEM. */
MUST_USE int audit_report_end(struct audit *audit);

#endif
