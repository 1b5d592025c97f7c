/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shorter pauses of devices: the kernel's grace periods of RCU are expedited while a
 * device is suspended.
 *
 * A suspend waits for two grace periods of SRCU, one right after the other. On a disk
 * that is fast, or idle, the second one takes 8 to 16 ms, unless expedited
 * (synchronize_srcu() in kernel/rcu/srcutree.c), and I/O waits for it.
 *
 * hurry.c APIs:
 *   hurry_begin()	from now on they are, if that can be done
 *   hurry_end()	no more
 *   hurry_mend()	set back what a killed process has left
 */
#ifndef HURRY_H
#define HURRY_H

int hurry_begin(void);
void hurry_end(int hurry);
void hurry_mend(void);

#endif /* HURRY_H */
