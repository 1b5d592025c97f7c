/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Partitions that kpartx maps: each is a dm device, whose UUID begins with
 * "part".
 *
 * partitions.c APIs:
 *   partitions_add()		map the partitions of a device
 *   partitions_remove()	remove them, all or none
 *   partitions_count()	count the mapped ones
 *   partitions_each()		visit the mapped ones
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
