// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mounted.h"
#include "signals.h"

/* A file system of ours hides the directory, in our namespace alone. */
#define ROOM		"/tmp"
#define DIRECTORY	ROOM "/disk"

#define STRICT		(MS_NODEV | MS_NOEXEC | MS_NOSUID)

/* How long to wait between two looks at the process and for signals. */
#define LOOK_USECS	10000

/**
 * struct shared - what both processes see
 * @mounted: the work
 * @err: its result
 */
struct shared {
	struct mounted mounted;
	int err;
};

/* Mounts elsewhere may come and go, but ours are for us alone. */
static int make_room(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) ||
	    mount("vhdxsetup", ROOM, "tmpfs", STRICT, "size=64k,mode=0700") ||
	    mkdir(DIRECTORY, 0700))
		return -errno;
	return 0;
}

/*
 * The host may have a copy of an XFS mounted, which has the same UUID. An NTFS is
 * trimmed only with the option.
 */
static const char *data_of(const char *type)
{
	if (!strcmp(type, "xfs"))
		return "nouuid";
	return strcmp(type, "ntfs3") ? NULL : "discard";
}

static int mount_and_work(struct mounted *mounted)
{
	unsigned long flags = STRICT | (mounted->writable ? 0 : MS_RDONLY);
	int err = make_room();

	if (err)
		return err;
	if (mount(mounted->node, DIRECTORY, mounted->type, flags,
		  data_of(mounted->type)))
		return -errno;
	mounted->mounted = true;
	err = mounted->work(DIRECTORY, mounted);
	if (umount2(DIRECTORY, 0) && !err)
		err = -errno;
	return err;
}

/* A signal ends this process, as it would have ended the other one. */
static void child(struct shared *shared, pid_t parent)
{
	sigset_t mask;

	signals_before(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (!prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent)
		shared->err = mount_and_work(&shared->mounted);
	_exit(0);
}

/* Signals are held here. One that came to us alone ends the other one, too. */
static int wait_for(pid_t pid)
{
	bool stopped = false;
	int status = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (!stopped && signals_held()) {
			kill(pid, SIGKILL);
			stopped = true;
		}
		usleep(LOOK_USECS);
	}
	if (!WIFSIGNALED(status))
		return 0;
	return signals_held() ? -EINTR : -EIO;
}

/**
 * mounted_do() - mount a file system, do some work in it, unmount it
 * @mounted: the file system and the work
 *
 * Context: root; signals are held, and no other thread runs.
 * Return: what the work returned; or a negative errno, with @mounted->mounted unset, if
 * the kernel does not mount it; -EINTR after a signal.
 */
int mounted_do(struct mounted *mounted)
{
	struct shared *shared = mmap(NULL, sizeof(*shared),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid(), pid;
	int err;

	if (shared == MAP_FAILED)
		return -ENOMEM;
	mounted->mounted = false;
	*shared = (struct shared){ .mounted = *mounted, .err = -EIO };
	pid = fork();
	if (!pid)
		child(shared, parent);
	err = pid < 0 ? -errno : wait_for(pid);
	if (!err)
		err = shared->err;
	*mounted = shared->mounted;
	munmap(shared, sizeof(*shared));
	return err;
}
