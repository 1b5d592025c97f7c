/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel module: whether it has the target, in a known version.
 *
 * module.c APIs:
 *   module_ready()	load the module if needed, and check its version
 */
#ifndef MODULE_H
#define MODULE_H

int module_ready(void);

#endif /* MODULE_H */
