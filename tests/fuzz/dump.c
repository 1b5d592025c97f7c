// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <unistd.h>

#include "dump.h"
#include "verdict.h"

static void dump_extent(int fd, const struct fuzz_layer *layer,
			const struct fuzz_extent *extent)
{
	u64 end = min(extent->offset + extent->length, layer->size);
	u64 pos = extent->offset;
	u8 buf[4096];

	while (pos < end) {
		size_t n = min_t(u64, sizeof(buf), end - pos);

		fuzz_layer_read(layer, pos, buf, n);
		FUZZ_CHECK(pwrite(fd, buf, n, (off_t)pos) == (ssize_t)n,
			   "cannot write: %s", strerror(errno));
		pos += n;
	}
}

/**
 * dump_files() - write an input's files out
 * @input: after repair
 * @directory: where; the child is layer-0.vhdx
 */
void dump_files(const struct fuzz_input *input, const char *directory)
{
	char path[4096];
	u32 i, j;
	int fd;

	for (i = 0; i < input->layers; i++) {
		const struct fuzz_layer *layer = &input->layer[i];

		snprintf(path, sizeof(path), "%s/layer-%u.vhdx", directory, i);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		FUZZ_CHECK(fd >= 0 && !ftruncate(fd, (off_t)layer->size),
			   "%s: %s", path, strerror(errno));
		for (j = 0; j < layer->count; j++)
			dump_extent(fd, layer, &layer->extent[j]);
		close(fd);
	}
}
