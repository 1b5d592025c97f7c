/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The partitions on a device, as kpartx maps them: dm devices of their own,
 * whose UUIDs begin with "part".
 *
 * partitions.c APIs:
 *   partitions_add()		map them
 *   partitions_remove()	take them away, all or none
 *   partitions_count()	how many are mapped
 *   partitions_each()		go through them
 */
#ifndef PARTITIONS_H
#define PARTITIONS_H

#include "dmdev.h"

int partitions_add(const char *name, u64 sectors, bool read_only);
int partitions_count(const struct dmdev *dev);
int partitions_remove(const struct dmdev *dev, bool deferred);
int partitions_each(const struct dmdev *dev,
		    int (*visit)(const struct dmdev *part, void *context),
		    void *context);

#endif /* PARTITIONS_H */
