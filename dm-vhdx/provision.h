/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bios that must wait: for a page of the BAT or of a sector bitmap, or for
 * bytes that the log changes.
 *
 * provision.c APIs:
 *   vhdx_provision_init()	workers for a device
 *   vhdx_provision_exit()
 *   vhdx_provision()		take a bio over from ->map
 */
#ifndef VHDX_PROVISION_H
#define VHDX_PROVISION_H

struct bio;
struct vhdx_target;

int vhdx_provision_init(struct vhdx_target *t);
void vhdx_provision_exit(struct vhdx_target *t);
void vhdx_provision(struct vhdx_target *t, struct bio *bio);

#endif /* VHDX_PROVISION_H */
