/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where nbdkit finds our plugin.
 *
 * plugin-path.c APIs:
 *   plugin_path()	what nbdkit is to load
 */
#ifndef PLUGIN_PATH_H
#define PLUGIN_PATH_H

int plugin_path(char **plugin);

#endif /* PLUGIN_PATH_H */
