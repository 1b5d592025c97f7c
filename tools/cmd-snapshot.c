// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapshot: have a live device continue in a new child of its image. All slow
 * work precedes the swap of the tables. A failure leaves the device as it was,
 * and no child.
 */
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child-link.h"
#include "device-arg.h"
#include "device-lock.h"
#include "exit-codes.h"
#include "kmsg.h"
#include "message.h"
#include "new-image.h"
#include "place.h"
#include "signals.h"
#include "snapshot-swap.h"
#include "status-tree.h"
#include "table-line.h"
#include "vhdxsetup.h"

/* First version of the target with the message "seal". */
#define SEAL_MINOR	3
/* Attempts to open the image, whose header the kernel may be writing. */
#define READ_TRIES	10
#define READ_USECS	50000
/* Attempts, because the first write may come after the question. */
#define TRIES		3

/**
 * struct snapshot - a device and its new child
 * @report: receives the engine's findings about the parent
 * @options: of the command line
 * @dev: present state of the device
 * @child: absolute path of the child
 * @parent: path of the image that the device writes
 * @loud: print errors of the parent
 * @fd: descriptor of the new child, which identifies it whatever happens to its
 *	path
 * @guid: DataWriteGuid that the parent ends under
 * @tries: attempts that are left
 */
struct snapshot {
	struct vhdx_report report;
	const struct options *options;
	struct dmdev dev;
	char *child;
	char *parent;
	bool loud;
	int fd;
	guid_t guid;
	int tries;
};

static void hear(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	const struct snapshot *snapshot =
		container_of(report, struct snapshot, report);
	char sentence[VHDX_SENTENCE_MAX];

	if (!snapshot->loud || finding->severity != VHDX_ERROR)
		return;
	vhdx_sentence(finding, sentence, sizeof(sentence));
	msg_err("%s: %s", snapshot->parent, sentence);
}

static int check_version(void)
{
	u32 version[3];
	int err = dmdev_target(TARGET_TYPE, version);

	if (err || version[0] != TARGET_MAJOR || version[1] >= SEAL_MINOR)
		return err;
	msg_err("the loaded module has target version %u.%u.%u, but a snapshot needs %u.%u",
		version[0], version[1], version[2], TARGET_MAJOR, SEAL_MINOR);
	return -ENOTARGET;
}

static int refuse(const struct snapshot *snapshot, int err, const char *why)
{
	msg_err("%s: %s", snapshot->dev.name, why);
	return err;
}

static int check_device(const struct snapshot *snapshot)
{
	const struct dmdev *dev = &snapshot->dev;
	char *fault;

	if (dev->suspended)
		return refuse(snapshot, -EBUSY,
			      "is suspended; `dmsetup resume' ends that");
	if (dev->inactive)
		return refuse(snapshot, -EBUSY,
			      "has a table loaded that is not live; `dmsetup resume' or `dmsetup clear' ends that");
	if (dev->read_only)
		return refuse(snapshot, -EROFS,
			      "is read-only, so nothing changes that a snapshot could keep");
	fault = status_fault(dev);
	if (!fault)
		return 0;
	msg_err("%s: nothing can be written any more: %s; close it, and open it again",
		dev->name, fault);
	free(fault);
	return -EROFS;
}

/* Find the images of the device; the first one becomes the parent. */
static int check_images(struct snapshot *snapshot)
{
	struct words images;
	dev_t device;
	int err = table_line_images(snapshot->dev.table, &images);

	if (err)
		return err;
	snapshot->parent = strdup(images.word[0]);
	if (!snapshot->parent)
		err = -ENOMEM;
	else if (words_device(images.word[0], &device))
		err = refuse(snapshot, -EINVAL,
			     "its image is on a block device, for which a child has no lasting name; a snapshot needs an image in a file");
	else if (images.count >= VHDX_CHAIN_MAX)
		err = refuse(snapshot, -ELOOP,
			     "its chain is as deep as one can be");
	words_free(&images);
	return err;
}

/* The kernel checks whether the file still has its name. */
static int check_parent(const struct snapshot *snapshot)
{
	struct stat st;

	if (!stat(snapshot->parent, &st) && S_ISREG(st.st_mode))
		return 0;
	msg_err("%s: its image %s is not there any more, so a child could not name it",
		snapshot->dev.name, snapshot->parent);
	return -ENOENT;
}

/* Make the path absolute, for the kernel. */
static int take_child(struct snapshot *snapshot, const char *path)
{
	char *for_folder = strdup(path), *for_name = strdup(path);
	char *folder = NULL;
	struct stat st;
	int err = -ENOMEM;

	if (for_folder && for_name)
		folder = realpath(dirname(for_folder), NULL);
	if (for_folder && for_name && !folder) {
		err = -errno;
		msg_err("%s: %s", for_folder, strerror(-err));
	}
	if (folder && asprintf(&snapshot->child, "%s/%s",
			       strcmp(folder, "/") ? folder : "",
			       basename(for_name)) >= 0)
		err = 0;
	free(folder);
	free(for_folder);
	free(for_name);
	if (err || lstat(snapshot->child, &st))
		return err;
	msg_err("%s: exists; nothing is overwritten", snapshot->child);
	return -EEXIST;
}

