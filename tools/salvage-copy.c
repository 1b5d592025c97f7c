// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "findings.h"
#include "make-image.h"
#include "message.h"
#include "open-image.h"
#include "salvage-copy.h"
#include "zeros.h"

/* Zeros of this length need no space within a block, and are not written. */
#define GRAIN	(64 * VHDX_KIB)

/**
 * salvage_copy_check() - check that a file can be made
 * @copy: its name is known
 * @source: the damaged image and its parents
 *
 * Before anything is read, for it may take hours.
 *
 * Return: 0, or a negative errno after a message.
 */
int salvage_copy_check(const struct salvage_copy *copy,
		       const struct disk *source)
{
	struct stat st;
	u32 i;

	if (stat(copy->path, &st))
		return 0;
	for (i = 0; i < source->depth; i++) {
		if (!user_store_is(&source->layer[i]->file, &st))
			continue;
		msg_err("%s: is %s; a salvage writes to another file",
			copy->path, i ? "a parent of the damaged image" :
					"the damaged image");
		return -EINVAL;
	}
	if (!S_ISREG(st.st_mode)) {
		msg_err("%s: is no file; a salvage makes files only",
			copy->path);
		return -EINVAL;
	}
	if (copy->force)
		return 0;
	msg_err("%s: exists; --force replaces it", copy->path);
	return -EEXIST;
}

static int make(struct salvage_copy *copy, const struct vhdx_params *params)
{
	const struct new_image new = {
		.path = copy->part,
		.create = {
			.size = params->size,
			.block_size = params->block_size,
			.logical_sector = params->logical_sector,
			.physical_sector = params->physical_sector,
			.log_length = VHDX_CREATE_LOG_LENGTH,
		},
	};
	int n = snprintf(copy->part, sizeof(copy->part), "%s.part", copy->path);
	int err = -ENAMETOOLONG;

	if (n > 0 && (size_t)n < sizeof(copy->part))
		err = new_image_make(&new);
	else
		msg_err("%s: the name is too long", copy->path);
	if (err)
		copy->part[0] = '\0';
	return err;
}

/**
 * salvage_copy_begin() - make the image, empty
 * @copy: its name is known
 * @params: of the disk
 *
 * Return: 0, or a negative errno after a message; salvage_copy_drop() in any
 * case if salvage_copy_end() is not called.
 */
int salvage_copy_begin(struct salvage_copy *copy,
		       const struct vhdx_params *params)
{
	const struct options none = { 0 };
	guid_t identity;
	int err = make(copy, params);

	if (!err)
		err = open_image(&none, copy->part, OPEN_WRITABLE,
				 sink_messages(), &copy->disk);
	if (err)
		return err;
	guid_gen(&identity);
	err = writer_begin(&copy->writer, copy->disk->layer[0], &identity);
	copy->begun = !err;
	return err;
}

/*
 * Bytes from the start of a buffer that are all zeros, or none of whose grains
 * is.
 */
static u64 alike(const u8 *buf, u64 pos, u64 length, bool *zeros)
{
	u64 done = 0, grain;
	bool first;

	while (done < length) {
		grain = min(length - done, GRAIN - (pos + done) % GRAIN);
		first = all_zeros(buf + done, grain);
		if (!done)
			*zeros = first;
		if (first != *zeros)
			break;
		done += grain;
	}
	return done;
}

/**
 * salvage_copy_write() - write bytes of the disk
 * @copy: from salvage_copy_begin()
 * @pos: byte offset on the disk, sector-aligned
 * @buf: the bytes
 * @length: how many, sector-aligned, above 0
 *
 * Return: 0, or a negative errno after a message.
 */
int salvage_copy_write(struct salvage_copy *copy, u64 pos, const void *buf,
		       u64 length)
{
	u64 done, run;
	int err = 0;

	for (done = 0; done < length && !err; done += run) {
		const u8 *bytes = (const u8 *)buf + done;
		bool zeros;

		run = alike(bytes, pos + done, length - done, &zeros);
		if (!zeros)
			err = writer_write(&copy->writer, pos + done, bytes,
					   run);
	}
	return err;
}

/**
 * salvage_name() - give a file that is whole its name
 * @part: its name so far
 * @path: the name that it gets
 * @force: a file of that name is replaced
 *
 * Return: 0, and the name is durable; or a negative errno after a message.
 */
int salvage_name(const char *part, const char *path, bool force)
{
	int err = 0;

	if (renameat2(AT_FDCWD, part, AT_FDCWD, path,
		      force ? 0 : RENAME_NOREPLACE))
		err = -errno;
	/* Not every file system can look and rename at once. */
	if (err == -EINVAL && access(path, F_OK))
		err = rename(part, path) ? -errno : 0;
	if (err)
		msg_err("%s: cannot be given its name: %s", path,
			strerror(-err));
	else
		err = directory_keep(path);
	return err;
}

/**
 * salvage_copy_end() - complete the image, and give it its name
 * @copy: from salvage_copy_begin()
 *
 * Return: 0: the image is durable and clean; or a negative errno after a
 * message.
 */
int salvage_copy_end(struct salvage_copy *copy)
{
	int err;

	copy->begun = false;
	err = writer_end(&copy->writer);
	disk_close(copy->disk);
	copy->disk = NULL;
	if (!err)
		err = salvage_name(copy->part, copy->path, copy->force);
	if (!err)
		copy->part[0] = '\0';
	return err;
}

/**
 * salvage_copy_drop() - remove the image
 * @copy: as any of these functions left it; nothing happens if it is complete
 */
void salvage_copy_drop(struct salvage_copy *copy)
{
	if (copy->begun)
		vhdx_session_free(copy->writer.session);
	copy->begun = false;
	disk_close(copy->disk);
	copy->disk = NULL;
	if (copy->part[0])
		(void)unlink(copy->part);
	copy->part[0] = '\0';
}
