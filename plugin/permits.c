#include "plugin/permits.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = -1 }; /* a descriptor that is none */

/* Each answers -1 with an errno if the call is denied; with another, if it is not, since there is nothing to be
 * done. */
#define TRY(name, call)                                                                            \
	static long try_##name(void)                                                               \
	{                                                                                          \
		return (long)(call);                                                               \
	}

/* The same of what answers the error itself. */
#define TRY_ERROR(name, call)                                                                      \
	static long try_##name(void)                                                               \
	{                                                                                          \
		errno = (call);                                                                    \
		return errno ? -1 : 0;                                                             \
	}

static char byte;
static struct stat file;
static struct statfs file_system;
static struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
static const struct timespec at_once;

TRY(mmap, mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NOBODY, 0) == MAP_FAILED ? -1 : 0)
TRY(munmap, munmap(NULL, 0))
TRY(mprotect, mprotect(NULL, 0, PROT_NONE))
TRY(openat, open("", O_RDWR | O_CREAT | O_CLOEXEC, 0600))
TRY(close, close(NOBODY))
TRY(read, read(NOBODY, &byte, 1))
TRY(write, write(NOBODY, &byte, 1))
TRY(lseek, lseek(NOBODY, 0, SEEK_SET))
TRY(stat, stat("", &file))
TRY(fstat, fstat(NOBODY, &file))
TRY(mkdir, mkdir("", 0700))
TRY(unlink, unlink(""))
TRY(fsync, fsync(NOBODY))
TRY(fdatasync, fdatasync(NOBODY))
TRY(fcntl, fcntl(NOBODY, F_SETLK, &lock))
TRY(getdents, syscall(SYS_getdents64, NOBODY, &byte, 1))
TRY(getrandom, getrandom(&byte, 1, GRND_NONBLOCK))
/* Not as libc has them: that takes it that they can't fail. */
TRY(getpid, syscall(SYS_getpid))
TRY(geteuid, syscall(SYS_geteuid))
TRY_ERROR(sigmask, pthread_sigmask(SIG_BLOCK, NULL, &(sigset_t){{0}}))
TRY_ERROR(nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &at_once, NULL))
TRY(rename, rename("", ""))
TRY(fchmod, fchmod(NOBODY, 0600))
TRY(statfs, statfs("", &file_system))
TRY(poll, poll(NULL, 0, 0))
TRY(pread, pread(NOBODY, &byte, 1, 0))
TRY(pwrite, pwrite(NOBODY, &byte, 1, 0))
TRY(writev, writev(NOBODY, &(struct iovec){&byte, 1}, 1))
TRY(ftruncate, ftruncate(NOBODY, 0))
TRY(bind,
    bind(NOBODY, (const struct sockaddr *)&(struct sockaddr_storage){0}, sizeof(struct sockaddr)))
TRY(listen, listen(NOBODY, 1))
TRY(accept, accept4(NOBODY, NULL, NULL, SOCK_CLOEXEC))
TRY(setsockopt, setsockopt(NOBODY, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)))
TRY(getsockname,
    getsockname(NOBODY, (struct sockaddr *)&(struct sockaddr_storage){0}, &(socklen_t){0}))
TRY(sendto, sendto(NOBODY, &byte, 1, 0, NULL, 0))
TRY(recvfrom, recvfrom(NOBODY, &byte, 1, 0, NULL, NULL))
TRY(recvmsg, recvmsg(NOBODY, &(struct msghdr){0}, 0))
TRY(epoll_ctl, epoll_ctl(NOBODY, EPOLL_CTL_ADD, NOBODY, &(struct epoll_event){0}))
TRY(epoll_wait, epoll_wait(NOBODY, &(struct epoll_event){0}, 1, 0))
TRY(getscheduler, sched_getscheduler(0))
TRY(getparam, sched_getparam(0, &(struct sched_param){0}))
TRY(setscheduler, sched_setscheduler(-1, SCHED_OTHER, &(struct sched_param){0}))

static long try_futex(void)
{
	uint32_t word = 0;
	return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* The C library gives up if threads can't have what the first one had. Where it has none, nobody needs it. */
extern const unsigned __rseq_size __attribute__((weak));

static long try_rseq(void)
{
#ifdef SYS_rseq
	if (&__rseq_size && __rseq_size > 0)
		return syscall(SYS_rseq, NULL, 0, 0, 0);
#endif
	return 0;
}

static long try_clock(void)
{
	struct timespec now;
	return clock_gettime(CLOCK_REALTIME, &now) || clock_gettime(CLOCK_MONOTONIC, &now) ||
			       clock_gettime(CLOCK_BOOTTIME, &now)
		       ? -1
		       : 0;
}

/* These make something, and close it. */
static long give_back(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

TRY(socket, give_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)))
TRY(netlink, give_back(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)))
TRY(eventfd, give_back(eventfd(0, EFD_CLOEXEC)))
TRY(epoll_create, give_back(epoll_create1(EPOLL_CLOEXEC)))

struct permit {
	const char *call;
	long (*try)(void);
	const char *purpose;
};