/*
 * Seal the image under our GUID. The answer is the DataWriteGuid that it ends
 * under, unless the first write comes meanwhile.
 */
static int ask_seal(const struct snapshot *snapshot, guid_t *holds)
{
	char guid[VHDX_GUID_TEXT_SIZE], text[64], answer[64];
	int err;

	snprintf(text, sizeof(text), "seal %s",
		 vhdx_guid_text(&snapshot->guid, guid));
	err = dmdev_message(snapshot->dev.name, text, answer, sizeof(answer));
	if (!err && guid_parse(answer, holds))
		err = -EPROTO;
	/* It has ended under this GUID meanwhile, so try another one. */
	if (err == -EINVAL)
		return -EAGAIN;
	if (err)
		msg_err("%s: cannot be sealed: %s", snapshot->dev.name,
			strerror(-err));
	return err;
}

/* A device that writes does not change the metadata that a child copies. */
static int open_parent(struct snapshot *snapshot, struct user_store *file,
		       struct vhdx_image **image)
{
	int err, tries;

	for (tries = 1; tries <= READ_TRIES; tries++) {
		snapshot->loud = tries == READ_TRIES;
		err = user_store_open(file, snapshot->parent, USER_PEEK);
		if (err)
			return err;
		*image = vhdx_image_open(&file->store, VHDX_POOL_PAGES_DEFAULT,
					 &snapshot->report);
		if (!IS_ERR(*image))
			return 0;
		err = PTR_ERR(*image);
		user_store_close(file);
		usleep(READ_USECS);
	}
	return err;
}

static int make_fork(struct snapshot *snapshot, const guid_t *linkage,
		     struct vhdx_fork *fork)
{
	const struct child_link link = {
		.child = snapshot->child,
		.parent = snapshot->parent,
	};
	struct vhdx_locator *locator;
	struct user_store file;
	struct vhdx_image *image;
	int err;

	err = child_link_locator(&link, linkage, &locator);
	if (err)
		return err;
	err = open_parent(snapshot, &file, &image);
	if (!err) {
		snapshot->loud = true;
		err = vhdx_fork_init(fork, image, locator, &snapshot->report);
		vhdx_image_close(image);
		user_store_close(&file);
	}
	vhdx_locator_free(locator);
	return err;
}

static int write_child(const struct snapshot *snapshot,
		       const struct vhdx_fork *fork)
{
	const struct new_image new = {
		.path = snapshot->child,
		.create = {
			.size = fork->params.size,
			.block_size = VHDX_CREATE_BLOCK_SIZE,
			.logical_sector = fork->params.logical_sector,
			.physical_sector = fork->params.physical_sector,
			.log_length = VHDX_CREATE_LOG_LENGTH,
			.fork = fork,
		},
	};
	const void *member;
	const char *fault;

	if (fork->params.size != snapshot->dev.sectors << 9)
		return refuse(snapshot, -ENOPARENT,
			      "has another size than the image at the path of its image");
	fault = vhdx_layout_fault(&new.create, &member);
	return fault ? refuse(snapshot, -EINVAL, fault) :
		       new_image_make(&new);
}

