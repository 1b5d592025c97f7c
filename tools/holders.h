/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users of an image: processes and devices.
 *
 * holders.c APIs:
 *   holders_explain()	name the users of an image that can be found
 */
#ifndef HOLDERS_H
#define HOLDERS_H

void holders_explain(int place, const char *path);

#endif /* HOLDERS_H */