/* A tap can't be without these. */
static const struct permit needed[] = {
	{"mmap()", try_mmap, "memory is taken with it"},
	{"munmap()", try_munmap, "memory is given back with it"},
	{"mprotect()", try_mprotect, "threads are started with it"},
	{"futex()", try_futex, "threads wait for each other with it"},
	{"rseq()", try_rseq, "the C library starts threads with it"},
	{"rt_sigprocmask()", try_sigmask,
	 "the tap's threads keep off the front end's signals with it"},
	{"clock_gettime()", try_clock, "changes are put in order by it"},
	{"clock_nanosleep()", try_nanosleep, "the capture thread sleeps with it"},
	{"getpid()", try_getpid, "a forked child is known by it"},
	{"geteuid()", try_geteuid, "the owner of state_dir is looked at with it"},
	{"openat()", try_openat, "files in state_dir are made with it"},
	{"close()", try_close, "files are closed with it"},
	{"read()", try_read, "the configuration is read with it"},
	{"write()", try_write, "changes are written to the spool with it"},
	{"lseek()", try_lseek, "a write that failed is tried again with it"},
	{"newfstatat()", try_stat, "state_dir is looked at with it"},
	{"fstat()", try_fstat, "files are looked at with it"},
	{"mkdir()", try_mkdir, "folders in state_dir are made with it"},
	{"unlink()", try_unlink, "files in state_dir are removed with it"},
	{"getdents64()", try_getdents,
	 "the spool is measured with it, so that it keeps to spool.limit"},
	{"fsync()", try_fsync, "what is new in state_dir outlives a crash by it"},
	{"fdatasync()", try_fdatasync, "changes outlive a crash by it"},
	{"fcntl()", try_fcntl, "its record locks say who has state_dir open"},
	{"getrandom()", try_getrandom, "names that nobody else takes are made with it"},
};

/* An embedded publisher can't be without these besides. */
static const struct permit publishing[] = {
	{"rename()", try_rename, "the channels' logs are written with it"},
	{"fchmod()", try_fchmod, "the channels' logs are made readable with it"},
	{"pread64()", try_pread, "the feed store is read with it"},
	{"pwrite64()", try_pwrite, "the feed store is written with it"},
	{"writev()", try_writev, "the feed store is written with it"},
	{"ftruncate()", try_ftruncate, "the feed store is made with it"},
	{"poll()", try_poll, "libzmq's threads wait with it"},
	{"eventfd2()", try_eventfd, "libzmq's threads wake each other with it"},
	{"epoll_create1()", try_epoll_create, "libzmq looks after subscribers with it"},
	{"epoll_ctl()", try_epoll_ctl, "libzmq looks after subscribers with it"},
	{"epoll_wait()", try_epoll_wait, "libzmq looks after subscribers with it"},
	{"sched_getscheduler()", try_getscheduler, "libzmq starts threads with it"},
	{"sched_getparam()", try_getparam, "libzmq starts threads with it"},
	{"sched_setscheduler()", try_setscheduler, "libzmq starts threads with it"},
	{"socket()", try_socket, "the channels' ports are opened with it"},
	{"socket() of netlink", try_netlink,
	 "the C library finds this machine's addresses with it"},
	{"bind()", try_bind, "the channels' ports are opened with it"},
	{"listen()", try_listen, "the channels' ports are opened with it"},
	{"accept4()", try_accept, "subscribers are let in with it"},
	{"setsockopt()", try_setsockopt, "the channels' ports are opened with it"},
	{"getsockname()", try_getsockname, "the channels' ports are opened with it"},
	{"sendto()", try_sendto, "events are sent with it"},
	{"recvfrom()", try_recvfrom, "subscribers are heard with it"},
	{"recvmsg()", try_recvmsg, "the C library finds this machine's addresses with it"},
};

/* What is lost without these is not a change. */
static const struct permit wanted[] = {
	{"rename()", try_rename, "`epptapctl status` will not show this process"},
	{"fchmod()", try_fchmod, "`epptapctl status` will not show this process"},
	{"statfs()", try_statfs,
	 "it can't be told whether state_dir lies on a network file system"},
	{"poll()", try_poll, "lines of the log go to syslog, and not to stderr"},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* A filter answers with one of these; EAFNOSUPPORT is systemd's RestrictAddressFamilies=. */
static bool denies(int error)
{
	return error == EPERM || error == ENOSYS || error == EACCES || error == EAFNOSUPPORT;
}

/* The first that is denied, with errno; NULL: none is. */
static const struct permit *find_denied(const struct permit *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].try() == -1 && denies(errno))
			return &list[i];
	return NULL;
}

/* Goes through a list of what is needed. */
static int need(const struct permit *list, size_t count, char *why, size_t why_size)
{
	const struct permit *denied = find_denied(list, count);
	if (!denied)
		return RESULT_OK;
	snprintf(why, why_size,
		 "this process may not call %s: %s; %s. Allow it in the filter of system calls "
		 "(seccomp) that the front end, its container or its unit (SystemCallFilter=) has",
		 denied->call, strerror(errno), denied->purpose);
	return RESULT_STORE;
}

int permits_capture(char *why, size_t why_size)
{
	int result = need(needed, COUNT(needed), why, why_size);
	for (size_t i = 0; result == RESULT_OK && i < COUNT(wanted); i++)
		if (find_denied(&wanted[i], 1))
			log_warning("this process may not call %s: %s; %s", wanted[i].call,
				    strerror(errno), wanted[i].purpose);
	return result;
}

int permits_publish(char *why, size_t why_size)
{
	return need(publishing, COUNT(publishing), why, why_size);
}

const char *permits_advice(int error)
{
	if (denies(error))
		return "see to the owner and mode of state_dir, and whether a filter of system "
		       "calls (seccomp) denies the front end openat(), write(), fsync() or "
		       "fdatasync()";
	return "make room in state_dir, or see to its owner and mode";
}
