// SPDX-License-Identifier: GPL-2.0-only
/*
 * library-threads IMAGE...: several threads at once, each with handles of its own.
 * They read all of the images, make one, fail, and must each get their own bytes
 * and sentences. Built with TSan.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vhdx.h>

#define THREADS	4
#define ROUNDS	3
#define PIECE	65536

struct worker {
	pthread_t thread;
	int number;
	char **images;
	uint64_t sum;
	const char *fault;
};

static uint64_t add(uint64_t sum, const unsigned char *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static int count(void *context, const struct vhdx_extent *extent)
{
	uint64_t *sum = context;

	*sum += extent->length * (extent->kind + 1);
	return 0;
}

static int read_all(struct vhdx_disk *disk, uint64_t *sum)
{
	unsigned char bytes[PIECE];
	uint64_t pos, size = vhdx_disk_size(disk);
	int err = 0;

	for (pos = 0; pos < size && !err; pos += PIECE) {
		size_t length = size - pos < PIECE ? size - pos : PIECE;

		err = vhdx_disk_read(disk, bytes, length, pos);
		*sum = add(*sum, bytes, length);
	}
	return err ? err : vhdx_disk_map(disk, VHDX_MAP_SECTORS, 0, size, count,
					 sum);
}

static const char *look(const char *image, uint64_t *sum)
{
	struct vhdx_check_result result = { .struct_size = sizeof(result) };
	struct vhdx_disk *disk = vhdx_disk_new();
	const char *fault = NULL;

	if (!disk || vhdx_disk_open(disk, image) ||
	    vhdx_disk_open_parents(disk) || read_all(disk, sum) ||
	    vhdx_disk_check(disk, 0, &result))
		fault = "an image cannot be read";
	vhdx_disk_free(disk);
	return fault;
}

/* The sentence must be of this thread's file. */
static const char *fail(int number)
{
	struct vhdx_disk *disk = vhdx_disk_new();
	const char *fault = NULL;
	char name[32];

	snprintf(name, sizeof(name), "/missing-%d", number);
	if (!disk || vhdx_disk_open(disk, name) != -ENOENT ||
	    strncmp(vhdx_disk_error(disk), name, strlen(name)))
		fault = "the sentence of an error is another thread's";
	vhdx_disk_free(disk);
	return fault;
}

static const char *make(int number)
{
	const struct vhdx_creation creation = {
		.struct_size = sizeof(creation),
		.size = 1 << 20,
	};
	struct vhdx_disk *disk = vhdx_disk_new();
	const char *fault = NULL;
	char name[32];

	snprintf(name, sizeof(name), "made-%d.vhdx", number);
	unlink(name);
	if (!disk || vhdx_disk_create(disk, name, &creation) ||
	    vhdx_disk_open(disk, name))
		fault = "no image can be made";
	vhdx_disk_free(disk);
	return fault;
}

static void *work(void *context)
{
	struct worker *worker = context;
	int round;
	char **image;

	for (round = 0; round < ROUNDS && !worker->fault; round++) {
		for (image = worker->images; *image && !worker->fault; image++)
			worker->fault = look(*image, &worker->sum);
		if (!worker->fault)
			worker->fault = fail(worker->number);
		if (!worker->fault)
			worker->fault = make(worker->number);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS] = { 0 };
	int i, status = argc < 2;

	for (i = 0; i < THREADS; i++) {
		workers[i].number = i;
		workers[i].images = argv + 1;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 2;
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].fault)
			fprintf(stderr, "thread %d: %s\n", i, workers[i].fault);
		if (workers[i].sum != workers[0].sum)
			fprintf(stderr, "thread %d read other bytes\n", i);
		status |= workers[i].fault || workers[i].sum != workers[0].sum;
	}
	return status;
}
