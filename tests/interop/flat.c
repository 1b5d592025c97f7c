// SPDX-License-Identifier: GPL-2.0-only
/*
 * flat IMAGE [OFFSET LENGTH]: write a virtual disk, or bytes of it, to standard
 * output, parents and all, read by the engine as the helper opens it. A test's
 * tool: users have the device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "open.h"
#include "place.h"

#define PIECE	(1024 * 1024)

static void say(struct disk_sink *sink, const char *path,
		const struct vhdx_finding *finding)
{
	char text[VHDX_SENTENCE_MAX];

	(void)sink;
	if (finding->severity == VHDX_INFO)
		return;
	vhdx_sentence(finding, text, sizeof(text));
	fprintf(stderr, "%s: %s\n", path, text);
}

static int copy(const struct vhdx_chain *chain, u64 pos, u64 end, void *piece)
{
	while (pos < end) {
		size_t len = min_t(u64, PIECE, end - pos);
		int err = vhdx_chain_read(chain, pos, piece, len);

		if (err)
			return err;
		if (fwrite(piece, 1, len, stdout) != len)
			return -EIO;
		pos += len;
	}
	return fflush(stdout) ? -EIO : 0;
}

static int write_flat(struct disk *disk, char **range)
{
	void *piece = malloc(PIECE);
	u64 pos = 0, end;
	int err;

	if (!piece)
		return -ENOMEM;
	err = disk_follow(disk);
	if (!err) {
		end = disk->chain->size;
		if (range[0]) {
			pos = strtoull(range[0], NULL, 0);
			end = pos + strtoull(range[1], NULL, 0);
		}
		err = copy(disk->chain, pos, end, piece);
	}
	free(piece);
	return err;
}

int main(int argc, char **argv)
{
	struct disk_sink sink = { .finding = say };
	struct disk_options options = { .sink = &sink };
	struct disk *disk;
	int place, err;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: flat IMAGE [OFFSET LENGTH]\n");
		return 1;
	}
	console_begin();
	err = place_find(argv[1], &place);
	if (!err)
		err = disk_open(place, argv[1], &options, &disk);
	if (!err) {
		err = write_flat(disk, argv + 2);
		disk_close(disk);
	}
	if (err)
		fprintf(stderr, "flat: %s: %s\n", argv[1], strerror(-err));
	return err ? 1 : 0;
}
