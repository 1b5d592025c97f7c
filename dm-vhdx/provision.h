/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bios that need a worker: those that wait for a page of the BAT or of a sector
 * bitmap, for bytes that the log changes, or for the committer; and discards
 * and zeroes, which change the BAT or call the store.
 *
 * provision.c APIs:
 *   vhdx_provision_init()	create the workers of a device
 *   vhdx_provision_exit()
 *   vhdx_provision()		take a bio over from ->map
 *   vhdx_provision_prepare()	choose the worker that a bio goes on in
 *   vhdx_provision_pages()	pages of metadata that a child needs
 */
#ifndef VHDX_PROVISION_H
#define VHDX_PROVISION_H

struct vhdx_io;
struct vhdx_target;

int vhdx_provision_init(struct vhdx_target *t);
void vhdx_provision_exit(struct vhdx_target *t);
void vhdx_provision(struct vhdx_io *io);
void vhdx_provision_prepare(struct vhdx_io *io);
unsigned long vhdx_provision_pages(void);

#endif /* VHDX_PROVISION_H */
