/* event_word.h - an event as one side's word in the ledger */
#ifndef SUBSCRIBER_EVENT_WORD_H
#define SUBSCRIBER_EVENT_WORD_H

#include "subscriber/ledger.h"
#include "subscriber/verify.h"

/* Fills the word: marks are hashes of the parts that difference_part() names, from their canonical JSON. What a registry
 * may tell otherwise than the registrar's own tap, who is called how, and when, is not among them. The event is not the
 * tap's own. RESULT_OK, RESULT_NOMEM. */
MUST_USE int event_word_make(const struct event *event, struct ledger_word *word);

#endif
