/* ctl.h - the subcommands of epptapctl
 *
 * Each takes what stands behind its name on the command line and returns the exit status: 0 done, 1 something is
 * wrong (said on stderr), 2 usage.
 */
#ifndef PUBLISHER_CTL_H
#define PUBLISHER_CTL_H

#include "base/config.h"

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

int ctl_keygen(int argc, char **argv);
int ctl_check(int argc, char **argv);
int ctl_status(int argc, char **argv);
int ctl_spool_dump(int argc, char **argv);
int ctl_feed_dump(int argc, char **argv);
int ctl_quarantine(int argc, char **argv);
int ctl_revoke(int argc, char **argv);
int ctl_new_log(int argc, char **argv);
int ctl_submit(int argc, char **argv);
int ctl_test_event(int argc, char **argv);

/* Loads the config, or says on stderr what is wrong with it. NULL: it said so. */
struct config *ctl_load(const char *path);

/* Says "epptapctl: ..." on stderr and returns CTL_FAILED. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