static int make_child(struct snapshot *snapshot, const guid_t *linkage)
{
	struct vhdx_fork fork = { 0 };
	int err = make_fork(snapshot, linkage, &fork);

	if (!err)
		err = write_child(snapshot, &fork);
	vhdx_fork_exit(&fork);
	if (err)
		return err;
	snapshot->fd = open(snapshot->child, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return snapshot->fd < 0 ? -errno : 0;
}

/* Another program may have replaced our file meanwhile. */
static void remove_child(const struct snapshot *snapshot)
{
	struct stat st, made;

	if (lstat(snapshot->child, &st) || fstat(snapshot->fd, &made) ||
	    !place_same_stat(&st, &made))
		return;
	if (unlink(snapshot->child))
		msg_err("%s: is left over and cannot be removed: %s",
			snapshot->child, strerror(errno));
}

static int load_line(const struct snapshot *snapshot, const char *params)
{
	const struct dmdev_spec spec = {
		.name = snapshot->dev.name,
		.sectors = snapshot->dev.sectors,
		.params = params,
	};
	int log = kmsg_begin();
	int err = dmdev_load(&spec);

	if (err) {
		msg_verbose("the table is refused: %s", strerror(-err));
		kmsg_explain(log, spec.name, true);
		err = err == -EBUSY || err == -ETXTBSY ? -EBUSY : -ENOTARGET;
	}
	kmsg_end(log);
	return err;
}

/* Other programs do not take our lock. */
static int still_same(const struct snapshot *snapshot)
{
	struct dmdev now;
	int err = dmdev_query(snapshot->dev.name, &now);

	if (err)
		return err;
	if (!now.table || strcmp(now.table, snapshot->dev.table) ||
	    now.suspended || !now.inactive)
		err = refuse(snapshot, -EBUSY,
			     "another program changes its table; nothing is done");
	dmdev_forget(&now);
	return err;
}

/* Return -EAGAIN if the child names the wrong GUID by now. */
static int still_holds(const struct snapshot *snapshot, const guid_t *linkage)
{
	guid_t holds;
	int err = ask_seal(snapshot, &holds);

	if (!err && !guid_equal(&holds, linkage))
		err = -EAGAIN;
	if (!err)
		err = still_same(snapshot);
	if (!err && signals_held()) {
		msg_err("interrupted: %s goes on as before",
			snapshot->dev.name);
		err = -EINTR;
	}
	return err;
}

static void announce(const struct snapshot *snapshot,
		     const struct snapshot_swap *swap)
{
	msg_info("%s: goes on in %s; its parent is %s; I/O was held back for %llu.%02llu ms",
		 snapshot->dev.name, snapshot->child, snapshot->parent,
		 (unsigned long long)swap->nsecs / 1000000,
		 (unsigned long long)swap->nsecs / 10000 % 100);
}

/* Switch to the durable child. It stays if the device uses it, or is stuck. */
static int change_over(const struct snapshot *snapshot, const guid_t *linkage)
{
	struct snapshot_swap swap = {
		.dev = &snapshot->dev,
		.params = table_line_push(snapshot->fd, snapshot->dev.table),
		.child = snapshot->fd,
		.quiesce = snapshot->options->quiesce,
		.again = snapshot->tries,
	};
	int err = swap.params ? load_line(snapshot, swap.params) : -ENOMEM;

	if (!err) {
		err = still_holds(snapshot, linkage);
		if (err)
			(void)dmdev_clear(snapshot->dev.name);
	}
	if (!err)
		err = snapshot_swap(&swap);
	if (!err)
		announce(snapshot, &swap);
	else if (!swap.stuck && !snapshot_is_live(&snapshot->dev, snapshot->fd))
		remove_child(snapshot);
	free((char *)swap.params);
	return err;
}

static int try_once(struct snapshot *snapshot)
{
	guid_t linkage;
	int err;

	guid_gen(&snapshot->guid);
	err = ask_seal(snapshot, &linkage);
	if (!err)
		err = make_child(snapshot, &linkage);
	if (err)
		return err;
	err = change_over(snapshot, &linkage);
	close(snapshot->fd);
	return err;
}

/* Ignore errors: the seal reports them. */
static void begin_writing(const struct snapshot *snapshot)
{
	char answer[8];

	(void)dmdev_message(snapshot->dev.name, "begin", answer,
			    sizeof(answer));
}

/*
 * If the first write comes after the seal's answer, the image gets another GUID
 * than the child names. Freezing a file system causes such a write, so begin
 * the session before the next attempt.
 */
static int take(struct snapshot *snapshot)
{
	int err;

	signals_hold();
	snapshot->tries = TRIES;
	do {
		snapshot->tries--;
		err = try_once(snapshot);
		if (err == -ESTALE && snapshot->tries)
			begin_writing(snapshot);
	} while (snapshot->tries && (err == -ESTALE || err == -EAGAIN));
	if (err == -EAGAIN)
		msg_err("%s: its image changes too fast; it goes on as before",
			snapshot->dev.name);
	/* After a signal, all is undone, and the exit code says so. */
	if (!err)
		signals_let();
	return err;
}

/* The device may have changed before we had the lock. */
static int look_again(struct dmdev *dev)
{
	struct dmdev now;
	int err = dmdev_query(dev->name, &now);

	if (err)
		return err;
	dmdev_forget(dev);
	*dev = now;
	if (dmdev_is_vhdx(dev))
		return 0;
	msg_err("%s: is no device made of a VHDX image any more", dev->name);
	return -ENXIO;
}

/**
 * cmd_snapshot() - the verb `snapshot`
 * @options: of the command line
 * @args: the device, and the child to make
 *
 * Return: 0 or a negative errno.
 */
int cmd_snapshot(const struct options *options, char **args)
{
	struct snapshot snapshot = {
		.report.emit = hear,
		.options = options,
	};
	int err, lock;

	err = device_arg(args[0], &snapshot.dev);
	if (err)
		return err;
	lock = device_lock(&snapshot.dev);
	err = lock < 0 ? lock : look_again(&snapshot.dev);
	if (!err)
		err = check_version();
	if (!err)
		err = check_device(&snapshot);
	if (!err)
		err = check_images(&snapshot);
	if (!err)
		err = check_parent(&snapshot);
	if (!err)
		err = take_child(&snapshot, args[1]);
	if (!err)
		err = take(&snapshot);
	if (lock >= 0)
		device_unlock(lock);
	dmdev_forget(&snapshot.dev);
	free(snapshot.child);
	free(snapshot.parent);
	return err;
}
