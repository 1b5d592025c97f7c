// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "device-arg.h"
#include "document.h"
#include "merge-state.h"
#include "merge-stop.h"
#include "message.h"

/* The process that merges, 0 if none does. */
static pid_t find_process(const struct dmdev *dev)
{
	struct merge_seen seen;

	merge_state_look(dev, &seen);
	tree_free(seen.tree);
	return seen.process;
}

static int wait_for_end(int fd)
{
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	while (poll(&ended, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/*
 * A process that merges as long as its number is looked at is the one that has the
 * number. Returns -ESRCH if there is none.
 */
static int stop_process(const struct dmdev *dev)
{
	pid_t process = find_process(dev);
	int fd, err = 0;

	if (!process)
		return -ESRCH;
	fd = pidfd_open(process, 0);
	if (fd < 0)
		return -errno;
	if (find_process(dev) != process)
		err = -ESRCH;
	else if (pidfd_send_signal(fd, SIGTERM, NULL, 0))
		err = -errno;
	if (!err)
		err = wait_for_end(fd);
	close(fd);
	return err;
}

static int refuse(const struct dmdev *dev, int err)
{
	msg_err("%s: its merge cannot be stopped: %s", dev->name,
		strerror(-err));
	return err;
}

static void tell(const struct options *options, const struct dmdev *dev)
{
	struct merge_seen seen;

	merge_state_look(dev, &seen);
	if (options->json) {
		document_list("merges");
		document_list_end(true);
		document_put("stopped", tree_boolean(seen.tree));
	}
	if (seen.tree)
		msg_info("%s: the merge has stopped, and the disk is what it was; another `vhdxsetup merge %s' goes on with it",
			 dev->name, dev->name);
	else
		msg_info("%s: the merge was done before it could stop",
			 dev->name);
	tree_free(seen.tree);
}

/**
 * merge_stop() - the verb `merge --stop`: waits until the merge has stopped
 * @options: of the command line
 * @name: of the device
 *
 * Return: 0, also if it was done first; or a negative errno after a message:
 * -ENOENT if there is none.
 */
int merge_stop(const struct options *options, const char *name)
{
	struct dmdev dev;
	int err = device_arg(name, &dev);

	if (err)
		return err;
	err = stop_process(&dev);
	if (err == -ESRCH) {
		msg_err("%s: no merge of it is under way", dev.name);
		err = -ENOENT;
	} else if (err) {
		refuse(&dev, err);
	} else {
		tell(options, &dev);
	}
	dmdev_forget(&dev);
	return err;
}

/**
 * merge_stop_first() - stop the merge of a device, which is to go
 * @dev: the device
 *
 * The process that merges writes to a parent that the device keeps from others.
 *
 * Return: 0 if none is under way any more, or a negative errno after a message.
 */
int merge_stop_first(const struct dmdev *dev)
{
	int err = stop_process(dev);

	if (err == -ESRCH)
		return 0;
	if (err)
		return refuse(dev, err);
	msg_info("%s: the merge that was under way has stopped", dev->name);
	return 0;
}
