// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhdx-copy IMAGE FILE: copy the disk of an image, with what its parents have of
 * it, to a raw file. Zeros become holes. An example of libvhdx:
 *
 *	cc vhdx-copy.c $(pkg-config --cflags --libs libvhdx) -o vhdx-copy
 */
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vhdx.h>

#define PIECE	65536

struct copy {
	struct vhdx_disk *disk;
	const char *name;
	int fd;
};

static int write_all(const struct copy *copy, const char *bytes, size_t length,
		     off_t pos)
{
	while (length) {
		ssize_t n = pwrite(copy->fd, bytes, length, pos);

		if (n < 0) {
			perror(copy->name);
			return -errno;
		}
		bytes += n;
		length -= (size_t)n;
		pos += n;
	}
	return 0;
}

/* A vhdx_visit_t: what it returns, other than 0, ends the map. */
static int copy_extent(void *context, const struct vhdx_extent *extent)
{
	const struct copy *copy = context;
	off_t pos = (off_t)extent->pos, end = pos + (off_t)extent->length;
	char buffer[PIECE];

	if (extent->kind != VHDX_EXTENT_DATA)
		return 0;
	while (pos < end) {
		size_t length = end - pos < PIECE ? (size_t)(end - pos) : PIECE;
		int err = vhdx_disk_read(copy->disk, buffer, length,
					 (uint64_t)pos);

		if (!err)
			err = write_all(copy, buffer, length, pos);
		if (err)
			return err;
		pos += (off_t)length;
	}
	return 0;
}

static int copy_disk(struct copy *copy, const char *image)
{
	struct vhdx_disk *disk = copy->disk;
	int err = vhdx_disk_open(disk, image);

	if (!err)
		err = vhdx_disk_open_parents(disk);
	if (!err && ftruncate(copy->fd, (off_t)vhdx_disk_size(disk))) {
		perror(copy->name);
		return -errno;
	}
	if (!err)
		err = vhdx_disk_map(disk, VHDX_MAP_SECTORS, 0,
				    vhdx_disk_size(disk), copy_extent, copy);
	if (err && *vhdx_disk_error(disk))
		fprintf(stderr, "%s\n", vhdx_disk_error(disk));
	return err;
}

int main(int argc, char **argv)
{
	struct copy copy = { 0 };
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: vhdx-copy IMAGE FILE\n");
		return 2;
	}
	copy.name = argv[2];
	copy.fd = open(copy.name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	copy.disk = vhdx_disk_new();
	if (copy.fd < 0 || !copy.disk) {
		fprintf(stderr, "%s: %s\n", copy.name, strerror(errno));
		return 1;
	}
	err = copy_disk(&copy, argv[1]);
	vhdx_disk_free(copy.disk);
	if (close(copy.fd) && !err) {
		perror(copy.name);
		return 1;
	}
	return err ? 1 : 0;
}
