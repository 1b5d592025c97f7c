/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hibernation: what nobody has asked for waits until it is over.
 *
 * A hibernation image is a copy of memory. What is written to disk after the copy
 * was made, and before the power goes, contradicts it: a file system below, and
 * our own session, would go on from a state that the disk no longer has. So work
 * that we start ourselves stops before: commits and checkpoints by the clock,
 * blocks made ready ahead of need, discards, the image's time of modification.
 *
 * The threads themselves are not freezable. Those who are being frozen, such as
 * kjournald2 and xfsaild, may need a flush or a write before they can be, and the
 * hibernation image may be written to a device of ours.
 *
 * hibernate.c APIs:
 *   vhdx_hibernate_init()	be told of hibernation
 *   vhdx_hibernate_exit()
 *   vhdx_hibernate_event()	it begins, or is over
 *   vhdx_own_work_begin()	before work that nobody has asked for
 *   vhdx_own_work_end()	after it
 *   vhdx_own_work_rests()	does such work have to wait?
 */
#ifndef VHDX_HIBERNATE_H
#define VHDX_HIBERNATE_H

#include <linux/types.h>

int vhdx_hibernate_init(void);
void vhdx_hibernate_exit(void);
void vhdx_hibernate_event(unsigned long event);
bool vhdx_own_work_begin(void);
void vhdx_own_work_end(void);
bool vhdx_own_work_rests(void);

#endif /* VHDX_HIBERNATE_H */
