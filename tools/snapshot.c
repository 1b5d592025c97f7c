// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child-link.h"
#include "device-name.h"
#include "directory.h"
#include "exit-codes.h"
#include "live-image.h"
#include "make-image.h"
#include "message.h"
#include "place.h"
#include "signals.h"
#include "snapshot.h"
#include "table-change.h"
#include "table-line.h"
#include "table-swap.h"

/* Attempts to open the image, whose header the kernel may be writing. */
#define READ_TRIES	10
#define READ_USECS	50000
/* Attempts, because the first write may come after the question. */
#define TRIES		3

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

/**
 * snapshot_init() - a snapshot that is wanted
 * @snapshot: filled in, but for the device
 */
void snapshot_init(struct snapshot *snapshot)
{
	*snapshot = (struct snapshot){
		.report.emit = hear,
		.why = "is read-only, so nothing changes that a snapshot could keep",
	};
}

static int refuse(const struct snapshot *snapshot, int err, const char *why)
{
	msg_err("%s: %s", snapshot->dev.name, why);
	return err;
}

/* Find the images of the device; the first one becomes the parent. */
static int check_images(struct snapshot *snapshot)
{
	char path[PATH_MAX];
	struct words images;
	int err = table_line_images(snapshot->dev.table, &images);

	if (err)
		return err;
	snapshot->parent = strdup(live_path(images.word[0], path));
	if (!snapshot->parent)
		err = -ENOMEM;
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

	if (!stat(snapshot->parent, &st) &&
	    (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		return 0;
	msg_err("%s: its image %s is not there any more, so a child could not name it",
		snapshot->dev.name, snapshot->parent);
	return -ENOENT;
}

/**
 * snapshot_check() - can the device go on in a child?
 * @snapshot: with the device; its parent is filled in
 *
 * Return: 0, or a negative errno after a message.
 */
int snapshot_check(struct snapshot *snapshot)
{
	int err = table_change_check(&snapshot->dev, snapshot->why);

	if (!err)
		err = check_images(snapshot);
	return err ? err : check_parent(snapshot);
}

static int take_name(struct snapshot *snapshot, char *name)
{
	if (!name)
		return -ENOMEM;
	free(snapshot->parent);
	snapshot->parent = name;
	return 0;
}

static int take_given(struct snapshot *snapshot, const char *given)
{
	struct stat st, of_given;

	if (stat(given, &of_given)) {
		msg_err("--parent %s: %s", given, strerror(errno));
		return -ENOPARENT;
	}
	if (stat(snapshot->parent, &st) || !place_same_stat(&st, &of_given)) {
		msg_err("--parent %s: is not what %s writes, which is %s",
			given, snapshot->dev.name, snapshot->parent);
		return -EINVAL;
	}
	child_link_warn(given);
	return take_name(snapshot, child_link_path(given));
}

/**
 * snapshot_name() - choose the name by which the child finds its parent
 * @snapshot: checked
 * @given: the user's name for the image that becomes the parent, or NULL
 *
 * Return: 0, or a negative errno after a message: -EINVAL if the image is on a device
 * that has no name which lasts and which Windows allows.
 */
int snapshot_name(struct snapshot *snapshot, const char *given)
{
	struct stat st;
	char *name;

	if (given)
		return take_given(snapshot, given);
	if (stat(snapshot->parent, &st) || !S_ISBLK(st.st_mode))
		return 0;
	name = device_name(snapshot->parent, st.st_rdev, child_link_fits);
	if (name)
		return take_name(snapshot, name);
	msg_err("%s: its image is on %s, which may be another device after a restart, and no name in /dev/mapper or below /dev/disk lasts and is one that Windows allows, so that a child could not find it; --parent gives one, such as a link of your own",
		snapshot->dev.name, snapshot->parent);
	return -EINVAL;
}

/* The kernel is given a path that does not depend on where we are. */
static int resolve_child(struct snapshot *snapshot, const char *path)
{
	char *for_folder = strdup(path), *for_name = strdup(path);
	char *folder = NULL;
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
	return err;
}

/**
 * snapshot_child() - choose the path of the child
 * @snapshot: filled in
 * @path: where nothing must be
 *
 * Return: 0, or a negative errno after a message.
 */
int snapshot_child(struct snapshot *snapshot, const char *path)
{
	struct stat st;
	int err = resolve_child(snapshot, path);

	if (err)
		return err;
	if (lstat(snapshot->child, &st))
		return 0;
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

/*
 * A child that has the parent's name before the device goes on in it must be the
 * disk after a crash, too: as it is now, the parent is no other disk.
 */
static void link_both(struct vhdx_locator *locator,
		      const struct vhdx_image *parent)
{
	const guid_t *now = vhdx_image_identity(parent);

	if (!guid_equal(&locator->linkage, now))
		locator->linkage2 = *now;
}

static int make_fork(struct snapshot *snapshot, const guid_t *linkage,
		     struct vhdx_fork *fork)
{
	const struct child_link link = {
		.child = snapshot->child,
		.parent = snapshot->exchange ? snapshot->child :
					       snapshot->parent,
	};
	struct vhdx_locator *locator;
	struct user_store file;
	struct vhdx_image *image;
	int err;

	err = child_link_locator(&link, linkage, &locator);
	if (err)
		return err;
	if (snapshot->windows)
		err = child_link_windows(locator, snapshot->windows);
	if (!err)
		err = open_parent(snapshot, &file, &image);
	if (!err) {
		snapshot->outside = child_link_leads_out(locator, &file);
		snapshot->loud = true;
		if (snapshot->exchange)
			link_both(locator, image);
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
	struct new_image new = {
		.path = snapshot->child,
		.create.fork = fork,
	};
	const void *member;
	const char *fault;

	if (fork->params.size != snapshot->dev.sectors << 9)
		return refuse(snapshot, -ENOPARENT,
			      "has another size than the image at the path of its image");
	vhdx_layout_usual(&new.create);
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

static bool is_file(const char *path, int fd)
{
	struct stat named, st;

	return !lstat(path, &named) && !fstat(fd, &st) &&
	       place_same_stat(&named, &st);
}

/*
 * Each of two files gets the name of the other, in one step that a crash leaves
 * done or not done. After a failure, give_names_back() must follow.
 */
static int exchange_names(const struct snapshot *snapshot)
{
	int err;

	if (renameat2(AT_FDCWD, snapshot->child, AT_FDCWD, snapshot->parent,
		      RENAME_EXCHANGE)) {
		err = -errno;
		msg_err("%s: cannot exchange names with %s: %s%s",
			snapshot->child, snapshot->parent, strerror(-err),
			err == -EINVAL ? "; its file system has no such operation" :
					 "");
		return err;
	}
	return directory_keep(snapshot->parent);
}

/* Before the device gets its old table once more, by names. */
static void give_names_back(void *context)
{
	const struct snapshot *snapshot = context;

	if (snapshot->exchange && is_file(snapshot->parent, snapshot->fd))
		(void)exchange_names(snapshot);
}

/* Another program may have replaced our file meanwhile. */
static void remove_child(const struct snapshot *snapshot)
{
	if (!is_file(snapshot->child, snapshot->fd))
		return;
	if (unlink(snapshot->child))
		msg_err("%s: is left over and cannot be removed: %s",
			snapshot->child, strerror(errno));
}

/* Return -EAGAIN if the child names the wrong GUID by now. */
static int still_holds(const struct snapshot *snapshot, const guid_t *linkage,
		       bool loaded)
{
	guid_t holds;
	int err = ask_seal(snapshot, &holds);

	if (!err && !guid_equal(&holds, linkage))
		err = -EAGAIN;
	if (!err)
		err = table_change_same(&snapshot->dev, snapshot->exchange,
					loaded);
	if (!err && signals_held()) {
		msg_err("interrupted: %s goes on as before",
			snapshot->dev.name);
		err = -EINTR;
	}
	return err;
}

static void announce(struct snapshot *snapshot,
		     const struct table_swap *swap)
{
	snapshot->nsecs = swap->nsecs;
	if (snapshot->exchange)
		return;
	msg_info("%s: goes on in %s; its parent is %s; I/O was held back for %llu.%02llu ms",
		 snapshot->dev.name, snapshot->child, snapshot->parent,
		 (unsigned long long)swap->nsecs / 1000000,
		 (unsigned long long)swap->nsecs / 10000 % 100);
	if (snapshot->outside)
		child_link_tell(snapshot->child);
}

/* The name that the line has of the parent may be the child's. */
static char *make_line(const struct snapshot *snapshot)
{
	const int fds[2] = { snapshot->fd, snapshot->parent_fd };

	if (!snapshot->exchange)
		return table_line_push(snapshot->fd, snapshot->dev.table);
	return table_line_change(fds, 2, snapshot->dev.table, 1);
}

/* The child is durable; it stays if the device goes on in it, or is stuck there. */
static int change_over(struct snapshot *snapshot, const guid_t *linkage)
{
	struct table_swap swap = {
		.dev = &snapshot->dev,
		.child = snapshot->fd,
		.quiesce = snapshot->quiesce,
		.again = snapshot->tries,
		.undo = give_names_back,
		.context = snapshot,
	};
	char *params = make_line(snapshot);
	int err = params ? 0 : -ENOMEM;

	/* A crash after the exchange leaves the child in the place of its parent. */
	if (!err && snapshot->exchange)
		err = still_holds(snapshot, linkage, false);
	if (!err && snapshot->exchange)
		err = exchange_names(snapshot);
	if (!err)
		err = table_change_load(&snapshot->dev, snapshot->dev.sectors,
					params);

	if (!err) {
		err = still_holds(snapshot, linkage, true);
		if (err)
			(void)dmdev_clear(snapshot->dev.name);
	}
	if (!err)
		err = table_swap(&swap);
	if (!err) {
		announce(snapshot, &swap);
	} else if (!swap.stuck &&
		 !table_swap_is_live(&snapshot->dev, snapshot->fd)) {
		give_names_back(snapshot);
		remove_child(snapshot);
	}
	free(params);
	return err;
}

/* Ignore errors: the seal reports them. */
static void begin_writing(const struct snapshot *snapshot)
{
	char answer[8];

	(void)dmdev_message(snapshot->dev.name, "begin", answer,
			    sizeof(answer));
}

static int try_once(struct snapshot *snapshot)
{
	guid_t linkage;
	int err;

	guid_gen(&snapshot->guid);
	/* Then the GUID that the image has until its end is known, too. */
	if (snapshot->exchange)
		begin_writing(snapshot);
	err = ask_seal(snapshot, &linkage);
	if (!err)
		err = make_child(snapshot, &linkage);
	if (err)
		return err;
	snapshot->parent_fd = open(snapshot->parent, O_PATH | O_CLOEXEC);
	err = snapshot->parent_fd < 0 ? -errno :
					change_over(snapshot, &linkage);
	if (snapshot->parent_fd >= 0)
		close(snapshot->parent_fd);
	close(snapshot->fd);
	return err;
}

/**
 * snapshot_take() - have the device go on in a new child
 * @snapshot: checked, with the path of the child; the device is locked
 *
 * A first write after the device was asked gives its image another GUID than the
 * child names. As a file system comes to rest it does just that, so that writing
 * begins before, then.
 *
 * Return: 0, and the device writes the child; or a negative errno after a
 * message, and it goes on as before, without a child, if none says else. Signals
 * are held then.
 */
int snapshot_take(struct snapshot *snapshot)
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
	/* What a signal interrupts is undone, and has a status of its own. */
	if (!err)
		signals_let();
	return err;
}

/**
 * snapshot_free() - forget what is known
 * @snapshot: in any state
 */
void snapshot_free(struct snapshot *snapshot)
{
	dmdev_forget(&snapshot->dev);
	free(snapshot->child);
	free(snapshot->parent);
}
