// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

/* Larger disks take long to hash. */
#define DUMPED_MAX	(64 * VHDX_MIB)

/* More of one run are too much alike. */
#define DUMPS_MAX	4U

static int make_file(const struct machine *m, const char *what, u64 size)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%u-%u%s", m->plan->dump,
		 m->plan->number, m->next, what);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, size)) {
		perror(path);
		exit(2);
	}
	return fd;
}

/* Zeros are there already. */
static void put(int fd, u64 pos, const u8 *bytes, u64 len)
{
	if (!*bytes && !memcmp(bytes, bytes + 1, len - 1))
		return;
	if (pwrite(fd, bytes, len, pos) == (ssize_t)len)
		return;
	perror("a dump");
	exit(2);
}

static void put_disk(const struct machine *m, const char *what,
		     const struct disk *disk)
{
	int fd = make_file(m, what, disk->size);
	u8 bytes[VHDX_PAGE];
	u64 number;

	for (number = 0; number * VHDX_PAGE < disk->size; number++) {
		if (!disk->unit[number / UNIT_PAGES]) {
			number |= UNIT_PAGES - 1;
			continue;
		}
		if (!disk_page(disk, number))
			continue;
		page_expand(disk_page(disk, number), bytes);
		put(fd, number * VHDX_PAGE, bytes,
		    min(disk->size - number * VHDX_PAGE, (u64)VHDX_PAGE));
	}
	close(fd);
}

static void put_contents(struct machine *m)
{
	int fd = make_file(m, ".raw", m->chain->size);
	u8 *bytes = malloc(VHDX_PAGE);
	u64 pos, len;

	for (pos = 0; bytes && pos < m->chain->size; pos += len) {
		len = min(m->chain->size - pos, (u64)VHDX_PAGE);
		if (vhdx_chain_read(m->chain, pos, bytes, len))
			abort();
		put(fd, pos, bytes, len);
	}
	free(bytes);
	close(fd);
}

/**
 * dump_image() - write the image to a file, and what it shows to another one
 * @m: the run, its image clean and open; it was found right
 *
 * For another reader, if one is wanted.
 */
void dump_image(struct machine *m)
{
	if (!m->plan->dump || m->chain->size > DUMPED_MAX ||
	    m->dumps == DUMPS_MAX)
		return;
	m->dumps++;
	put_disk(m, ".vhdx", &m->rec.live);
	if (m->plan->geometry.child)
		put_disk(m, "-parent.vhdx", &m->made.parent.disk);
	put_contents(m);
}
