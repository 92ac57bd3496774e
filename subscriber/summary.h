/* summary.h - an event in a few plain words
 *
 * `nameservers +ns1.evil.example -ns1.good.example; unlock update`. Only printable ASCII comes out; long lists and
 * texts are cut, and say so. Members that this version does not know are passed over.
 */
#ifndef SUBSCRIBER_SUMMARY_H
#define SUBSCRIBER_SUMMARY_H

#include "base/buffer.h"
#include "subscriber/verify.h"

/* Appends it; nothing if there is nothing to say. Look at into->failed: a summary never needs over 64 KiB. */
void summary_append(struct buffer *into, const struct event *event);

#endif
