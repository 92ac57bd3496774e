/* prove.h - `eppwatch prove` and `eppwatch verify-proof`: that an event is in the log, for others */
#ifndef SUBSCRIBER_PROVE_H
#define SUBSCRIBER_PROVE_H

#include "subscriber/options.h"
#include "subscriber/watch_exit.h"

#include <signal.h>
#include <stdio.h>

/* Writes the proof of the entry that the options name. Its event goes along, if it is still kept. */
enum watch_exit prove_run(const struct options *options, FILE *out, FILE *err,
			  volatile const sig_atomic_t *stop);

/* Judges a proof by the keys in the options, and asks nobody. */
enum watch_exit verify_proof_run(const struct options *options, FILE *out, FILE *err);

#endif
