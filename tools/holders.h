/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses an image?
 *
 * holders.c APIs:
 *   holders_explain()	name them, as far as they can be found
 */
#ifndef HOLDERS_H
#define HOLDERS_H

void holders_explain(int place, const char *path);

#endif /* HOLDERS_H */
