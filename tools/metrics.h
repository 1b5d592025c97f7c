/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What devices counted, as the verb `stats' tells it: as a tree, and as the
 * metrics of Prometheus.
 *
 * metrics.c APIs:
 *   metrics_device()	the counters of one device
 * metrics-prometheus.c APIs:
 *   metrics_prometheus()	print those of several for a collector
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdio.h>

#include "dmdev.h"
#include "tree.h"

struct json_object *metrics_device(const struct dmdev *dev);
void metrics_prometheus(FILE *out, struct json_object *devices);

#endif /* METRICS_H */
