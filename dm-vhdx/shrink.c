// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shrinker: gives up metadata pages when memory is short.
 */
#include <linux/errno.h>

#include "compat.h"
#include "registry.h"
#include "shrink.h"

static struct shrinker *vhdx_shrinker;

static unsigned long shrink_count(struct shrinker *shrinker,
				  struct shrink_control *control)
{
	return vhdx_registry_resident();
}

static unsigned long shrink_scan(struct shrinker *shrinker,
				 struct shrink_control *control)
{
	unsigned long pages = vhdx_registry_shrink(control->nr_to_scan);

	return pages ?: SHRINK_STOP;
}

/**
 * vhdx_shrink_init() - register the module's shrinker
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_shrink_init(void)
{
	vhdx_shrinker = vhdx_shrinker_new("dm-vhdx", shrink_count, shrink_scan);
	return vhdx_shrinker ? 0 : -ENOMEM;
}

/**
 * vhdx_shrink_exit() - unregister the module's shrinker
 */
void vhdx_shrink_exit(void)
{
	vhdx_shrinker_free(vhdx_shrinker);
}
