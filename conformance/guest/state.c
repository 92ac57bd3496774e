#include "conformance/guest/state.h"

#include <dlfcn.h>
#include <fenv.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { STATE_SIZE = 256 * 1024 };

static char state[STATE_SIZE];
static size_t filled;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	filled += (size_t)vsnprintf(state + filled, sizeof state - filled, format, arguments);
	va_end(arguments);
	if (filled >= sizeof state)
		filled = sizeof state - 1;
}

static void add_mask(const sigset_t *mask)
{
	for (int number = 1; number < NSIG; number++)
		add("%d", sigismember(mask, number) == 1);
}

/* By the file that it is in: Apache's children put one handler of theirs in the place of another as they start, while
 * calls run. */
static const char *file_of(void (*handler)(int))
{
	Dl_info found;
	if (handler == SIG_DFL)
		return "default";
	if (handler == SIG_IGN)
		return "ignored";
	return dladdr((const void *)handler, &found) ? found.dli_fname : "of no file";
}

static void add_signals(void)
{
	struct sigaction action;
	sigset_t mask;
	for (int number = 1; number < NSIG; number++) {
		if (sigaction(number, NULL, &action) != 0)
			continue;
		add("signal %d: %s %x ", number, file_of(action.sa_handler),
		    (unsigned)action.sa_flags);
		add_mask(&action.sa_mask);
		add("\n");
	}
	if (sigprocmask(SIG_BLOCK, NULL, &mask) == 0) {
		add("blocked: ");
		add_mask(&mask);
		add("\n");
	}
}

/* umask() can't be asked without being set: other threads would see that. */
static void add_umask(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof line, status))
		if (strncmp(line, "Umask:", strlen("Umask:")) == 0)
			add("%s", line);
	if (status)
		fclose(status);
}

/* The thread's own, and the process's, which a thread that has one of its own does not see. */
static void add_locale(void)
{
	const struct lconv *conventions = localeconv();
	add("locale: %s, the thread's is the process's: %d, decimal point %s\n",
	    setlocale(LC_ALL, NULL), uselocale(NULL) == LC_GLOBAL_LOCALE,
	    conventions->decimal_point);
	tzset(); /* or whoever asks for a local time first does it */
	add("time zone: %s %s %ld\n", tzname[0], tzname[1], timezone);
}

static void add_limits(void)
{
	for (int which = 0; which < (int)RLIMIT_NLIMITS; which++) {
		struct rlimit limit;
		if (getrlimit((__rlimit_resource_t)which, &limit) == 0)
			add("limit %d: %ju %ju\n", which, (uintmax_t)limit.rlim_cur,
			    (uintmax_t)limit.rlim_max);
	}
	add("priority: %d, policy: %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0));
}

static void add_timers(void)
{
	static const int which[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
	for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
		struct itimerval timer;
		if (getitimer((__itimer_which_t)which[i], &timer) == 0)
			add("timer %d: %ld.%06ld\n", which[i], (long)timer.it_interval.tv_sec,
			    (long)timer.it_interval.tv_usec);
	}
}

static void add_prctl(void)
{
	int death_signal = 0, reaper = 0;
	prctl(PR_GET_PDEATHSIG, &death_signal);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	add("prctl: dumpable %d, capabilities kept %d, no new privileges %d, timer slack %d, "
	    "signal of death %d, reaper %d, securebits %d, huge pages off %d\n",
	    prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	    prctl(PR_GET_TIMERSLACK), death_signal, reaper, prctl(PR_GET_SECUREBITS),
	    prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
}

const char *guest_state(void)
{
	char folder[4096];
	filled = 0;
	add_signals();
	add_locale();
	add_umask();
	for (char **variable = environ; variable && *variable; variable++)
		add("%s\n", *variable);
	add("folder: %s\n", getcwd(folder, sizeof folder));
	add("session: %ld %ld\n", (long)getsid(0), (long)getpgrp());
	add("user: %ld %ld %ld %ld\n", (long)getuid(), (long)geteuid(), (long)getgid(),
	    (long)getegid());
	add_limits();
	add_timers();
	add_prctl();
	add("rounding: %d, traps: %d\n", fegetround(), fegetexcept());
	return state;
}
