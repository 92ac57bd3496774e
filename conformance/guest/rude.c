/* rude.c - a plugin that leaves nothing alone, to show that manners.c sees it
 *
 * A shared object that needs epptap.so, so that all calls but epptap_open() are found there; this one does its worst
 * first.
 */
#include "plugin/epptap.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libxml/xmlerror.h>
#include <locale.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void at_exit(void)
{
}

__attribute__((visibility("default"))) int epptap_open(const char *config, struct epptap **tap,
						       char *why, size_t why_size)
{
	pthread_t thread;
	void *object = dlopen("epptap.so", RTLD_NOW | RTLD_NOLOAD);
	__typeof__(epptap_open) *open_tap = NULL;
	if (object)
		*(void **)&open_tap = dlsym(object, "epptap_open");
	signal(SIGPIPE, SIG_IGN);
	umask(0);
	setlocale(LC_NUMERIC, "C");
	setenv("OF_OURS", "no more", 1);
	setenv("LATER", "put back", 1);
	unsetenv("LATER");
	xmlSetGenericErrorFunc(NULL, NULL);
	xmlKeepBlanksDefault(1);
	ERR_clear_error();
	atexit(at_exit);
	pthread_create(&thread, NULL, sleep_for_ever, NULL);
	pthread_setname_np(thread, "rude");
	return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 || !open_tap
		       ? EPPTAP_EINVAL
		       : open_tap(config, tap, why, why_size);
}
