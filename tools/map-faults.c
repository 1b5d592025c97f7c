// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"
#include "findings.h"
#include "map-faults.h"
#include "progress.h"

static void hear(struct disk_sink *sink, const char *path,
		 const struct vhdx_finding *finding)
{
	struct map_listener *listener =
		container_of(sink, struct map_listener, sink);

	listener->heard |= finding->severity == VHDX_ERROR;
	if (!listener->deaf && finding->severity >= listener->least)
		sink_messages()->finding(sink_messages(), path, finding);
}

/**
 * map_listen() - make a listener for findings
 * @listener: filled in, not deaf; its sink is for disk_open()
 */
void map_listen(struct map_listener *listener)
{
	*listener = (struct map_listener){ .sink.finding = hear };
}

/**
 * map_faults() - report the faults of the blocks that a walk found faulty
 * @disk: the disk that was walked
 * @depth: number of its images to check, from the child on
 * @err: result of the walk; -EUCLEAN if blocks were faulty
 * @listener: listener of the disk, which was deaf during the walk
 *
 * Return: @err, or an errno of the store.
 */
int map_faults(struct disk *disk, u32 depth, int err,
	       struct map_listener *listener)
{
	struct vhdx_census census;
	struct progress progress;
	int found = 0;
	u32 i;

	if (err != -EUCLEAN)
		return err;
	listener->deaf = false;
	listener->least = VHDX_ERROR;
	progress_begin(&progress, "map");
	for (i = 0; i < depth && !found; i++)
		found = vhdx_check_blocks(disk->layer[i]->image, &census,
					  &progress.engine,
					  &disk->layer[i]->report);
	progress_end(&progress);
	return found ? found : err;
}
