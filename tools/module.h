/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's side: is the target there, and is it new enough?
 *
 * module.c APIs:
 *   module_ready()	load the module if it is needed, check its version
 */
#ifndef MODULE_H
#define MODULE_H

int module_ready(void);

#endif /* MODULE_H */
